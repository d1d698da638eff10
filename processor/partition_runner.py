"""One partition while it is assigned here: its store opened, its lane run, its snapshots left.

What the disk does wrong ends in here: a store that is damaged is thrown away and made anew from a
snapshot and the ledger, one that the disk does not let be written is opened again after a pause.
What takes long runs in threads, so that no other lane waits.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from processor.companions import Companion, CompanionEndedError
from processor.feed import Feed
from processor.lane import Lane
from processor.ledger import Ledger
from processor.metrics import STORE_FAILURES
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.snapshot_keeper import SnapshotKeeper
from processor.storage import StorageConfig, Threads
from processor.store import Store, StoreDamagedError, StoreFailedError, discard
from schemas.topics import Topics

PAUSE_S: Final = 1.0
LOOK_EVERY_S: Final = 1.0
# Of keys whose window may have ended, at each look: a millisecond.
SWEPT_ROWS_MAX: Final = 2000

log = structlog.get_logger(__name__)


class PartitionRunner:
    """What one worker does about one partition of the events, while it has it."""

    def __init__(
        self,
        *,
        partition: int,
        storage: StorageConfig,
        ledger: Ledger,
        feed: Feed,
        topics: Topics,
        make_lane: Callable[[PartitionState], Lane],
        make_companions: Callable[[Lane], Sequence[Companion]] = lambda _lane: (),
    ) -> None:
        """Prepare; nothing is opened before `run`."""
        self._partition = partition
        self._storage = storage
        self._slot = storage.slot
        self._threads = Threads()
        self._snapshots = SnapshotKeeper(
            partition=partition,
            storage=storage,
            ledger=ledger,
            feed=feed,
            topic=topics.ledger,
            threads=self._threads,
        )
        self._make_lane = make_lane
        self._make_companions = make_companions
        self._lane: Lane | None = None
        self._log = log.bind(partition=partition)

    def put(self, start: int, messages: Sequence[Message]) -> None:
        """Hand delivered messages to the lane; none has been asked for before there is one."""
        if self._lane is not None:
            self._lane.put(start, messages)

    async def run(self) -> None:
        """Work until cancelled. Raises what makes the lane unable to go on."""
        self._storage.budget.shares += 1
        try:
            while True:
                try:
                    await self._work()
                except StoreDamagedError as error:
                    path = self._slot.path_of(self._partition)
                    await self._threads.run(discard, path, "damaged", str(error))
                    await self._snapshots.withdraw(str(error))
                except StoreFailedError as error:
                    self._log.warning("store.failed", error=str(error))
                    STORE_FAILURES.inc()
                    await asyncio.sleep(PAUSE_S)
                except KafkaError as error:
                    self._log.warning("partition.broker_failed", error=repr(error))
                    await asyncio.sleep(PAUSE_S)
        finally:
            self._storage.budget.shares -= 1

    async def _work(self) -> None:
        store = await self._open()
        working: list[asyncio.Task[None]] = []
        try:
            state = self._state(store)
            self._lane = self._make_lane(state)
            working = [
                asyncio.create_task(self._lane.run(), name=f"lane-{self._partition}"),
                asyncio.create_task(self._snapshots.run(store, state)),
                asyncio.create_task(_tidy(store, state)),
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
            self._threads.over.set()
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            self._threads.over.clear()
            await self._threads.run(store.close)

    def _state(self, store: Store) -> PartitionState:
        window = self._storage.key_window_days
        return PartitionState(
            store, self._partition, key_window_days=window, budget=self._storage.budget
        )

    # -- beginning

    async def _open(self) -> Store:
        store = await self._threads.run(self._slot.open, self._partition)
        try:
            better = await self._snapshots.better_than(self._state(store).ledger)
        except BaseException:
            store.close()
            raise
        if not better:
            return store
        await self._threads.run(store.close)
        for snapshot in better:
            if not await self._snapshots.load(snapshot):
                continue
            store = await self._threads.run(self._slot.open, self._partition)
            try:
                if self._state(store).ledger == snapshot.ledger:
                    return store
            except BaseException:
                store.close()
                raise
            # Its damage showed when it was opened, and the store has begun anew.
            await self._threads.run(store.close)
            await self._snapshots.withdraw("its rows are damaged")
        return await self._threads.run(self._slot.open, self._partition)


async def _tidy(store: Store, state: PartitionState) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        store.note()
        state.used.sweep(SWEPT_ROWS_MAX)


async def _accompany(lane: Lane, companion: Companion) -> None:
    await lane.folded.wait()
    await companion.run()
    raise CompanionEndedError(type(companion).__name__)
