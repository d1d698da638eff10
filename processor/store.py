"""Local state on disk: one RocksDB per partition, in the slot that a worker holds.

A cache of the ledger: deleting it loses nothing but the minutes of folding again. Rows and position
of a partition move in one atomic write. Not synced to disk on every write: what a power loss takes
away is folded again. What the rows mean is said in `state`.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final, cast

import structlog
from rocksdict import (
    Checkpoint,
    DbClosedError,
    Rdict,
    WriteBatch,
    WriteOptions,
)

from processor.metrics import STORES_DISCARDED
from processor.store_options import Memory, options_of

# Rises with every change of what the rows mean: a store of another format is thrown away.
FORMAT: Final = b"4"
FORMAT_KEY: Final = b"format"
NOTE_FILE: Final = "noted"

# Input and output errors that tell of a damaged store, and not of a full disk or too few handles.
DAMAGE_SIGNS: Final = ("No such file", "Input/output error", "too short", "truncated")

log = structlog.get_logger(__name__)


class StoreError(Exception):
    """A store cannot be used as it is; the ledger can."""


class StoreDamagedError(StoreError):
    """What lies on disk is not what was written: the store must be thrown away."""


class StoreFailedError(StoreError):
    """The disk is full or out of reach: the store may be good, and has to be opened again."""


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
                self.write([(FORMAT_KEY, FORMAT)])
            elif found != FORMAT:
                self._renew("format", f"format {found!r} is not {FORMAT!r}")
        except StoreDamagedError as error:
            self._renew("damaged", str(error))

    def _open(self) -> None:
        if self._was_cut():
            raise StoreDamagedError("its manifest is shorter than it was")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = Rdict(str(self.path), options_of(self._memory))
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
        self.write([(FORMAT_KEY, FORMAT)])

    def get(self, key: bytes) -> bytes | None:
        """Return a row. Raises StoreError."""
        try:
            value: bytes | None = self._db.get(key)
        except Exception as error:
            raise _read_error(error) from error
        return value

    def write(self, rows: Iterable[tuple[bytes, bytes]], gone: Iterable[bytes] = ()) -> None:
        """Write rows and delete others, atomically. Raises StoreError."""
        batch = WriteBatch(raw_mode=True)
        put = batch.put
        for key, value in rows:
            put(key, value)
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
        self.write([(FORMAT_KEY, FORMAT)])

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


def _read_error(error: Exception) -> StoreError:
    text = str(error)
    failed = text.startswith("IO error") and not any(sign in text for sign in DAMAGE_SIGNS)
    failed = failed or isinstance(error, OSError | DbClosedError)
    return StoreFailedError(text) if failed else StoreDamagedError(text)
