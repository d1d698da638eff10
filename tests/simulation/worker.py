"""A simulated worker process: real lanes over the stand-ins for Kafka and Faust's fetching.

What is real: runners, lanes, inboxes, the judge, ledger, sender, store and snapshots.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from simulation.clients import Connection, Producer
from simulation.clock import Process
from simulation.disk import GuardedSlot
from simulation.story import compiled

from processor.clock import Clock
from processor.companions import Companion
from processor.in_flight import InFlightBudget
from processor.lane import Lane
from processor.ledger import KafkaLedger
from processor.messages import LaneContext
from processor.partition_loops import PartitionLoops
from processor.partition_runner import PartitionRunner
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.recent import RecentRecords
from processor.rules.ruleset import Ruleset
from processor.rulesets import Rulesets
from processor.sender import KafkaSender
from processor.storage import StorageConfig
from processor.user_cache import CacheBudget
from schemas.inputs.base import DEFAULT_TENANT
from schemas.topics import Topics

if TYPE_CHECKING:
    # The world starts workers, and they live in it.
    from simulation.world import World

TOPICS: Final = Topics("sim.")


class SimulatedRulesets(Rulesets):
    """The versions of definitions as one worker's build of the rules compiles them."""

    def __init__(self, world: "World", build: int) -> None:
        """Take which build it is."""
        self._world = world
        self._build = build

    def get(self, tenant: str, version: int) -> Ruleset | None:
        """See Rulesets. A version may be read later than its marker."""
        if tenant != DEFAULT_TENANT or self._world.clock.time() < self._world.readable[version]:
            return None
        return compiled(version, self._build)

    async def refresh(self) -> None:
        """See Rulesets. What is published is read by the end of it."""
        while self._world.clock.time() < max(self._world.readable.values()):
            await asyncio.sleep(0.2)

    async def wait_for(self, tenant: str, version: int) -> None:
        """See Rulesets."""
        while self.get(tenant, version) is None:
            await asyncio.sleep(0.2)


class Feed:
    """Hands out chunks as the worker's transport does: see processor.feed."""

    def __init__(
        self, world: "World", lanes: PartitionLoops, recent: Mapping[int, RecentRecords]
    ) -> None:
        """Take whose chunks go where, and what lanes hand on of the ledger."""
        self._world = world
        self._lanes = lanes
        self._recent = recent
        self._seeks: dict[int, int] = {}
        self._paused: set[int] = set()
        self._news: dict[int, asyncio.Event] = {}

    def wake(self, partition: int) -> None:
        """Look at a partition again."""
        if partition in self._news:
            self._news[partition].set()

    def start_at(self, topic: str, partition: int, offset: int) -> None:  # noqa: ARG002  see Feed
        """See Feed."""
        self._seeks[partition] = offset
        self._paused.discard(partition)
        self.wake(partition)

    def pause(self, topic: str, partition: int) -> None:  # noqa: ARG002  see Feed
        """See Feed."""
        self._paused.add(partition)

    def resume(self, topic: str, partition: int) -> None:  # noqa: ARG002  see Feed
        """See Feed."""
        self._paused.discard(partition)
        self.wake(partition)

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """See Feed."""
        log, tp = self._world.log, TopicPartition(topic, partition)
        return await log.ask(lambda: (0, len(log.topics[tp])))

    async def committed(self, topic: str, partition: int) -> tuple[int, str] | None:  # noqa: ARG002
        """See Feed: a lane never asks."""
        return None

    def hint(self, topic: str, partition: int, offset: int, metadata: str = "") -> None:  # noqa: ARG002
        """See Feed."""
        self._world.oracle.check_hint(partition, offset)
        self._world.oracle.check_recent(partition, self._recent[partition])

    async def fetch(self, partition: int) -> None:
        """Hand out one partition's chunks for ever."""
        world, log = self._world, self._world.log
        records = log.topics[TopicPartition(TOPICS.events, partition)]
        news = self._news[partition] = asyncio.Event()
        position = -1
        while True:
            position = self._seeks.pop(partition, position)
            if not 0 <= position < len(records) or partition in self._paused:
                news.clear()
                await news.wait()
                continue
            start, size = position, world.dice.choice((1, 2, 7, 100))
            try:
                chunk = await log.ask(lambda: records[start : start + size])  # noqa: B023  awaited
            except KafkaError:
                continue
            # A seek that was made meanwhile makes a stale chunk of this one.
            messages = [Message(*it) for it in chunk]
            position = messages[-1].offset + 1
            if position < len(records) and log.hit(world.delivery, "chunk lost"):
                continue
            self._lanes.put(partition, start, messages)
            if log.hit(world.delivery, "chunk repeated"):
                self._lanes.put(partition, start, messages)


