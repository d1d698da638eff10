"""Started by `xp up`: one part in a process of its own. Its settings come as XP_… variables.

A script, not a module, because it may be started from any directory.
"""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from ops.cli import main  # noqa: E402  the line above is what lets it be found

if __name__ == "__main__":
    # The data directory on the command line tells this process from others when it is left behind.
    main([sys.argv[1]])
