"""A worker's local state on disk: standings, idempotency keys and positions, in RocksDB.

A cache of the ledger: deleting it loses nothing but the minutes of folding again. A partition's
rows and its position move in one atomic write. Not synced to disk on every write: what a power
loss takes away is folded again, and a store that cannot be read is thrown away.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson
import structlog
from rocksdict import Options, Rdict, WriteBatch, WriteOptions

# Rises with every change of what the rows mean: a store of another format is thrown away.
FORMAT: Final = b"1"
FORMAT_KEY: Final = b"format"
SLOTS_MAX: Final = 64

STANDING: Final = b"s"
KEY: Final = b"k"
META: Final = b"m"

log = structlog.get_logger(__name__)


class StoreBusyError(Exception):
    """Another process holds every slot of the data directory."""


def open_store(directory: Path) -> "Store":
    """Open the first slot of a worker data directory that no other process holds.

    Several workers share one directory, each in a slot of its own; a stopped one keeps its slot.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for slot in range(SLOTS_MAX):
        try:
            return Store(directory / str(slot))
        except StoreBusyError:
            continue
    raise StoreBusyError(f"all {SLOTS_MAX} slots of {directory} are in use by other workers")


class Store:
    """One worker's database: rows of all partitions it has ever held."""

    def __init__(self, path: Path) -> None:
        """Open or create; throws a damaged or foreign one away. StoreBusyError when it is held."""
        self.path = path
        self._db = self._open()
        if self._db.get(FORMAT_KEY) != FORMAT:
            self._renew()

    def _open(self) -> Rdict:
        options = Options(raw_mode=True)
        options.create_if_missing(True)  # noqa: FBT003  the binding takes no keywords
        options.set_keep_log_file_num(2)
        try:
            return Rdict(str(self.path), options)
        except Exception as error:
            # The binding knows one exception type; its text alone tells a lock from damage.
            if "lock" in str(error).lower():
                raise StoreBusyError(str(self.path)) from error
            log.warning("store.discarded", path=str(self.path), error=str(error))
            shutil.rmtree(self.path, ignore_errors=True)
            return Rdict(str(self.path), options)

    def _renew(self) -> None:
        self._db.close()
        shutil.rmtree(self.path, ignore_errors=True)
        self._db = self._open()
        self._db[FORMAT_KEY] = FORMAT

    def get(self, key: bytes) -> bytes | None:
        """Return a row."""
        value: bytes | None = self._db.get(key)
        return value

    def write(self, rows: Mapping[bytes, bytes]) -> None:
        """Write rows atomically."""
        batch = WriteBatch(raw_mode=True)
        for key, value in rows.items():
            batch.put(key, value)
        options = WriteOptions()
        options.sync = False
        self._db.write(batch, options)

    def clear(self, partition: int) -> None:
        """Forget everything about a partition."""
        prefix = partition_prefix(partition)
        self._db.delete_range(prefix, partition_prefix(partition + 1))

    def close(self) -> None:
        """Close; the slot is free for others."""
        self._db.close()


def partition_prefix(partition: int) -> bytes:
    """Return how every key of a partition begins."""
    return b"p" + partition.to_bytes(4, "big")


def dump(value: object) -> bytes:
    """Write a row's value."""
    return orjson.dumps(value)
