"""Waits until a world is quiet and checks it against its logs: the invariants, over all rounds.

What the logs say about a record is in `judging`, what must come out behind the ledger in
`downstream`, what the tables must hold in `tables`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from aiokafka.errors import KafkaError
from faults.downstream import SHOWN_MAX, Downstream
from faults.event import Event
from faults.game import AGE, AGE_DAYS, FOUNDED
from faults.judging import CLOCKS_APART, Judging
from faults.lines import Raw
from faults.read_models import by_user, differences, stored
from faults.reading import Offsets, Reading
from faults.recording import Recording
from faults.tables import Tables
from faults.world import World

from broker.definitions import DefinitionsReader

ASK_TIMEOUT_S = 3.0
POLL_S = 0.1
AWAY = (KafkaError, OSError, TimeoutError, psycopg.Error)


class Oracle:
    """What is known of one world, over all of its rounds."""

    def __init__(self, world: World) -> None:
        """Begin with a world in which nothing was sent yet."""
        self.world = world
        self.judging = Judging(world.options.partitions, world.topics, signed=world.is_signed)
        self.reading = Reading(world)
        judging = self.judging
        self._downstream = Downstream(world, self.reading, judging.owed, judging.tell)
        # What was not done yet when last asked, and how long after the last blow that was.
        self.waited_for = ""
        self._recalled: list[str] = []
        if world.recording is not None:
            self._recall(world.recording)

    def _recall(self, recording: Recording) -> None:
        """Take what the world begins with; what is wrong with it is told with the first round."""
        judging, topic = self.judging, self.world.topics.ledger
        judging.recall(recording)
        for partition, records in recording.ledger.items():
            self.reading.offsets[topic, partition] = len(records)
        judging.begin_epoch(1)
        # Those came out of the system that is gone.
        judging.owed.letters.clear()
        judging.owed.deliveries.clear()
        self._recalled = judging.problems

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
        judging.problems, self._recalled = self._recalled, []
        judging.ahead = CLOCKS_APART + timedelta(seconds=self.world.ahead_s)
        for event in events:
            judging.sent.add(event)
        self.waited_for = ""
        ends, behind, found = await self._settled(deadline)
        took = time.monotonic() - began
        if behind:
            judging.tell(f"I10 not quiet after {took:.1f} s: {behind}")
        judging.sent.check(events, judging.records)
        judging.check_ends(
            {
                partition: ends.get((self.world.topics.events, partition), 0)
                for partition in range(judging.partitions)
            }
        )
        self._downstream.check()
        if found is not None:
            self._check_tables(found)
        self.world.ahead_s = 0.0
        return judging.problems, took

    async def close(self) -> None:
        """Close what is open towards the broker; it is opened again when it is needed."""
        await self.reading.close()

    async def dump(self, directory: Path) -> None:
        """Write both logs into a directory, for somebody to look at."""
        await self.reading.dump(directory, *self._logs)

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
            await self._read_downstream(deadline)
            if behind:
                return ends, behind, None
            found = await stored(self.world)
            if await self.reading.ends(*self._logs) == ends:
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
                    ends = await self.reading.ends(*self._logs)
                    behind = await self._behind(ends)
            except AWAY as error:
                behind = f"cannot ask: {error!r}"
            if not behind:
                return ends, ""
            self._wait_for(behind)
            await asyncio.sleep(POLL_S)
        return ends, behind

    async def _behind(self, ends: Mapping[tuple[str, int], int]) -> str:
        """Say who has not come to the ends yet; empty when everybody has."""
        world, late = self.world, []
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
                late.append(f"projector at {offset} of {ledger} in {partition}")
            if judged != events:
                late.append(f"worker at {judged} of {events} in {partition}")
        if "notify" in world.parts:
            rows = await world.query("SELECT partition, next_offset FROM own.notifier_positions")
            late += [
                f"notifier at {offset} in {partition}"
                for partition, offset in rows
                if offset != ends[world.topics.ledger, partition]
            ]
        return "; ".join(late)

    # Reading

    async def _follow(self, ends: Offsets) -> None:
        """Fold what both logs have up to the ends."""
        found = await self.reading.up_to(ends)
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
            end = self.reading.offsets.get((self.world.topics.ledger, partition), 0)
            self.judging.tables.position(partition, end, line.last)

    async def _read_downstream(self, deadline: float) -> None:
        """Read what came out behind the ledger until all that is due has come, or time is up."""
        while True:
            try:
                await self._downstream.read()
            except AWAY as error:
                if time.monotonic() > deadline:
                    self.judging.tell(f"I10 the topics cannot be read: {error!r}")
                    return
            if self._downstream.is_complete() or time.monotonic() > deadline:
                return
            await asyncio.sleep(POLL_S)

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
