"""Snapshots of a partition's store, in a directory that all workers reach: left, found, taken over.

Caches of the ledger, as the stores are: whoever finds none that is good folds from record zero. A
snapshot is a directory named after its position, complete under that name from the first moment on.
Several workers may write and read here at once. No loop runs in here: everything is for a thread.
"""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import IO, Any, Final

import orjson
import structlog
from msgspec.structs import astuple

from processor.metrics import SNAPSHOTS_SKIPPED
from processor.partition_meta import PartitionMeta
from processor.store import FORMAT, NOTE_FILE
from schemas.records import Link

MANIFEST: Final = "manifest.json"
PART: Final = ".part"
KEPT: Final = 2
# What a dead worker left half-written is removed after so many seconds.
PART_S_MAX: Final = 86_400
COPY_BYTES: Final = 1024 * 1024
SUM_BYTES: Final = 32

log = structlog.get_logger(__name__)


class SnapshotDamagedError(Exception):
    """A snapshot is not what was written, or has been removed meanwhile."""


class StoppedError(Exception):
    """Copying was stopped half-way, as asked."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A store as it was at one position of the ledger."""

    path: Path
    # Offset of the next ledger record; offset and link of the last one applied.
    ledger: int
    applied: int
    last: Link
    # File name -> size in bytes and checksum.
    files: Mapping[str, tuple[int, str]]


class Snapshots:
    """The snapshots of one partition."""

    def __init__(self, root: Path, topic: str, partition: int) -> None:
        """Keep them below `root`, a directory that all workers of this ledger topic reach."""
        self._path = root / topic / str(partition)

    def found(self) -> list[Snapshot]:
        """Return those that can be read, the one that is furthest on first. Raises OSError."""
        if not self._path.is_dir():
            return []
        paths = [it for it in self._path.iterdir() if not it.name.endswith(PART)]
        read = [_read(it) for it in paths if it.is_dir()]
        return sorted((it for it in read if it), key=lambda it: it.ledger, reverse=True)

    def load(self, snapshot: Snapshot, into: Path, is_over: Callable[[], bool]) -> None:
        """Copy a snapshot into a directory that is not there yet, checking every byte.

        `is_over` is asked now and then. Raises SnapshotDamagedError, StoppedError, or OSError where
        the copy cannot be written; nothing is left behind then.
        """
        into.mkdir(parents=True)
        try:
            for name, known in snapshot.files.items():
                try:
                    source = (snapshot.path / name).open("rb")
                except FileNotFoundError as error:
                    raise SnapshotDamagedError(f"{name} is gone") from error
                with source, (into / name).open("wb") as target:
                    copied = _copy(source, target, is_over)
                _check(name, copied == known)
        except BaseException:
            shutil.rmtree(into, ignore_errors=True)
            raise

    def withdraw(self, path: Path) -> None:
        """Remove a snapshot whose rows are damaged although its files are as they were left.

        It is the copy of a store in which nobody had come upon the damage yet. Never fails.
        """
        shutil.rmtree(path, ignore_errors=True)

    def leave(self, store: Path, meta: PartitionMeta, is_over: Callable[[], bool]) -> Path:
        """Leave a copy of a closed store, or of a checkpoint; return where.

        `meta` is the store's row about itself. Older ones are removed. Raises OSError and
        StoppedError; nothing is left behind then.
        """
        token = token_hex(4)
        part = self._path / f"{token}{PART}"
        part.mkdir(parents=True)
        try:
            files = {}
            for item in sorted(store.iterdir()):
                if item.name == NOTE_FILE:
                    continue
                with item.open("rb") as source, (part / item.name).open("wb") as target:
                    files[item.name] = _copy(source, target, is_over)
                    target.flush()
                    os.fsync(target.fileno())
            content = {
                "format": FORMAT.decode(),
                "ledger": meta.ledger,
                "applied": meta.applied,
                "last": astuple(meta.last) if meta.last is not None else None,
                "files": files,
            }
            manifest = {**content, "sum": _sum_of(content)}
            with (part / MANIFEST).open("wb") as target:
                target.write(orjson.dumps(manifest))
                target.flush()
                os.fsync(target.fileno())
            _sync(part)
            path = self._path / f"{meta.ledger:020}-{token}"
            part.rename(path)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        _sync(self._path)
        self._remove_old()
        return path

    def _remove_old(self) -> None:
        # By when they were left, not by position: those of a ledger that is gone may be further on.
        done: list[tuple[float, Path]] = []
        parts: list[tuple[float, Path]] = []
        for item in self._path.iterdir():
            try:
                (parts if item.name.endswith(PART) else done).append((item.stat().st_mtime, item))
            except OSError:
                # Another worker was faster.
                continue
        old = [item for _mtime, item in sorted(done)[:-KEPT]]
        # Housekeeping, so the wall clock will do.
        old += [item for mtime, item in parts if mtime < time.time() - PART_S_MAX]
        for item in old:
            # Without it nobody begins to read what is about to go.
            (item / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(item, ignore_errors=True)


def skip(snapshot: Snapshot | Path, reason: str, error: str = "") -> None:
    """Log and count that a snapshot cannot be used; `reason` is the label of the count."""
    path = snapshot.path if isinstance(snapshot, Snapshot) else snapshot
    log.warning("snapshot.skipped", path=str(path), reason=reason, error=error)
    SNAPSHOTS_SKIPPED.labels(reason).inc()


def _read(path: Path) -> Snapshot | None:
    try:
        manifest = orjson.loads((path / MANIFEST).read_bytes())
        if manifest["format"] != FORMAT.decode():
            skip(path, "format", f"format {manifest['format']!r}")
            return None
        _check(MANIFEST, manifest.pop("sum") == _sum_of(manifest))
        files = {name: (size, digest) for name, (size, digest) in manifest["files"].items()}
        epoch, offset, lane = manifest["last"]
        link = Link(epoch, offset, lane)
        return Snapshot(path, manifest["ledger"], manifest["applied"], link, files)
    except FileNotFoundError:
        # About to be removed by another worker.
        return None
    except (OSError, ValueError, KeyError, TypeError, SnapshotDamagedError) as error:
        skip(path, "damaged", str(error))
        return None


def _sum_of(content: Mapping[str, Any]) -> str:
    raw = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return blake2b(raw, digest_size=SUM_BYTES).hexdigest()


def _check(name: str, holds: bool) -> None:  # noqa: FBT001  there is nothing else to say
    if not holds:
        raise SnapshotDamagedError(f"{name} is not what was written")


def _copy(source: IO[bytes], target: IO[bytes], is_over: Callable[[], bool]) -> tuple[int, str]:
    """Copy a file; return its size and its checksum."""
    digest, size = blake2b(digest_size=SUM_BYTES), 0
    while piece := source.read(COPY_BYTES):
        if is_over():
            raise StoppedError
        digest.update(piece)
        target.write(piece)
        size += len(piece)
    return size, digest.hexdigest()


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
