"""The disk of a simulated worker: real RocksDB, and what a crash or the loss of power leaves of it.

Opening a database costs as much as a tenth of a schedule, so databases are kept open and emptied.
"""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from simulation.clock import Process

from processor.slot import Slot
from processor.store import FORMAT, FORMAT_KEY, Store
from processor.store_options import Memory

WRITES_KNOWN: Final = 100
# After so many schedules a database is made anew: what was deleted slows down what is read.
WIPES_MAX: Final = 50


class DiedError(BaseException):
    """The process that runs is dead: nothing it does counts any more."""


# Called with "read", "write" or "written", and with the disk.
Touch = Callable[[str, "Disk"], None]


class Disk:
    """One partition's database in one slot of the data directory."""

    def __init__(self, path: Path, memory: Memory) -> None:
        """Open the database."""
        self.path = path
        self._memory = memory
        self.store = Store(path, memory)
        # What each of the last writes replaced, oldest first.
        self._replaced: list[dict[bytes, bytes | None]] = []
        self._wipes = 0
        # Whether a store that is closed is really closed: needed where its files are replaced.
        self.closes = False

    def open(self) -> None:
        """Open it, unless it is open; what lies there may be another store by now."""
        if not self.store._is_open:
            self.store = Store(self.path, self._memory)
            self._replaced.clear()

    def note(self, keys: Iterable[bytes]) -> None:
        """Remember what a write is about to replace."""
        self._replaced.append({key: self.store.get(key) for key in keys})
        del self._replaced[:-WRITES_KNOWN]

    def lose(self, writes: int) -> None:
        """Lose the last writes, in their order, as the loss of power does."""
        self.open()
        for rows in reversed(self._replaced[-writes:]):
            there = {key: before for key, before in rows.items() if before is not None}
            self.store.write(there.items(), rows.keys() - there.keys())
        del self._replaced[-writes:]

    def wipe(self) -> None:
        """Empty it."""
        self.open()
        self._replaced.clear()
        self._wipes += 1
        if self._wipes % WIPES_MAX == 0:
            self.store.close()
            shutil.rmtree(self.path)
            self.store = Store(self.path, self._memory)
            return
        rows = [key for key, _ in self.store.scan(b"", 10_000) if key != FORMAT_KEY]
        self.store.write([(FORMAT_KEY, FORMAT)], rows)


class Disks:
    """The slots of a data directory, for one schedule after the other."""

    def __init__(self, directory: Path) -> None:
        """Take a directory, best in memory."""
        self.directory = directory
        self.memory = Memory()
        self.snapshots = directory / "snapshots"
        self._closes = False
        self._disks: dict[tuple[int, int], Disk] = {}

    def disk(self, slot: int, partition: int) -> Disk:
        """Return the disk of a partition in a slot, as it was left."""
        place = slot, partition
        if place not in self._disks:
            path = self.directory / str(slot) / str(partition)
            self._disks[place] = Disk(path, self.memory)
            self._disks[place].closes = self._closes
        return self._disks[place]

    def begin(self, *, closes: bool) -> None:
        """Empty all for a new schedule; see Disk for `closes`."""
        shutil.rmtree(self.snapshots, ignore_errors=True)
        for disk in self._disks.values():
            disk.wipe()
            disk.closes = closes
        self._closes = closes

    def close(self) -> None:
        """Close all."""
        for disk in self._disks.values():
            disk.store.close()


class GuardedSlot(Slot):
    """The real slot as one process sees it."""

    def __init__(self, disks: Disks, slot: int, process: Process, touch: Touch) -> None:
        """Take a slot for a process; `touch` hears what is done to the disk, and may raise."""
        self.path = disks.directory / str(slot)
        self.memory = disks.memory
        self._disks = disks
        self._slot = slot
        self._process = process
        self._touch = touch

    def open(self, partition: int) -> Store:
        """See Slot."""
        disk = self._disks.disk(self._slot, partition)
        disk.open()
        return GuardedStore(disk, self._process, self._touch)

    def close(self) -> None:
        """Do nothing: the world knows who holds a slot."""


class GuardedStore(Store):
    """The real store as one process sees it: with a point to die at on each side of every write."""

    def __init__(self, disk: Disk, process: Process, touch: Touch) -> None:
        """Open a partition's store for a process."""
        vars(self).update(vars(disk.store))
        self._disk = disk
        self._process = process
        self._touch = touch

    def get(self, key: bytes) -> bytes | None:
        """See Store."""
        self._begin_to("read")
        return super().get(key)

    def scan(
        self, start: bytes, count: int, stop: bytes | None = None
    ) -> list[tuple[bytes, bytes]]:
        """See Store."""
        self._begin_to("read")
        return super().scan(start, count, stop)

    def write(self, rows: Iterable[tuple[bytes, bytes]], gone: Iterable[bytes] = ()) -> None:
        """See Store."""
        rows, gone = list(rows), list(gone)
        self._begin_to("write")
        self._disk.note([*(key for key, _ in rows), *gone])
        super().write(rows, gone)
        self._touch("written", self._disk)

    def clear(self) -> None:
        """See Store."""
        self._begin_to("write")
        # The disk's own is emptied, and stays open.
        self._disk.wipe()
        vars(self).update(vars(self._disk.store))
        self._touch("written", self._disk)

    def note(self) -> None:
        """Do nothing: what it guards against is not simulated."""

    def close(self) -> None:
        """See Store; where nothing else is done with its files it stays open for the next."""
        if self._disk.closes and not self._process.dead:
            self._disk.store.close()

    def _begin_to(self, what: str) -> None:
        if self._process.dead:
            raise DiedError("store")
        self._touch(what, self._disk)
