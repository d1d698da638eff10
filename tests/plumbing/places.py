"""A world with a directory for snapshots and slots for workers, who come and go."""

import asyncio

from plumbing.judging import event, total_of
from plumbing.running import PATIENCE_S, check, stop

from processor.ledger import KafkaLedger
from processor.slot import Slot
from processor.snapshots import Snapshots
from processor.store import Store

# What begins it: a marker and five events.
BEGUN = 6
# Leaves one as soon as anything has come since the last one.
EAGER = {"snapshot_every_s": 0.1, "snapshot_records_min": 1, "load_records_min": 1}
# Leaves the first one when all that begins it has come, and not before.
FIRST = {**EAGER, "snapshot_records_min": BEGUN}
# Takes over, but leaves nothing.
TAKES = {"snapshot_every_s": 3600, "load_records_min": 1}
# Would leave the next one in an hour, but for eight records that have come since.
MUCH = {"snapshot_every_s": 3600, "snapshot_records_min": 1, "load_records_min": 4}
EVENTS = [event(idempotencyKey=f"k{n}") for n in range(10)]


class Watched(KafkaLedger):
    """Notes from where the ledger was folded."""

    folds: list[int]

    def read(self, position, end):
        self.folds = [*getattr(self, "folds", []), position.offset]
        return super().read(position, end)


class Place:
    """A world with a directory for snapshots and slots for workers."""

    def __init__(self, world, path):
        self.world = world
        self.snapshot_dir = path / "snapshots"
        self.snapshots = Snapshots(self.snapshot_dir, world.topics.ledger, 0)
        self.path = path

    async def work(self, slot, count, **care):
        """Have a worker with a slot of this name judge until so many records count; end it.

        One that is to leave a snapshot of all of them is waited for. Returns the records, and the
        offsets from which it folded.
        """
        ledger = Watched(self.world.connection, self.world.writer, self.world.topics.ledger, 0)
        held = Slot(self.path / slot)
        task = self.world.start_runner(held, self.snapshot_dir, ledger, **care)
        records = await self.world.judged(count, task)
        async with asyncio.timeout(PATIENCE_S):
            while care in (EAGER, FIRST, MUCH) and not await self._is_left(count):
                check([task])
                await asyncio.sleep(0.05)
        await stop(task)
        held.close()
        return records, ledger.folds

    async def _is_left(self, count):
        return any(it.ledger >= count for it in await asyncio.to_thread(self.snapshots.found))

    def total(self, slot):
        store = Store(self.path / slot / "0")
        try:
            return total_of(store)
        finally:
            store.close()
