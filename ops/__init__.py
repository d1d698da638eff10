"""The hands: what a person runs.

The only room that may import all others; of it, only settings.py reads the environment.
"""

from typing import Final

VERSION: Final = "0.1.0"
