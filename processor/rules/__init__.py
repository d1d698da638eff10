"""The rules, pure: same inputs, same entries, for ever. No Faust, no asyncio, no clock, no I/O."""

from typing import Final

# The version of the rules that records name. It rises with every change to what `decide` concludes.
RULES: Final = 3
