"""Local state on disk: one RocksDB per partition, in the slot that a worker holds.

A cache of the ledger: deleting it loses nothing but the minutes of folding again. Rows and position
of a partition move in one atomic write. Not synced to disk on every write: what a power loss takes
away is folded again. What the rows mean is said in `state`.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Final, cast

import structlog
from rocksdict import (
    BlockBasedOptions,
    Cache,
    Checkpoint,
    DbClosedError,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
    WriteOptions,
)

from processor.metrics import STORES_DISCARDED

# Rises with every change of what the rows mean: a store of another format is thrown away.
FORMAT: Final = b"3"
FORMAT_KEY: Final = b"format"
SLOTS_MAX: Final = 64
LOCK_FILE: Final = "lock"
NOTE_FILE: Final = "noted"

# Blocks that were read lately, of all partitions of a worker, and rows not yet in files.
CACHE_BYTES: Final = 64 * 1024 * 1024
BUFFERS_BYTES: Final = 64 * 1024 * 1024
# Of one partition: what a start has to read back from the write-ahead log at most, twice.
BUFFER_BYTES: Final = 8 * 1024 * 1024
# 10 bits a key let 1 % of the look-ups of unused keys through to the disk.
BLOOM_BITS: Final = 10

# Input and output errors that tell of a damaged store, and not of a full disk or too few handles.
DAMAGE_SIGNS: Final = ("No such file", "Input/output error", "too short", "truncated")

log = structlog.get_logger(__name__)


class StoreBusyError(Exception):
    """Another process holds every slot of the data directory."""


class StoreError(Exception):
    """A store cannot be used as it is; the ledger can."""


class StoreDamagedError(StoreError):
    """What lies on disk is not what was written: the store must be thrown away."""


class StoreFailedError(StoreError):
    """The disk is full or out of reach: the store may be good, and has to be opened again."""


class Memory:
    """The memory that the stores of one worker share."""

    def __init__(self) -> None:
        """Set it apart; it is taken when it is needed."""
        self.cache = Cache(CACHE_BYTES)
        self.buffers = WriteBufferManager(BUFFERS_BYTES, allow_stall=False)


class Store:
    """One partition's database."""

    def __init__(self, path: Path, memory: Memory | None = None) -> None:
        """Open or create; one that is damaged or of another format is thrown away first.

        Raises StoreFailedError when the disk does not let it.
        """
        self.path = path
        self._memory = memory or Memory()
        self._unsynced = WriteOptions()
        self._unsynced.sync = False
        self._is_open = False
        self._noted = ""
        try:
            self._begin()
        except StoreError:
            self.close()
            raise

    def _begin(self) -> None:
        try:
            self._open()
            found = self.get(FORMAT_KEY)
            if found is None and self._is_empty():
                self.write({FORMAT_KEY: FORMAT})
            elif found != FORMAT:
                self._renew("format", f"format {found!r} is not {FORMAT!r}")
        except StoreDamagedError as error:
            self._renew("damaged", str(error))

    def _open(self) -> None:
        if self._was_cut():
            raise StoreDamagedError("its manifest is shorter than it was")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = Rdict(str(self.path), _options(self._memory))
        except Exception as error:
            # The binding knows one exception type; its text alone tells what is wrong.
            raise _read_error(error) from error
        self._is_open = True
        self.note()

    def _was_cut(self) -> bool:
        try:
            name, size = (self.path / NOTE_FILE).read_text().split()
            return (self.path / name).stat().st_size < int(size)
        except (OSError, ValueError):
            return False

    def note(self) -> None:
        """Note how long RocksDB's list of its files is: of a cut one, it takes what is left.

        Without the end of that list, files whose rows have left the log would not be missed.
        """
        try:
            name = (self.path / "CURRENT").read_text().strip()
            noted = f"{name} {(self.path / name).stat().st_size}"
            if noted == self._noted:
                return
            written = self.path / f"{NOTE_FILE}.new"
            written.write_text(noted)
            written.replace(self.path / NOTE_FILE)
            self._noted = noted
        except OSError as error:
            # It is only one more safeguard: whatever fails here fails elsewhere too.
            log.warning("store.not_noted", path=str(self.path), error=str(error))

    def _is_empty(self) -> bool:
        return next(iter(self._db.keys()), None) is None

    def _renew(self, reason: str, error: str) -> None:
        self.close()
        discard(self.path, reason, error)
        self._open()
        self.write({FORMAT_KEY: FORMAT})

    def get(self, key: bytes) -> bytes | None:
        """Return a row. Raises StoreError."""
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise _read_error(error) from error
        return value

    def write(self, rows: Mapping[bytes, bytes], gone: Iterable[bytes] = ()) -> None:
        """Write rows and delete others, atomically. Raises StoreError."""
        batch = WriteBatch(raw_mode=True)
        for key, value in rows.items():
            batch.put(key, value)
        for key in gone:
            batch.delete(key)
        try:
            self._db.write(batch, self._unsynced)
        except Exception as error:
            raise _read_error(error) from error

    def scan(
        self, start: bytes, count: int, stop: bytes | None = None
    ) -> list[tuple[bytes, bytes]]:
        """Return up to `count` rows from a key on, those before `stop` if given, in order.

        Raises StoreError.
        """
        rows: list[tuple[bytes, bytes]] = []
        try:
            for key, value in self._db.items(from_key=start):
                if stop is not None and cast(bytes, key) >= stop:
                    break
                rows.append((cast(bytes, key), value))
                if len(rows) >= count:
                    break
        except Exception as error:
            raise _read_error(error) from error
        return rows

    def clear(self) -> None:
        """Forget every row. Raises StoreError."""
        self.close()
        shutil.rmtree(self.path, ignore_errors=True)
        self._open()
        self.write({FORMAT_KEY: FORMAT})

    def flush(self) -> None:
        """Move what was written to files, so that `checkpoint` is quick. For a thread.

        Raises StoreError.
        """
        try:
            self._db.flush(wait=True)
        except Exception as error:
            raise _read_error(error) from error

    def checkpoint(self, path: Path) -> None:
        """Leave a copy of the store as it is now, made of hard links, in a directory not there yet.

        Takes milliseconds after a `flush`, tens of them without. Raises StoreError.
        """
        try:
            Checkpoint(self._db).create_checkpoint(str(path))
        except Exception as error:
            raise _read_error(error) from error

    def close(self) -> None:
        """Close; never fails."""
        if not self._is_open:
            return
        self._is_open = False
        try:
            self._db.close()
        except Exception as error:  # noqa: BLE001  the binding knows one exception type
            log.warning("store.not_closed_well", path=str(self.path), error=str(error))
        self.note()


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


