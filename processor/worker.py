"""A worker's life: open what it needs, check that it may start, run until told to stop."""

import asyncio
import hashlib
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.producer import producer
from broker.topics import TopicsUnfitError, check_topics
from processor.announcer import Announcer
from processor.app import Assembly, build_app
from processor.backfill import Backfill
from processor.clock import Clock
from processor.companions import Companion
from processor.in_flight import InFlightBudget
from processor.lane import Lane
from processor.ledger import KafkaLedger, Ledger, ledger_producer
from processor.messages import LaneContext
from processor.partition_loops import PartitionLoops
from processor.partition_runner import PartitionRunner
from processor.partition_state import PartitionState
from processor.progress import STILL_MAX_S, Progress
from processor.recent import RecentRecords
from processor.rulesets import Rulesets
from processor.sender import KafkaSender
from processor.slot import Slot, open_slot
from processor.storage import StorageConfig
from processor.user_cache import CacheBudget
from processor.watchdog import BrokerEnds, Watchdog
from schemas.topics import Topics

HINT_EVERY_S: Final = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a worker needs to know."""

    connection: Connection
    topics: Topics
    # Where its local state lies; several workers may share it.
    data_dir: Path
    # Where snapshots of it lie: all workers of a topic prefix have to reach it.
    snapshot_dir: Path
    snapshot_every_s: float = 300.0
    # How many days a used idempotency key counts, None: for ever.
    key_window_days: int | None = None
    # Whether a worker that is told to stop gives its partitions up at once; if not, they wait for
    # its return until its session times out.
    leave: bool = True
    # Whether what falls due is published here.
    clock: bool = True
    # What says the present time: for the clock of each lane, and for nothing that is judged.
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


class Worker:
    """Judges and announces the partitions that the group assigns to it."""

    def __init__(self, config: WorkerConfig) -> None:
        """Prepare; nothing is opened before `run`."""
        self._config = config
        self._failure: BaseException | None = None
        self._lanes: PartitionLoops | None = None
        self._progress: list[Progress] = []
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled.

        Raises TopicsUnfitError when it may not start, and whatever made a lane unable to go on.
        """
        config = self._config
        async with AsyncExitStack() as opened:
            partitions = await self._check_topics()
            slot = open_slot(config.data_dir)
            opened.callback(slot.close)
            reader = DefinitionsReader(config.connection, config.topics.definitions)
            rulesets = Rulesets(await opened.enter_async_context(reader))
            writer = await _started(ledger_producer(config.connection), opened)
            sender = await _started(producer(config.connection), opened)
            await self._run_app(partitions, slot, rulesets, writer, sender)

    def problem(self) -> str | None:
        """Return why the worker is not ready, None if it is. May be called from another thread."""
        lanes = self._lanes
        if lanes is None:
            return "it has not started yet"
        still = [(it, self._progress[it].still_s) for it in sorted(lanes.partitions)]
        long = ", ".join(
            f"{it} ({still_s:.0f} s)" for it, still_s in still if still_s > STILL_MAX_S
        )
        return f"partitions with events that wait and are not judged: {long}" if long else None

    async def _check_topics(self) -> int:
        config = self._config
        found = await check_topics(config.connection, config.topics)
        if found.problems:
            raise TopicsUnfitError("; ".join(found.problems))
        return found.partitions

    async def _run_app(
        self,
        partitions: int,
        slot: Slot,
        rulesets: Rulesets,
        writer: AIOKafkaProducer,
        sender: AIOKafkaProducer,
    ) -> None:
        config = self._config
        assembly: Assembly
        storage = StorageConfig(
            slot=slot,
            snapshot_dir=config.snapshot_dir,
            budget=CacheBudget(),
            key_window_days=config.key_window_days,
            snapshot_every_s=config.snapshot_every_s,
        )

        signer = config.connection.signer(config.topics.events)
        # By partition: a lane fills it, and the announcer beside it reads it.
        recent = [RecentRecords() for _ in range(partitions)]
        self._progress = [Progress() for _ in range(partitions)]

        def make_lane(partition: int, ledger: Ledger, state: PartitionState) -> Lane:
            context = LaneContext(
                partition, partitions, rulesets.epoch, token_hex(4), rulesets.get, signer
            )
            return Lane(
                context=context,
                state=state,
                feed=assembly.consumer,
                ledger=ledger,
                sender=KafkaSender(sender, config.topics),
                topics=config.topics,
                rulesets=rulesets,
                recent=recent[partition],
                progress=self._progress[partition],
            )

        turn, in_flight = asyncio.Semaphore(1), InFlightBudget()

        def make_companions(lane: Lane) -> Sequence[Companion]:
            tools = lane.tools(config.connection)
            backfill = Backfill(tools, turn, config.now)
            return (Clock(tools, config.now, in_flight), backfill) if config.clock else (backfill,)

        def make_runner(partition: int) -> PartitionRunner:
            self._progress[partition].begin()
            ledger = KafkaLedger(config.connection, writer, config.topics.ledger, partition)
            return PartitionRunner(
                partition=partition,
                storage=storage,
                ledger=ledger,
                feed=assembly.consumer,
                topics=config.topics,
                make_lane=partial(make_lane, partition, ledger),
                make_companions=make_companions,
            )

        def make_announcer(partition: int) -> Announcer:
            return Announcer(
                partition=partition,
                feed=assembly.consumer,
                producer=sender,
                connection=config.connection,
                topics=config.topics,
                recent=recent[partition],
            )

        lanes = self._lanes = PartitionLoops("judge", make_runner, self._fail)
        announcers = PartitionLoops("announce", make_announcer, self._fail)
        assembly = build_app(
            config.connection,
            config.topics,
            lanes=lanes,
            announcers=announcers,
            instance=instance_of(slot.path),
            data_dir=config.data_dir,
        )
        app = assembly.app
        log.info("worker.starting", partitions=partitions, slot=str(slot.path))
        try:
            await app.start()
        except BaseException:
            # Told to stop meanwhile: the thread that has begun would keep the process from ending.
            await app.stop()
            raise
        hints = asyncio.create_task(self._hint(assembly))
        ended = asyncio.create_task(app.wait_until_stopped())
        over = asyncio.create_task(self._over.wait())
        ends = BrokerEnds(config.connection, config.topics.events)
        try:
            async with Watchdog(assembly.consumer, ends):
                await asyncio.wait({ended, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (hints, ended, over):
                task.cancel()
            await lanes.stop()
            await announcers.stop()
            with suppress(KafkaError, TimeoutError):
                await asyncio.wait_for(assembly.consumer.send_hints(), HINT_EVERY_S)
            if config.leave:
                await assembly.consumer.leave()
            await ends.close()
            await app.stop()
        failure = self._failure or app.crash_reason
        if failure is not None:
            raise failure

    async def _hint(self, assembly: Assembly) -> None:
        while True:
            await asyncio.sleep(HINT_EVERY_S)
            try:
                await assembly.consumer.send_hints()
            except KafkaError as error:
                # Hints are for lag monitors and the announcer's repeats; a later one will do.
                log.info("worker.hint_failed", error=repr(error))

    def _fail(self, error: BaseException) -> None:
        self._failure = self._failure or error
        self._over.set()


async def _started(client: AIOKafkaProducer, opened: AsyncExitStack) -> AIOKafkaProducer:
    await client.start()
    opened.push_async_callback(client.stop)
    return client


def instance_of(path: Path) -> str:
    """Return a name for the worker that holds a store slot: the same after a restart."""
    place = f"{socket.gethostname()}:{path.resolve()}"
    return f"xp-{hashlib.sha256(place.encode()).hexdigest()[:16]}"
