"""One schedule: workers with the real lane, ledger, sender and store, and everything going wrong.

What is real: `processor` whole but for Faust, `broker.ledger` and RocksDB. What stands in: the
log (`simulation.log`), the clock, the group's coordinator, and the fetching that hands out chunks.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import Context
from datetime import datetime
from random import Random
from typing import Any, Final
from unittest.mock import patch

import structlog
from aiokafka import TopicPartition
from msgspec import structs
from simulation.clients import Consumer
from simulation.clock import PROCESS, StuckError, new_clock
from simulation.disk import DiedError, Disk, Disks
from simulation.invariants import Oracle
from simulation.log import LATE_S, TIMEOUT_S, Log, Rates
from simulation.story import BUILDS, Story, marker, millis, tell
from simulation.worker import TOPICS, Worker

from broker import failpoints
from processor.judge import judge
from processor.lane import WriterLostError
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.pending import Message, PendingRecord
from processor.store import StoreDamagedError, StoreFailedError
from schemas.codec import write_record
from schemas.instants import HOUR, from_millis

SESSION_S: Final = 5.0
LENGTH_S: Final = 20.0
# What a worker must have done after the last fault, in seconds. One whose session stays broken is
# replaced after twenty attempts, each of which takes a quarter of a minute on the slowest network.
QUIET_S: Final = 600.0
TURNS_MAX: Final = 100_000

FAULTS: Final = (
    "crash",
    "kill",
    "power",
    "pause",
    "cut off",
    "move",
    "bare",
    "disk",
    "network",
    "session",
    "reading",
    "delivery",
)


class World:
    """Everything of one schedule; the seed says all that happens."""

    def __init__(self, seed: int, disks: Disks) -> None:
        """Draw the story and which faults there are."""
        self.seed = seed
        self.dice = Random(seed)
        self.injected: Counter[str] = Counter()
        self.violations: list[str] = []
        self._two_builds = self.dice.random() < 0.5
        self.story: Story = tell(
            self.dice,
            events=self.dice.randint(8, 40),
            length=LENGTH_S,
            # What is refused by one build alone leaves a letter that no record is behind.
            systems=("care",) if self._two_builds else ("xp", "care"),
        )
        # Some faults at a time, and each as often as it likes: what hides behind a frequent fault
        # shows where that one is missing.
        self._faults = {it for it in FAULTS if self.dice.random() < 0.45}
        self._faulty = True
        self._over = False
        self.rates = Rates(slow=self.dice.choice((0.005, 0.05, 0.3)))
        self._crash = self._rate("crash", 0.1)
        self.delivery = self._rate("delivery", 0.2)
        self.rates.lost = self._rate("network", 0.2)
        self.rates.unanswered = self._rate("network", 0.2)
        self.rates.late = self._rate("network", 0.15)
        self.rates.broken = self._rate("session", 0.1)
        self.rates.failed = self._rate("reading", 0.15)
        self.clock = new_clock(self.dice)
        self.log = Log(
            clock=self.clock,
            dice=self.dice,
            rates=self.rates,
            millis=lambda: millis(self.clock.time()),
            injected=self.injected,
            grown=self._grown,
        )
        self.readable = {1: 0.0, 2: self.dice.choice((0.0, 0.0, LENGTH_S * 1.1))}
        # Few, as they cost more than all the rest: their files are really copied.
        self.snapshots = self.dice.random() < 0.05
        self.disks = disks
        self._disk_fails = self._rate("disk", 0.05)
        self._slots = self.dice.choice((2, 2, 3))
        self.workers: dict[int, Worker] = {}
        self._expelled: set[int] = set()
        self._owners: dict[int, int] = {}
        self._holders: dict[int, Worker] = {}
        self._moving: dict[int, asyncio.Lock] = {}
        self.oracle = Oracle(self.log.topics, TOPICS, self.story, self.violations.append)

    def now(self) -> datetime:
        """Return the present time of the calendar, as every process has it."""
        return from_millis(millis(self.clock.time()))

    def _rate(self, fault: str, highest: float) -> float:
        return self.dice.random() * highest if fault in self._faults else 0.0

    def run(self) -> list[str]:
        """Run the schedule; return what was violated."""
        self.disks.begin(closes=self.snapshots)
        with installed(self):
            try:
                self.clock.run(self._main(), turns_max=TURNS_MAX)
            except StuckError as error:
                self.violations.append(f"liveness: {error}")
            errors = self.clock.errors
            self._over = self.log.is_over = True
            for worker in self.workers.values():
                worker.dead = True
            self.clock.bury()
        for problem in errors:
            if not isinstance(problem["exception"], DiedError):
                self.violations.append(f"uncaught: {problem['exception']!r}")
        if not self.violations:
            self.oracle.check_all()
            for slot in range(self._slots):
                self._check_stores(slot, "at the end")
        return self.violations

    async def _main(self) -> None:
        for partition in range(self.story.partitions):
            self._moving[partition] = asyncio.Lock()
            self._owners[partition] = self.dice.randrange(self._slots)
        for slot in range(self._slots):
            self._start(slot)
        faults = self.clock.create_task(self._inject())
        for sent in self.story.sent:
            await asyncio.sleep(max(0.0, sent.at - self.clock.time()))
            self._publish(sent.partition, sent.key, sent.value, sent.headers)
        await faults
        self._end_faults()
        # The last of each partition: what was lost before it is noticed when it comes.
        for partition in range(self.story.partitions):
            last = marker(partition, 1, 0)
            self._publish(partition, last.key, last.value, ())
        if await self._complete():
            # What is still under way lands, and is judged too.
            await asyncio.sleep(TIMEOUT_S + LATE_S)
            await self._complete()

    async def _complete(self) -> bool:
        """Wait until every event has its record; False if that takes too long."""
        end = self.clock.time() + QUIET_S
        while not self.oracle.complete():
            await asyncio.sleep(1)
            if self.clock.time() > end:
                self.violations.append(f"liveness: not done after {QUIET_S} s without faults")
                return False
        return True

    def _publish(
        self, partition: int, key: bytes | None, value: bytes | None, headers: Any
    ) -> None:
        self.log.append(TopicPartition(TOPICS.events, partition), [(key, value, headers)])

    def _grown(self, tp: TopicPartition) -> None:
        if tp.topic == TOPICS.events:
            for worker in self.workers.values():
                worker.feed.wake(tp.partition)

    # What goes wrong with processes

    def point(self, name: str) -> None:
        """Die here, if the dice say so; called by the process that reaches a point."""
        worker = PROCESS.get()
        if not isinstance(worker, Worker):
            return
        if worker.dead:
            raise DiedError(name)
        if self._faulty and self.log.hit(self._crash, f"crash at {name}"):
            self._kill(worker)
            raise DiedError(name)

    def touch(self, what: str, disk: Disk) -> None:
        """Let a disk fail, or its process die, where it reads or writes."""
        if self._faulty and what != "written" and self.log.hit(self._disk_fails, "disk failed"):
            if disk.closes and self.dice.random() < 0.5:
                self.injected["disk damaged"] += 1
                raise StoreDamagedError("simulated")
            raise StoreFailedError("simulated")
        if what != "read":
            self.point(f"store.{what}")

    async def _inject(self) -> None:
        kinds = sorted({"kill", "power", "pause", "cut off", "move"} & self._faults)
        if not kinds:
            await asyncio.sleep(LENGTH_S)
            return
        pace = self.dice.choice((1.0, 3.0, 8.0))
        while self.clock.time() < LENGTH_S * 1.2:
            await asyncio.sleep(self._until_next(pace))
            kind, slot = self.dice.choice(kinds), self.dice.randrange(self._slots)
            worker = self.workers.get(slot)
            if kind == "move":
                self.injected["rebalance"] += 1
                self._reassign()
            elif worker is None or worker.paused:
                continue
            elif kind == "pause":
                self._pause(worker, self.dice.choice((1.0, 8.0, 15.0)) * self.dice.random())
            elif kind == "cut off":
                # From the group and not from the log: it writes on while another begins to.
                self.injected["cut off"] += 1
                self._expelled.add(slot)
                self._reassign()
                self.log.at_broker(8 * self.dice.random(), self._rejoin, worker)
            else:
                self.injected[kind] += 1
                self._kill(worker, power=kind == "power")

    def _until_next(self, pace: float) -> float:
        now = self.clock.time()
        coming = [it.at for it in self.story.sent if now < it.at < now + 2 * pace]
        if coming and self.dice.random() < 0.7:
            # Where something is going on, more can go wrong.
            return self.dice.choice(coming) - now + self.rates.slow * 5 * self.dice.random()
        return self.dice.expovariate(1 / pace)

    def _end_faults(self) -> None:
        self._faulty = False
        self.delivery = 0
        self.rates.end()

    def _start(self, slot: int) -> None:
        build = self.dice.choice(BUILDS) if self._two_builds else BUILDS[0]
        self.workers[slot] = Worker(self, slot, build)
        self._expelled.discard(slot)
        for partition, owner in self._owners.items():
            if owner == slot:
                self._move(partition)

    def _kill(self, worker: Worker, *, power: bool = False) -> None:
        """End a process as kill -9 does, or with the machine it runs on; it comes again."""
        if worker.dead or self._over:
            return
        worker.dead = True
        del self.workers[worker.slot]
        self._check_stores(worker.slot, "after a kill")
        bare = self._faulty and "bare" in self._faults and self.dice.random() < 0.3
        if bare:
            self.injected["disk wiped"] += 1
        for partition in range(self.story.partitions):
            if power:
                self.disks.disk(worker.slot, partition).lose(self.dice.choice((1, 2, 5, 50)))
            if bare:
                self.disks.disk(worker.slot, partition).wipe()
        if power:
            self._check_stores(worker.slot, "after the loss of power")
        again = self.dice.choice((0.1, 2.0, 12.0)) * self.dice.random()
        self.log.at_broker(again, self._start, worker.slot)
        self.log.at_broker(SESSION_S, self._expire, worker)

    def _check_stores(self, slot: int, when: str) -> None:
        for partition in range(self.story.partitions):
            disk = self.disks.disk(slot, partition)
            disk.open()
            state = PartitionState(disk.store, partition)
            self.oracle.check_store(f"slot {slot}, partition {partition} {when}", partition, state)

    def _pause(self, worker: Worker, seconds: float) -> None:
        self.injected["pause"] += 1
        worker.paused = True
        self.log.at_broker(SESSION_S, self._expire, worker)
        self.log.at_broker(seconds, self._resume, worker)

    def _resume(self, worker: Worker) -> None:
        if worker.dead:
            return
        self.clock.resume(worker)
        if worker.slot in self._expelled and self.workers.get(worker.slot) is worker:
            # It learns only with its next heartbeat that the group went on without it.
            self.injected["zombie"] += 1
            self.log.at_broker(self.dice.random() * 3, self._rejoin, worker)

    def _rejoin(self, worker: Worker) -> None:
        self.clock.create_task(self._come_back(worker), context=Context())

    async def _come_back(self, worker: Worker) -> None:
        for partition, moving in self._moving.items():
            async with moving:
                if self._holders.get(partition) is not worker:
                    await self._ask_to_revoke(worker, partition)
        if self.workers.get(worker.slot) is worker:
            self._expelled.discard(worker.slot)
            self._reassign()

    def _expire(self, worker: Worker) -> None:
        if self.workers.get(worker.slot) is not worker:
            gone = worker.slot not in self.workers
        else:
            gone = worker.paused
        if gone:
            self._expelled.add(worker.slot)
            self._reassign()

    def failed(self, worker: Worker, error: BaseException) -> None:
        """Take that a lane ended by itself: the worker ends, as processor.worker does."""
        if self._over:
            return
        if not isinstance(error, WriterLostError):
            self.violations.append(f"lane failed: {error!r}")
        self.injected["writer lost"] += 1
        self._kill(worker)

    # The group's coordinator

    def _reassign(self) -> None:
        members = [it for it in self.workers if it not in self._expelled]
        if not members:
            return
        for partition, owner in self._owners.items():
            if owner not in members or self.dice.random() < 0.4:
                self._owners[partition] = self.dice.choice(members)
                self._move(partition)

    def _move(self, partition: int) -> None:
        self.clock.create_task(self._hand_over(partition), context=Context())

    async def _hand_over(self, partition: int) -> None:
        async with self._moving[partition]:
            new = self.workers.get(self._owners[partition])
            old = self._holders.get(partition)
            if new is None or new is old:
                return
            # Whom the group has given up is not asked, and goes on until it notices.
            if old is not None and old.slot not in self._expelled:
                await self._ask_to_revoke(old, partition)
            self._holders[partition] = new
            new.order(new.assign, partition)

    async def _ask_to_revoke(self, worker: Worker, partition: int) -> None:
        """Have a partition given up; one that does not answer is waited for no longer."""
        if worker.dead:
            return
        over = self.clock.create_future()
        self.log.at_broker(SESSION_S, _done, over)
        worker.order(worker.revoke, partition).add_done_callback(lambda _task: _done(over))
        await over


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _judge_by_build(
    context: LaneContext,
    state: PartitionState,
    message: Message,
    absent: Collection[tuple[str, int]] = (),
) -> PendingRecord:
    """Judge as the build of the worker whose turn it is: its record says which rules it had."""
    worker = PROCESS.get()
    assert isinstance(worker, Worker)
    pending = judge(context, state, message, absent)
    pending.record.rules = worker.build
    return structs.replace(pending, raw=write_record(pending.record))


@contextmanager
def installed(world: World) -> Iterator[None]:
    """Put the world's parts in place of the broker's clients, for one run."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        with (
            patch("broker.ledger.AIOKafkaConsumer", Consumer),
            patch("broker.ends.AIOKafkaConsumer", Consumer),
            patch(
                "processor.snapshots.token_hex",
                lambda size: f"{world.dice.getrandbits(8 * size):x}",
            ),
            # In a calendar in which an hour passes in a second.
            patch("processor.companions.HOLD_MAX", 12 * HOUR),
            patch("processor.lane.judge", _judge_by_build),
            failpoints.watched(world.point),
        ):
            yield
    finally:
        structlog.configure(**before)