class Worker(Process):
    """One worker process: real lanes over what the world gives."""

    def __init__(self, world: "World", slot: int, build: int) -> None:
        """Start it on a slot of the data directory."""
        super().__init__(f"worker {slot}")
        self._world = world
        self.slot = slot
        self.build = build
        self.lanes = PartitionLoops("judge", self._runner, lambda error: world.failed(self, error))
        # Few, so that some are forgotten.
        self._recent: defaultdict[int, RecentRecords] = defaultdict(
            lambda: RecentRecords(records_max=5)
        )
        self.feed = Feed(world, self.lanes, self._recent)
        self._fetching: dict[int, asyncio.Task[None]] = {}
        self._ordered: asyncio.Task[None] | None = None
        self._rulesets = SimulatedRulesets(world, build)
        self._in_flight = InFlightBudget()
        self._storage = StorageConfig(
            slot=GuardedSlot(world.disks, slot, self, world.touch),
            snapshot_dir=world.disks.snapshots,
            # Of some workers it forgets everyone at once.
            budget=CacheBudget(world.dice.choice((0, 8000, 10**6))),
            snapshot_every_s=4.0 if world.snapshots else 1e9,
            snapshot_records_min=3 if world.snapshots else 10**9,
            load_records_min=5,
        )
        self._connection = cast(Any, Connection(world.log))
        # Two, as in processor.worker: one for the ledger, one for everything else.
        self._writer, self._sender = (cast(Any, Producer(world.log)) for _ in range(2))

    def _runner(self, partition: int) -> PartitionRunner:
        """Put the work on a partition together as processor.worker does."""
        world = self._world
        ledger = KafkaLedger(self._connection, self._writer, TOPICS.ledger, partition)

        def make_lane(state: PartitionState) -> Lane:
            context = LaneContext(
                partition=partition,
                partitions=world.story.partitions,
                epoch=0,
                lane=f"{world.dice.getrandbits(32):08x}",
                ruleset=self._rulesets.get,
            )
            return Lane(
                context=context,
                state=state,
                feed=self.feed,
                ledger=ledger,
                sender=KafkaSender(self._sender, TOPICS),
                topics=TOPICS,
                rulesets=self._rulesets,
                recent=self._recent[partition],
            )

        return PartitionRunner(
            partition=partition,
            storage=self._storage,
            ledger=ledger,
            feed=self.feed,
            topics=TOPICS,
            make_lane=make_lane,
            make_companions=self._companions,
        )

    def _companions(self, lane: Lane) -> Sequence[Companion]:
        return (Clock(lane.tools(self._connection), self._world.now, self._in_flight),)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something in this process."""
        return self._world.clock.create_task(coroutine, context=self.context)

    def order(
        self, work: Callable[[int], Coroutine[Any, Any, None]], partition: int
    ) -> asyncio.Task[None]:
        """Run something in this process after all that was ordered before."""
        before = self._ordered

        async def run() -> None:
            if before is not None:
                await asyncio.wait({before})
            await work(partition)

        self._ordered = self.spawn(run())
        return self._ordered

    async def assign(self, partition: int) -> None:
        """Begin to work on a partition."""
        if partition not in self._fetching:
            self.lanes.start([partition])
            self._fetching[partition] = self.spawn(self.feed.fetch(partition))

    async def revoke(self, partition: int) -> None:
        """End working on a partition."""
        fetching = self._fetching.pop(partition, None)
        if fetching is not None:
            fetching.cancel()
        await self.lanes.stop([partition])