def discard(path: Path, reason: str, error: str, keep: str | None = None) -> None:
    """Throw a store away, save the file `keep`; `reason` is the label under which it is counted."""
    log.warning("store.discarded", path=str(path), reason=reason, error=error)
    STORES_DISCARDED.labels(reason).inc()
    if keep is None:
        shutil.rmtree(path, ignore_errors=True)
        return
    for item in path.iterdir():
        if item.name == keep:
            continue
        if item.is_dir():
            shutil.rmtree(item, ignore_errors=True)
        else:
            item.unlink(missing_ok=True)


def _locked(path: Path, lock: Callable[[IO[bytes], int], None] = fcntl.flock) -> IO[bytes]:
    # Held by the open file: it falls with the process, and not while that is merely stopped.
    file = path.open("ab")
    try:
        lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise StoreBusyError(str(path.parent)) from error
    return file


def _read_error(error: Exception) -> StoreError:
    text = str(error)
    failed = text.startswith("IO error") and not any(sign in text for sign in DAMAGE_SIGNS)
    failed = failed or isinstance(error, OSError | DbClosedError)
    return StoreFailedError(text) if failed else StoreDamagedError(text)


def _options(memory: Memory) -> Options:
    blocks = BlockBasedOptions()
    blocks.set_block_cache(memory.cache)
    # Filters and indexes stay out of the cache: 1.6 MB per million rows, and a miss costs 0.2 µs.
    blocks.set_bloom_filter(BLOOM_BITS, False)  # noqa: FBT003  the binding takes no keywords
    options = Options(raw_mode=True)
    options.create_if_missing(True)  # noqa: FBT003  as above
    options.set_block_based_table_factory(blocks)
    options.set_write_buffer_manager(memory.buffers)
    options.set_write_buffer_size(BUFFER_BYTES)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_level_compaction_dynamic_level_bytes(True)
    options.set_keep_log_file_num(2)
    return options
