"""Waits until a world is quiet, reads what has come since the last round, and checks it.

Reads incrementally; every comparison is one of sets or of rows, never of counts alone. Which rule
says what about a record is in `judging`, what the tables must hold in `tables`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faults.judging import Judging, Raw, plain_users
from faults.plan import Event
from faults.tables import by_user, differences, stored
from faults.world import HOOK, World

from broker.connection import start_consumer

ASK_TIMEOUT_S = 3.0
POLL_S = 0.1
AWAY = (KafkaError, OSError, TimeoutError, psycopg.Error)
SHOWN_MAX = 3

Offsets = dict[tuple[str, int], int]


class Oracle:
    """What is known of one world, over all of its rounds."""

    def __init__(self, world: World) -> None:
        """Begin with a world in which nothing was sent yet."""
        self.world = world
        self.judging = Judging(world.options.partitions, world.topics)
        # How far each topic was read: (topic, partition) -> offset.
        self.read: Offsets = {}
        # Topic -> id of a notice -> its content and key; and ids of dead letters.
        self.told: dict[str, dict[str, Any]] = defaultdict(dict)
        self.letters: set[str] = set()
        # Webhook paths whose messages are compared; a class may add others.
        self.hooks = {HOOK}
        # What was not done yet when last asked, and how long after the last blow that was.
        self.waited_for = ""
        self._asker: AIOKafkaConsumer | None = None

    async def check(
        self, events: Sequence[Event], last_sent: float, bar_s: float
    ) -> tuple[list[str], float]:
        """Wait for quiet and check everything; return the violations and the seconds it took.

        The seconds count from the last blow. What is not done `bar_s` seconds after that and after
        the last event (`last_sent`, by the monotonic clock) is a violation of its own (I10).
        """
        began = self.world.last_blow or last_sent
        deadline = max(began, last_sent) + bar_s
        judging = self.judging
        judging.problems = []
        for event in events:
            if event.raw is not None:
                judging.poison.add(event.raw)
            else:
                judging.sent[event.mark] = event
        self.waited_for = ""
        ends, behind = await self._quiet(deadline)
        if behind:
            judging.tell(f"I10 not quiet after {time.monotonic() - began:.1f} s: {behind}")
        await self._follow(ends)
        await self._downstream(deadline)
        took = time.monotonic() - began
        judging.check_sent(list(events))
        judging.check_ends(
            {
                partition: ends.get((self.world.topics.events, partition), 0)
                for partition in range(judging.partitions)
            }
        )
        self._check_downstream()
        if not behind:
            await self._check_tables()
        return judging.problems, took

    # Quiet

    async def _quiet(self, deadline: float) -> tuple[Offsets, str]:
        """Return the ends of both logs once all have been followed there, or what lags behind."""
        behind = "nothing could be asked"
        ends: Offsets = {}
        while time.monotonic() < deadline:
            try:
                async with asyncio.timeout(ASK_TIMEOUT_S):
                    ends = await self._ends(self.world.topics.events, self.world.topics.ledger)
                    behind = await self._behind(ends)
            except AWAY as error:
                behind = f"cannot ask: {error!r}"
            if not behind:
                return ends, ""
            self.waited_for = f"{time.monotonic() - (self.world.last_blow or 0):.1f} s: {behind}"
            await asyncio.sleep(POLL_S)
        return ends, behind

    async def _ends(self, *topics: str) -> Offsets:
        """Return the offset after the last record of every partition of some topics."""
        tps = [
            TopicPartition(topic, number)
            for topic in topics
            for number in range(self._partitions_of(topic))
        ]
        if self._asker is None:
            asker = AIOKafkaConsumer(**self.world.connection.options())
            await start_consumer(asker)
            self._asker = asker
        try:
            found = await self._asker.end_offsets(tps)
        except BaseException:
            await self.close()
            raise
        return {(tp.topic, tp.partition): end for tp, end in found.items()}

    async def close(self) -> None:
        """Close what is open towards the broker; it is opened again when it is needed."""
        asker, self._asker = self._asker, None
        if asker is not None:
            await asker.stop()

    def _partitions_of(self, topic: str) -> int:
        return 1 if topic == self.world.topics.dead_letters else self.world.options.partitions

    async def _behind(self, ends: Mapping[tuple[str, int], int]) -> str:
        """Say who has not come to the ends yet; empty when everybody has."""
        world, told = self.world, []
        rows = await world.query(
            "SELECT partition, next_offset, epoch, source_offset FROM read.positions"
        )
        projected = {row[0]: row[1:] for row in rows}
        for partition, line in enumerate(self.judging.lines):
            events = ends[world.topics.events, partition]
            ledger = ends[world.topics.ledger, partition]
            offset, epoch, source = projected.get(partition, (0, None, None))
            judged = source + 1 if source is not None and epoch == line.epoch else 0
            if offset != ledger:
                told.append(f"projector at {offset} of {ledger} in {partition}")
            if judged != events:
                told.append(f"worker at {judged} of {events} in {partition}")
        if "notify" in world.parts:
            rows = await world.query("SELECT partition, next_offset FROM own.notifier_positions")
            told += [
                f"notifier at {offset} in {partition}"
                for partition, offset in rows
                if offset != ends[world.topics.ledger, partition]
            ]
        return "; ".join(told)

    # Reading

    async def _follow(self, ends: Offsets) -> None:
        """Fold what both logs have up to the ends."""
        found = await self._fetch(ends)
        for (topic, partition), messages in found.items():
            if topic == self.world.topics.events:
                for raw in messages:
                    self.judging.add_event(partition, raw)
        for (topic, partition), messages in found.items():
            if topic == self.world.topics.ledger:
                for raw in messages:
                    self.judging.add_record(partition, raw.offset, raw.value or b"")
        for partition, line in enumerate(self.judging.lines):
            end = self.read.get((self.world.topics.ledger, partition), 0)
            self.judging.tables.position(partition, end, line.last)

    async def _fetch(self, ends: Offsets) -> dict[tuple[str, int], list[Raw]]:
        """Read topics from where they were read to up to their ends."""
        due = {place: end for place, end in ends.items() if self.read.get(place, 0) < end}
        found: dict[tuple[str, int], list[Raw]] = {place: [] for place in due}
        if not due:
            return found
        consumer = AIOKafkaConsumer(
            **self.world.connection.options(), enable_auto_commit=False, auto_offset_reset="none"
        )
        await start_consumer(consumer)
        try:
            consumer.assign([TopicPartition(*place) for place in due])
            for place in due:
                consumer.seek(TopicPartition(*place), self.read.get(place, 0))
            async with asyncio.timeout(30):
                while any(self.read.get(place, 0) < end for place, end in due.items()):
                    for tp, messages in (await consumer.getmany(timeout_ms=200)).items():
                        place = (tp.topic, tp.partition)
                        taken = [it for it in messages if it.offset < due[place]]
                        found[place] += [
                            Raw(it.offset, it.timestamp, it.key, it.value, tuple(it.headers))
                            for it in taken
                        ]
                        if taken:
                            self.read[place] = taken[-1].offset + 1
        finally:
            await consumer.stop()
        return found

    # Downstream

    async def _downstream(self, deadline: float) -> None:
        """Read what was told until all that is due has come, or time is up."""
        while True:
            try:
                await self._read_told()
            except AWAY as error:
                if time.monotonic() > deadline:
                    self.judging.tell(f"I10 the topics cannot be read: {error!r}")
                    return
            if self._all_told() or time.monotonic() > deadline:
                return
            await asyncio.sleep(POLL_S)

    def _all_told(self) -> bool:
        judging = self.judging
        return (
            all(ids <= self.told[topic].keys() for topic, ids in judging.notices.items())
            and judging.letters <= self.letters
            and all(judging.deliveries <= set(self._taken(hook)) for hook in self._checked_hooks())
        )

    def _checked_hooks(self) -> set[str]:
        return self.hooks if "notify" in self.world.parts else set()

    def _taken(self, hook: str) -> Mapping[str, int]:
        return self.world.receiver.taken.get(hook, {})

    async def _read_told(self) -> None:
        topics = self.world.topics
        ends = await self._ends(*topics.notices, topics.dead_letters)
        for (topic, _partition), messages in (await self._fetch(ends)).items():
            for raw in messages:
                if topic == topics.dead_letters:
                    self.letters.add((raw.key or b"").decode())
                    continue
                notice = json.loads(raw.value or b"")
                known = self.told[topic].setdefault(notice["id"], notice)
                if known != notice:
                    self.judging.tell(f"I9 {topic}: {notice['id']} was told in two ways")

    def _check_downstream(self) -> None:
        """I9: what was told is what there is to tell."""
        judging = self.judging
        for topic, ids in judging.notices.items():
            self._compare_ids(f"notices on {topic}", ids, set(self.told[topic]))
        self._compare_ids("dead letters", judging.letters, self.letters)
        for hook in self._checked_hooks():
            self._compare_ids(f"webhook {hook}", judging.deliveries, set(self._taken(hook)))
        judging.problems += self.world.receiver.faults
        self.world.receiver.faults = []

    def _compare_ids(self, what: str, due: set[str], found: set[str]) -> None:
        if missing := due - found:
            self.judging.tell(f"I9 {what}: {len(missing)} missing, {sorted(missing)[:SHOWN_MAX]}")
        if extra := found - due:
            self.judging.tell(f"I9 {what}: {len(extra)} too many, {sorted(extra)[:SHOWN_MAX]}")

    # State

    async def _check_tables(self) -> None:
        """I3 and I4: the read models are the ledger's fold, and say what the reference says."""
        found = await stored(self.world)
        self.judging.problems += differences(self.judging.tables, found)
        users, expected = by_user(found), plain_users(self.judging.game)
        wrong = [who for who in users.keys() | expected if users.get(who) != expected.get(who)]
        for who in sorted(wrong)[:SHOWN_MAX]:
            self.judging.tell(f"I3 {who}: expected {expected.get(who)}, found {users.get(who)}")
