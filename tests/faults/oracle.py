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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from faults.judging import CLOCKS_APART, Judging
from faults.lines import Raw
from faults.plan import AGE, AGE_DAYS, FOUNDED, Event
from faults.tables import Tables, by_user, differences, stored
from faults.world import HOOK, World

from broker.connection import start_consumer
from broker.definitions import DefinitionsReader

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
        judging.ahead = CLOCKS_APART + timedelta(seconds=self.world.ahead_s)
        for event in events:
            if event.raw is None:
                judging.sent[event.mark] = event
            elif event.outcome == "dead":
                judging.poison.add(event.raw)
            else:
                judging.asked.add(event.raw)
        self.waited_for = ""
        ends, behind, found = await self._settled(deadline)
        took = time.monotonic() - began
        if behind:
            judging.tell(f"I10 not quiet after {took:.1f} s: {behind}")
        judging.check_sent(list(events))
        judging.check_ends(
            {
                partition: ends.get((self.world.topics.events, partition), 0)
                for partition in range(judging.partitions)
            }
        )
        self._check_downstream()
        if found is not None:
            self._check_tables(found)
        self.world.ahead_s = 0.0
        return judging.problems, took

    # Quiet

    async def _settled(self, deadline: float) -> tuple[Offsets, str, Tables | None]:
        """Read everything as of one moment at which all is done.

        Time goes on meanwhile, and the clock says so on the logs: then it is read again. Returns
        the ends of both logs, what is not done if time is up, and the read models if it is.
        """
        while True:
            ends, behind = await self._quiet(deadline)
            await self._follow(ends)
            behind = behind or self.judging.pending(datetime.now(UTC))
            if behind and time.monotonic() < deadline:
                self._wait_for(behind)
                await asyncio.sleep(POLL_S)
                continue
            await self._downstream(deadline)
            if behind:
                return ends, behind, None
            found = await stored(self.world)
            if await self._ends(*self._logs) == ends:
                return ends, "", found

    @property
    def _logs(self) -> tuple[str, str]:
        return self.world.topics.events, self.world.topics.ledger

    def _wait_for(self, behind: str) -> None:
        self.waited_for = f"{time.monotonic() - (self.world.last_blow or 0):.1f} s: {behind}"

    async def _quiet(self, deadline: float) -> tuple[Offsets, str]:
        """Return the ends of both logs once all have been followed there, or what lags behind."""
        behind = "nothing could be asked"
        ends: Offsets = {}
        while time.monotonic() < deadline:
            try:
                async with asyncio.timeout(ASK_TIMEOUT_S):
                    ends = await self._ends(*self._logs)
                    behind = await self._behind(ends)
            except AWAY as error:
                behind = f"cannot ask: {error!r}"
            if not behind:
                return ends, ""
            self._wait_for(behind)
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
        if any(_is_marker(raw) for messages in found.values() for raw in messages):
            topic = self.world.topics.definitions
            async with DefinitionsReader(self.world.connection, topic) as reader:
                self.judging.learn(reader.all())
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

    async def dump(self, place: Path) -> None:
        """Write both logs into a directory, for somebody to look at."""
        read, self.read = self.read, {}
        try:
            found = await self._fetch({it: end for it, end in read.items() if it[0] in self._logs})
        finally:
            self.read = read
        for (topic, partition), messages in found.items():
            lines = [
                f"{raw.offset} {raw.timestamp} {(raw.value or b'').decode(errors='replace')}\n"
                for raw in messages
            ]
            (place / f"{topic}-{partition}.txt").write_text("".join(lines))

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

    def _check_tables(self, found: Tables) -> None:
        """I3 and I4: the read models are the ledger's fold, and say what the reference says."""
        self.judging.problems += differences(self.judging.tables, found)
        users, expected = by_user(found), self.judging.second.users()
        users = {who: it for who, it in users.items() if who not in self.judging.second.heavy}
        wrong = [who for who in users.keys() | expected if users.get(who) != expected.get(who)]
        for who in sorted(wrong)[:SHOWN_MAX]:
            self.judging.tell(f"I3 {who}: expected {expected.get(who)}, found {users.get(who)}")
        self._check_ages(found)

    def _check_ages(self, found: Tables) -> None:
        """I13: a time trigger has fallen due once for every interval of a user's time."""
        for who, row in found.rows["users"].items():
            created, seen = row[2], row[4]
            expected = max(seen - max(created, FOUNDED), timedelta()) // timedelta(days=AGE_DAYS)
            (balance, *_) = found.rows["points"].get((*who, AGE), (0,))
            if balance != expected:
                text = f"I13 {who} from {created} to {seen}: {balance} intervals, not {expected}"
                self.judging.tell(text)


def _is_marker(raw: Raw) -> bool:
    """Whether a record of the events topic may put a version of definitions in force."""
    return b'"type":"definitions"' in (raw.value or b"")[:40]
