"""The contender `worker`: what `xp worker` runs, told by variables as an operator tells it."""

import os
import sys
from pathlib import Path

from ops.cli import main

if __name__ == "__main__":
    bootstrap, prefix, scratch, _partitions = sys.argv[1:]
    os.environ |= {
        "XP_KAFKA": bootstrap,
        "XP_TOPIC_PREFIX": prefix,
        "XP_DATA_DIR": str(Path(scratch) / "state"),
    }
    main(["worker"])
