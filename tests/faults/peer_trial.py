"""One round of a fault on a peer: its workers, the events, and what is known of them."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError
from faults.peer_oracle import Accepted, judge
from faults.peer_reader import Reader
from faults.peer_round import FAULTS, Round
from faults.peer_workers import PARTITIONS, Workers, system

from broker.connection import Connection, start_consumer
from broker.producer import producer as new_producer

USERS = 20
EVENTS = 2_000
RATE = 500.0
# The fault comes so many seconds after the first event.
FAULT_FROM_S, FAULT_TO_S = 0.5, 3.0
# Longer than the session timeout of 6 s and the second or so until the other worker has taken over.
PAUSE_FROM_S, PAUSE_TO_S = 8.0, 11.0
# A transaction that its worker left open holds readers of committed records up for its timeout,
# 60 s in Faust, and until the broker next looks for such, which it does every 10 s.
PATIENCE_S = 100.0
START_PATIENCE_S = 60.0
SETTLE_S = 3.0
# All outputs are there and nothing more has come for so long: what is doubled has had its time.
QUIET_S = 4.0
# The load goes on for so long after the fault is over.
AFTER_S = 1.0


class NotBegunError(RuntimeError):
    """A peer did not come to work within START_PATIENCE_S, before any fault."""


class Trial:
    """One round: a peer, its workers, the events and what is known of them."""

    def __init__(self, peer: str, fault: str, seed: int, bootstrap: str, scratch: Path) -> None:
        self.peer, self.fault, self.seed = peer, fault, seed
        self.dice = Random(f"{peer} {fault} {seed}")
        self.at = datetime.now(UTC).isoformat(timespec="seconds")
        self.prefix = f"{peer}-{fault}-{seed}-{time.time_ns()}."
        self.group = f"{self.prefix}{peer}"
        self.options = Connection(bootstrap).options()
        self.workers = Workers(peer, bootstrap, self.prefix, scratch / self.prefix.rstrip("."))
        self.accepted: list[Accepted] = []
        self.accepted_at: dict[int, float] = {}
        self.reader: Reader
        self.admin: AIOKafkaAdminClient
        self._producer: AIOKafkaProducer
        self._sent = 0

    async def run(self) -> Round:
        """Run it to its end, and return what it has shown. NotBegunError: it never began."""
        async with AsyncExitStack() as opened:
            self.admin = AIOKafkaAdminClient(**self.options)
            await self.admin.start()
            opened.push_async_callback(self.admin.close)
            await self._create()
            self._producer = await opened.enter_async_context(
                new_producer(Connection(self.options["bootstrap_servers"]))
            )
            consumer = await self._consumer(opened, "read_committed")
            self.reader = Reader(consumer)
            opened.push_async_callback(cancel, asyncio.create_task(self.reader.run()))
            opened.push_async_callback(asyncio.to_thread, self.workers.end)
            await self._warm_up()
            opened.push_async_callback(cancel, asyncio.create_task(self.workers.supervise()))
            struck = asyncio.create_task(self._strike())
            opened.push_async_callback(cancel, struck)
            await self._load(struck)
            ends = await self._consumer(opened, "read_uncommitted")
            finished = await self._settle(ends)
            return self._conclude(finished=finished, held=await self._held(ends))

    async def _consumer(self, opened: AsyncExitStack, isolation: str) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self.options, isolation_level=isolation, auto_offset_reset="earliest"
        )
        await start_consumer(consumer)
        opened.push_async_callback(consumer.stop)
        consumer.assign(self._tps("output"))
        return consumer

    def _tps(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(f"{self.prefix}{topic}", number) for number in range(PARTITIONS)]

    async def _create(self) -> None:
        compact = {"cleanup.policy": "compact"}
        topics = [NewTopic(f"{self.prefix}{name}", PARTITIONS, 1) for name in ("events", "output")]
        if self.peer == "faust":
            name = f"{self.group}-totals-changelog"
            topics.append(NewTopic(name, PARTITIONS, 1, topic_configs=compact))
        await self.admin.create_topics(topics)

    async def _send(self, user: str) -> None:
        """Append one event; it counts as accepted once it is acknowledged."""
        number, value = self._sent, self.dice.randint(1, 9)
        self._sent += 1
        event = json.dumps({"number": number, "user": user, "value": value}).encode()
        sent = await self._producer.send(f"{self.prefix}events", event, key=user.encode())

        def acknowledged(done: asyncio.Future[Any]) -> None:
            if not done.cancelled() and done.exception() is None:
                where = done.result()
                self.accepted.append(Accepted(number, user, value, where.partition, where.offset))
                self.accepted_at[number] = time.monotonic()

        sent.add_done_callback(acknowledged)

    async def _warm_up(self) -> None:
        """Return when all workers are in the group and one event of every user has its output."""
        until = time.monotonic() + START_PATIENCE_S
        for number in range(2 if self.fault == "stop" else 1):
            await asyncio.to_thread(self.workers.start, number)
            while await self._members() != number + 1:
                self._check_start(until)
                await asyncio.sleep(0.2)
            # One after the other, and no events before all are there: two that join at once are
            # not the fault that the round is about.
            await asyncio.sleep(SETTLE_S)
        for user in range(USERS):
            await self._send(f"user-{user}")
        while len(self.reader.seen) < USERS:
            self._check_start(until)
            await asyncio.sleep(0.2)

    def _check_start(self, until: float) -> None:
        if time.monotonic() > until:
            raise NotBegunError(f"{self.prefix} has not begun: see the workers' logs")

    async def _members(self) -> int:
        """Return how many workers the group has; 0 while it is being rebalanced."""
        try:
            (answer,) = await self.admin.describe_consumer_groups([self.group])
        except GroupCoordinatorNotAvailableError:  # a new broker makes the groups' topic first
            return 0
        ((_error, _group, state, _type, _protocol, members, *_),) = answer.groups
        return len(members) if state == "Stable" else 0

    async def _strike(self) -> None:
        """Wait for the seeded instant and strike; return when the fault is over."""
        await asyncio.sleep(self.dice.uniform(FAULT_FROM_S, FAULT_TO_S))
        if self.fault == "none":
            return
        if self.fault == "kill":
            self.workers.strike(0, signal.SIGKILL)
            return
        victim, pause_s = self.dice.randrange(2), self.dice.uniform(PAUSE_FROM_S, PAUSE_TO_S)
        self.workers.strike(victim, signal.SIGSTOP)
        await asyncio.sleep(pause_s)
        self.workers.strike(victim, signal.SIGCONT)

    async def _load(self, struck: asyncio.Task[None]) -> None:
        """Send EVENTS events, and more until shortly after the fault; all are acknowledged."""
        dice = Random(self.seed)
        begun, sent, over = time.monotonic(), 0, None
        while sent < EVENTS or over is None or time.monotonic() < over + AFTER_S:
            await self._send(f"user-{dice.randrange(USERS)}")
            sent += 1
            if struck.done() and over is None:
                over = time.monotonic()
            await asyncio.sleep(max(0.0, begun + sent / RATE - time.monotonic()))
        await self._producer.flush()
        ends = await self.reader.consumer.end_offsets(self._tps("events"))
        assert sum(ends.values()) == self._sent == len(self.accepted), "the inputs are not sound"

    async def _settle(self, ends: AIOKafkaConsumer) -> bool:
        """Return True when the peer is through with everything and quiet, False after PATIENCE_S.

        Through: all events have outputs, or all are committed as read and no transaction is open.
        """
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            await asyncio.sleep(0.25)
            if time.monotonic() - self.reader.last < QUIET_S:
                continue
            if not await self._held(ends) and not await self._pending():
                return True
        return False

    async def _held(self, ends: AIOKafkaConsumer) -> int:
        """Return how many of the output's partitions an open transaction holds up."""
        tps = self._tps("output")
        stable, written = await self.reader.consumer.end_offsets(tps), await ends.end_offsets(tps)
        return sum(stable[tp] != written[tp] for tp in tps)

    async def _pending(self) -> set[int]:
        """Return the numbers of the events without output that are not committed as read."""
        missing = [one for one in self.accepted if one.number not in self.reader.seen]
        if not missing:
            return set()
        held = await self.admin.list_consumer_group_offsets(
            self.group, partitions=self._tps("events")
        )
        read = {tp.partition: found.offset for tp, found in held.items()}
        return {one.number for one in missing if one.offset >= read.get(one.partition, -1)}

    def _conclude(self, *, finished: bool, held: int) -> Round:
        seen = self.reader.seen
        pending = (
            set() if finished else {one.number for one in self.accepted if one.number not in seen}
        )
        verdict = judge(self.accepted, self.reader.outputs, pending)
        violations = verdict.violations()
        if not finished:
            violations.append(
                f"stuck: {PATIENCE_S:.0f} s after the last event was sent {len(pending)} events "
                f"have no output, {held} of {PARTITIONS} output partitions are held up by an open "
                f"transaction; {self.workers.restarts} restarts"
            )
        waits = [seen[number] - at for number, at in self.accepted_at.items() if number in seen]
        return Round(
            fault=FAULTS[self.fault],
            system=system(self.peer),
            seed=self.seed,
            number=self.seed,
            events=len(self.accepted),
            violations=violations,
            recovery_s=round(max(waits), 2) if finished else None,
            at=self.at,
        )


async def cancel(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; an error that it had comes out here."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
