"""A partition for the time of one assignment: its store opened, its lane run, its snapshots left.

What the disk does wrong ends in here: a store that is damaged is thrown away and made anew from a
snapshot and the ledger, one that the disk does not let be written is opened again after a pause.
What takes long runs in threads, so that no other lane waits.
"""

import asyncio
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import orjson
import structlog
from aiokafka.errors import KafkaError

from processor.companions import Companion, CompanionEndedError
from processor.feed import Feed
from processor.judge import Message
from processor.lane import Lane
from processor.ledger import Ledger
from processor.metrics import (
    SNAPSHOT_SECONDS,
    SNAPSHOTS_LOADED,
    SNAPSHOTS_WRITTEN,
    STORE_FAILURES,
)
from processor.snapshots import Snapshot, SnapshotDamagedError, Snapshots, StoppedError, skip
from processor.state import META, HotRoom, PartitionState
from processor.store import Slot, Store, StoreDamagedError, StoreFailedError, discard
from schemas.topics import Topics

P = ParamSpec("P")
Result = TypeVar("Result")

PAUSE_S: Final = 1.0
LOOK_EVERY_S: Final = 1.0
# Of keys whose window may have ended, at each look: a millisecond.
SWEPT_ROWS_MAX: Final = 2000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where and how a worker keeps the state of its partitions."""

    slot: Slot
    # Where snapshots lie, for all workers.
    snapshot_dir: Path
    room: HotRoom
    # How many days a used key counts, None: for ever.
    key_window_days: int | None = None
    # How often a snapshot is left, and after how many records at the earliest.
    snapshot_every_s: float = 300.0
    snapshot_records_min: int = 20_000
    # How far a store has to be behind for a snapshot to be quicker than folding.
    load_records_min: int = 50_000


class Assignment:
    """What one worker does about one partition of the events, while it has it."""

    def __init__(
        self,
        *,
        partition: int,
        keeping: Keeping,
        ledger: Ledger,
        feed: Feed,
        topics: Topics,
        make_lane: Callable[[PartitionState], Lane],
        make_companions: Callable[[Lane], Sequence[Companion]] = lambda _lane: (),
    ) -> None:
        """Take what it works with; nothing is opened before `run`."""
        self._partition = partition
        self._keeping = keeping
        self._slot = keeping.slot
        self._snapshots = Snapshots(keeping.snapshot_dir, topics.ledger, partition)
        self._ledger = ledger
        self._feed = feed
        self._topics = topics
        self._make_lane = make_lane
        self._make_companions = make_companions
        self._lane: Lane | None = None
        self._over = threading.Event()
        # Ledger offset of the last snapshot that is known of.
        self._left = 0
        # The snapshot that the store was made of, if it was.
        self._suspect: Snapshot | None = None
        self._log = log.bind(partition=partition)

    def put(self, start: int, messages: Sequence[Message]) -> None:
        """Hand delivered messages to the lane; none has been asked for before there is one."""
        if self._lane is not None:
            self._lane.put(start, messages)

    async def run(self) -> None:
        """Work until cancelled. Raises what makes the lane unable to go on."""
        self._keeping.room.shares += 1
        try:
            while True:
                try:
                    await self._work()
                except StoreDamagedError as error:
                    path = self._slot.path_of(self._partition)
                    await self._in_thread(discard, path, "damaged", str(error))
                    await self._withdraw(str(error))
                except StoreFailedError as error:
                    self._log.warning("store.failed", error=str(error))
                    STORE_FAILURES.inc()
                    await asyncio.sleep(PAUSE_S)
                except KafkaError as error:
                    self._log.warning("assignment.broker_failed", error=repr(error))
                    await asyncio.sleep(PAUSE_S)
        finally:
            self._keeping.room.shares -= 1

    async def _work(self) -> None:
        store = await self._open()
        working: list[asyncio.Task[None]] = []
        try:
            state = self._state(store)
            self._lane = self._make_lane(state)
            working = [
                asyncio.create_task(self._lane.run(), name=f"lane-{self._partition}"),
                asyncio.create_task(self._look_after(store, state)),
                *(
                    asyncio.create_task(_accompany(self._lane, companion))
                    for companion in self._make_companions(self._lane)
                ),
            ]
            ended, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        finally:
            self._lane = None
            self._over.set()
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            self._over.clear()
            await self._in_thread(store.close)

    def _state(self, store: Store) -> PartitionState:
        window = self._keeping.key_window_days
        return PartitionState(
            store, self._partition, key_window_days=window, room=self._keeping.room
        )

    # -- beginning

    async def _open(self) -> Store:
        store = await self._in_thread(self._slot.open, self._partition)
        try:
            better = await self._better_than(self._state(store).ledger)
        except BaseException:
            store.close()
            raise
        if not better:
            return store
        await self._in_thread(store.close)
        for snapshot in better:
            if not await self._in_thread(self._load, snapshot):
                continue
            store = await self._in_thread(self._slot.open, self._partition)
            try:
                if self._state(store).ledger == snapshot.ledger:
                    return store
            except BaseException:
                store.close()
                raise
            # Its damage showed when it was opened, and the store has begun anew.
            await self._in_thread(store.close)
            await self._withdraw("its rows are damaged")
        return await self._in_thread(self._slot.open, self._partition)

    async def _better_than(self, stored: int) -> list[Snapshot]:
        """Return the snapshots that save folding, the one furthest on first."""
        first, end = await self._feed.bounds(self._topics.ledger, self._partition)
        known = stored if stored <= end else 0
        better = []
        for snapshot in await self._in_thread(self._find):
            if snapshot.ledger > end:
                skip(snapshot, "ahead", f"the ledger ends at {end}")
            elif snapshot.ledger - known >= self._keeping.load_records_min:
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

    def _load(self, snapshot: Snapshot) -> bool:
        path = self._slot.path_of(self._partition)
        fresh = path.with_name(f"{path.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            with SNAPSHOT_SECONDS.labels("load").time():
                self._snapshots.load(snapshot, fresh, self._over.is_set)
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

    async def _withdraw(self, error: str) -> None:
        """Take back the snapshot that a damaged store was made of: it would be loaded again.

        What was left of the store since is no better, and will be found out when it is loaded.
        """
        suspect, self._suspect = self._suspect, None
        self._left = 0
        if suspect is not None:
            skip(suspect, "damaged", error)
            await self._in_thread(self._snapshots.withdraw, suspect.path)

    # -- meanwhile

    async def _look_after(self, store: Store, state: PartitionState) -> None:
        loop, every = asyncio.get_running_loop(), self._keeping.snapshot_every_s
        # Partitions take turns, so that a worker copies all the time a little.
        due = loop.time() + every * (1 + self._partition % 8) / 8
        while True:
            await asyncio.sleep(min(LOOK_EVERY_S, every))
            store.note()
            state.sweep(SWEPT_ROWS_MAX)
            since = state.ledger - self._left
            if since < self._keeping.snapshot_records_min:
                continue
            # What took long to fold is to be folded once; a quarter, as copies grow with the store.
            much = max(2 * self._keeping.load_records_min, state.ledger // 4)
            if loop.time() < due and since < much:
                continue
            due = loop.time() + every
            try:
                with SNAPSHOT_SECONDS.labels("write").time():
                    await self._leave(store)
            except (OSError, StoreFailedError) as error:
                self._log.warning("snapshot.failed", error=str(error))

    async def _leave(self, store: Store) -> None:
        path = self._slot.path_of(self._partition)
        checkpoint = path.with_name(f"{path.name}.checkpoint")
        await self._in_thread(_remove, checkpoint)
        await self._in_thread(store.flush)
        try:
            # In one go on the loop: nothing is written between the two.
            store.checkpoint(checkpoint)
            raw = store.get(META)
            meta = orjson.loads(raw) if raw else None
            if meta and meta["last"]:
                await self._in_thread(self._copy, checkpoint, meta)
        finally:
            await self._in_thread(_remove, checkpoint)

    def _copy(self, checkpoint: Path, meta: dict[str, Any]) -> None:
        try:
            left = self._snapshots.leave(checkpoint, meta, self._over.is_set)
        except StoppedError:
            return
        self._left = meta["ledger"]
        SNAPSHOTS_WRITTEN.inc()
        self._log.info("snapshot.left", path=str(left), ledger=meta["ledger"])

    async def _in_thread(
        self, work: Callable[P, Result], *told: P.args, **named: P.kwargs
    ) -> Result:
        """Run something in a thread, and wait for its end even if cancelled."""
        running = asyncio.ensure_future(asyncio.to_thread(work, *told, **named))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self._over.set()
            await asyncio.gather(running, return_exceptions=True)
            raise


async def _accompany(lane: Lane, companion: Companion) -> None:
    await lane.folded.wait()
    await companion.run()
    raise CompanionEndedError(type(companion).__name__)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
