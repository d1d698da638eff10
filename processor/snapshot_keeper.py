"""The snapshots of one partition: which one to begin from, and when to leave one."""

import asyncio
import shutil
from pathlib import Path
from typing import Final

import structlog

from processor.feed import Feed
from processor.ledger import Ledger
from processor.metrics import SNAPSHOT_SECONDS, SNAPSHOTS_LOADED, SNAPSHOTS_WRITTEN
from processor.partition_meta import PartitionMeta, read_meta
from processor.partition_state import PartitionState
from processor.rows import META
from processor.snapshots import Snapshot, SnapshotDamagedError, Snapshots, StoppedError, skip
from processor.storage import StorageConfig, Threads
from processor.store import Store, StoreFailedError

LOOK_EVERY_S: Final = 1.0

log = structlog.get_logger(__name__)


class SnapshotKeeper:
    """What one worker does about the snapshots of one partition."""

    def __init__(
        self,
        *,
        partition: int,
        storage: StorageConfig,
        ledger: Ledger,
        feed: Feed,
        topic: str,
        threads: Threads,
    ) -> None:
        """Look at nothing yet; `topic` is the ledger's, by which snapshots are told apart."""
        self._partition = partition
        self._storage = storage
        self._path = storage.slot.path_of(partition)
        self._snapshots = Snapshots(storage.snapshot_dir, topic, partition)
        self._ledger = ledger
        self._feed = feed
        self._topic = topic
        self._threads = threads
        # Ledger offset of the last snapshot that is known of.
        self._left = 0
        # The snapshot that the store was made of, if it was.
        self._suspect: Snapshot | None = None
        self._log = log.bind(partition=partition)

    async def better_than(self, stored: int) -> list[Snapshot]:
        """Return the snapshots that save folding, the one furthest on first."""
        first, end = await self._feed.bounds(self._topic, self._partition)
        known = stored if stored <= end else 0
        better = []
        for snapshot in await self._threads.run(self._find):
            if snapshot.ledger > end:
                skip(snapshot, "ahead", f"the ledger ends at {end}")
            elif snapshot.ledger - known >= self._storage.load_records_min:
                link = None
                if snapshot.applied >= first:
                    link = await self._ledger.link_at(snapshot.applied)
                if link == snapshot.last:
                    better.append(snapshot)
                else:
                    skip(snapshot, "foreign", "it is of another ledger")
            else:
                self._left = max(self._left, snapshot.ledger)
        return better

    def _find(self) -> list[Snapshot]:
        try:
            return self._snapshots.found()
        except OSError as error:
            self._log.warning("snapshot.out_of_reach", error=str(error))
            return []

    async def load(self, snapshot: Snapshot) -> bool:
        """Put a snapshot in the place of the store, which is closed; tell if it could be read."""
        return await self._threads.run(self._load, snapshot)

    def _load(self, snapshot: Snapshot) -> bool:
        path = self._path
        fresh = path.with_name(f"{path.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            with SNAPSHOT_SECONDS.labels("load").time():
                self._snapshots.load(snapshot, fresh, self._threads.over.is_set)
        except SnapshotDamagedError as error:
            skip(snapshot, "damaged", str(error))
            return False
        except OSError as error:
            skip(snapshot, "failed", str(error))
            return False
        shutil.rmtree(path, ignore_errors=True)
        fresh.rename(path)
        self._left = snapshot.ledger
        self._suspect = snapshot
        SNAPSHOTS_LOADED.inc()
        self._log.info("snapshot.loaded", path=str(snapshot.path), ledger=snapshot.ledger)
        return True

    async def withdraw(self, error: str) -> None:
        """Take back the snapshot that a damaged store was made of: it would be loaded again.

        What was left of the store since is no better, and will be found out when it is loaded.
        """
        suspect, self._suspect = self._suspect, None
        self._left = 0
        if suspect is not None:
            skip(suspect, "damaged", error)
            await self._threads.run(self._snapshots.withdraw, suspect.path)

    async def run(self, store: Store, state: PartitionState) -> None:
        """Leave snapshots of a store, until cancelled."""
        loop, every = asyncio.get_running_loop(), self._storage.snapshot_every_s
        # Partitions take turns, so that a worker copies all the time a little.
        due = loop.time() + every * (1 + self._partition % 8) / 8
        while True:
            await asyncio.sleep(min(LOOK_EVERY_S, every))
            since = state.ledger - self._left
            if since < self._storage.snapshot_records_min:
                continue
            # What took long to fold is to be folded once; a quarter, as copies grow with the store.
            much = max(2 * self._storage.load_records_min, state.ledger // 4)
            if loop.time() < due and since < much:
                continue
            due = loop.time() + every
            try:
                with SNAPSHOT_SECONDS.labels("write").time():
                    await self._leave(store)
            except (OSError, StoreFailedError) as error:
                self._log.warning("snapshot.failed", error=str(error))

    async def _leave(self, store: Store) -> None:
        checkpoint = self._path.with_name(f"{self._path.name}.checkpoint")
        await self._threads.run(_remove, checkpoint)
        await self._threads.run(store.flush)
        try:
            # In one go on the loop: nothing is written between the two.
            store.checkpoint(checkpoint)
            raw = store.get(META)
            meta = read_meta(raw) if raw else None
            if meta is not None and meta.last is not None:
                await self._threads.run(self._copy, checkpoint, meta)
        finally:
            await self._threads.run(_remove, checkpoint)

    def _copy(self, checkpoint: Path, meta: PartitionMeta) -> None:
        try:
            left = self._snapshots.leave(checkpoint, meta, self._threads.over.is_set)
        except StoppedError:
            return
        self._left = meta.ledger
        SNAPSHOTS_WRITTEN.inc()
        self._log.info("snapshot.left", path=str(left), ledger=meta.ledger)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
