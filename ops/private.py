"""What is written is for the user who runs this and for nobody else: directories, and what is new.

What Kafka and Postgres keep has people's names and addresses in it, the workers' memory what they
did, and some of the small files are passwords.
"""

import os
from pathlib import Path
from typing import Final

OWNER_ONLY: Final = 0o077


def write_privately() -> None:
    """Have all that this process and its children make be for its user only."""
    os.umask(OWNER_ONLY)


def make_private(directory: Path) -> None:
    """Make a directory, and those above it, or close one that is there to all but its user.

    One that belongs to somebody else stays as it is: whoever made it knows what it is for.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = directory.stat()
    if found.st_uid == os.geteuid() and found.st_mode & OWNER_ONLY:
        directory.chmod(0o700)
