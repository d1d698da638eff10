"""Where the stores of a worker lie: a directory that no other process holds at the same time."""

import fcntl
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from processor.store import Store, discard
from processor.store_options import Memory

SLOTS_MAX: Final = 64
LOCK_FILE: Final = "lock"


class StoreBusyError(Exception):
    """Another process holds every slot of the data directory."""


class Slot:
    """A directory for the stores of one worker, which no other process holds."""

    def __init__(self, path: Path) -> None:
        """Take it. Raises StoreBusyError when another process holds it, dead ones excepted."""
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.memory = Memory()
        self._lock = _locked(path / LOCK_FILE)
        if (path / "CURRENT").exists():
            # Up to format 1 the slot itself was the one store of the worker.
            with _locked(path / "LOCK", fcntl.lockf):
                discard(path, "format", "one store for all partitions", keep=LOCK_FILE)

    def path_of(self, partition: int) -> Path:
        """Return where a partition's store lies, whether or not it is there."""
        return self.path / str(partition)

    def open(self, partition: int) -> Store:
        """Open a partition's store. Raises StoreFailedError."""
        return Store(self.path_of(partition), self.memory)

    def close(self) -> None:
        """Leave the slot to others; its stores must be closed."""
        self._lock.close()


def open_slot(directory: Path) -> Slot:
    """Take the first slot of a data directory that no other process holds.

    Several workers share one directory, each in a slot of its own; a stopped one keeps its slot.
    """
    for slot in range(SLOTS_MAX):
        try:
            return Slot(directory / str(slot))
        except StoreBusyError:
            continue
    raise StoreBusyError(f"all {SLOTS_MAX} slots of {directory} are in use by other workers")


def _locked(path: Path, lock: Callable[[IO[bytes], int], None] = fcntl.flock) -> IO[bytes]:
    # Held by the open file: it falls with the process, and not while that is merely stopped.
    file = path.open("ab")
    try:
        lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StoreBusyError(str(path.parent)) from error
    return file
