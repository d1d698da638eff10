"""The virtual environment of the peers in Python, `.peers/venv`: what requirements.lock pins.

Kept apart from xpledger's own, for the two need different versions of the same packages. Imports
the standard library alone.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.peers import HOME, PeerError

LOCK: Final = Path(__file__).with_name("requirements.lock")
VENV: Final = HOME / "venv"


def install() -> None:
    """Install the pinned packages unless they are; raises PeerError with what pip said."""
    stamp = VENV / "installed"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text(encoding="ascii") == wanted:
        return
    _run(sys.executable, "-m", "venv", "--clear", str(VENV))
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    _run(*pip, "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:", "-r", str(LOCK))
    stamp.write_text(wanted, encoding="ascii")


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerError(f"{' '.join(words)}:\n{done.stdout}{done.stderr}")
