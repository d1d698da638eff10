"""What runs beside a lane on real topics: when it begins and ends, and the clock among it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from plumbing.interleaving import Counted, HeldLedger
from plumbing.judging import MARKER, event, judging
from plumbing.running import PATIENCE_S, meanwhile, stop
from wording.definitions import daily, every, game

from processor.clock import Clock
from processor.companions import CompanionEndedError
from processor.in_flight import InFlightBudget
from processor.partition_state import PartitionState
from processor.rules.compiling import compile_definitions
from processor.slot import Slot
from schemas.entries import PointsEntry, StreakEntry
from schemas.inputs import RecordedDue, RecordedHold
from schemas.instants import write_instant
from schemas.records import time_text

STREAK = compile_definitions(game(streak=daily()), 1)
HOURLY = compile_definitions(
    game(points={"xp": {"triggers": [every(1, hours=1)]}}),
    1,
    activated={"xp/t0": datetime(2026, 1, 1, tzinfo=UTC)},
)


@pytest.fixture
def ago():
    """Give what tells the instant that was so long before this test, whenever it is asked."""
    now = datetime.now(UTC).replace(microsecond=0)
    return lambda **time: write_instant(now - timedelta(**time))


@pytest.fixture
def slot(tmp_path):
    opened = Slot(tmp_path / "0")
    yield opened
    opened.close()


class Noted:
    """A companion that does what it is told to, and notes where its lane stands meanwhile."""

    def __init__(self, tools, work=None):
        self.tools = tools
        self._work = work
        self.began_at = None
        self.ended = False

    async def run(self):
        self.began_at = self.tools.state.ledger
        try:
            if self._work is not None:
                return await self._work(self.tools)
            await asyncio.Event().wait()
        finally:
            self.ended = True


def noting(made, work=None):
    """Return what makes a companion of a lane's tools, and adds it to a list."""

    def make(tools):
        made.append(Noted(tools, work))
        return made[-1:]

    return make


async def test_a_companion_begins_when_its_lane_has_folded_and_ends_with_it(
    stack, prefix, tmp_path, slot, disk
):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER, *[event()] * 20)
        first = world.start_lane(PartitionState(disk("other"), 0))
        await world.judged(21, first)
        await stop(first)
        made: list[Noted] = []
        task = world.start_runner(slot, tmp_path / "s", companions=noting(made))
        await world.publish(event())
        await world.judged(22, task)
        assert [it.began_at for it in made] == [21]
        assert not made[0].ended
        await stop(task)
        assert made[0].ended


async def test_what_a_companion_publishes_is_judged_by_its_own_lane(stack, prefix, tmp_path, slot):
    async def work(tools):
        await tools.publish([(b"", b'{"type": "hold", "on": true}'), (b"", b"no input")])
        await asyncio.Event().wait()

    async with judging(stack.kafka, prefix) as world:
        made: list[Noted] = []
        task = world.start_runner(slot, tmp_path / "s", companions=noting(made, work))
        records = await world.judged(2, task)
        assert [it.outcome for it in records] == ["applied", "dead"]
        assert made[0].tools.state.hold.on


@pytest.mark.parametrize("error", [ZeroDivisionError, None], ids=["failed", "returned"])
async def test_a_companion_that_fails_or_returns_ends_the_runner(
    stack, prefix, tmp_path, slot, error
):
    async def work(_tools):
        if error is not None:
            raise error

    async with judging(stack.kafka, prefix) as world:
        task = world.start_runner(slot, tmp_path / "s", companions=noting([], work))
        with pytest.raises(error or CompanionEndedError):
            await asyncio.wait_for(task, PATIENCE_S)


async def test_a_lane_is_behind_until_it_has_judged_what_was_there_when_it_began(
    stack, prefix, tmp_path, slot
):
    stands: dict[bool, set[int]] = {True: set(), False: set()}

    async def work(tools):
        while True:
            stands[tools.behind()].add(tools.state.ledger)
            await asyncio.sleep(0)

    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER, *[event()] * 600)
        task = world.start_runner(slot, tmp_path / "s", companions=noting([], work))
        await world.judged(601, task)
        await world.publish(event())
        await world.judged(602, task)
        assert max(stands[True]) < 601
        assert stands[False] == {601, 602}


async def test_a_lane_is_behind_while_much_waits(stack, prefix, tmp_path, slot, monkeypatch):
    monkeypatch.setattr("processor.lane.WAITING_MAX", 5)
    seen = set()

    async def work(tools):
        while True:
            seen.add((tools.behind(), tools.waiting() > 5))
            await asyncio.sleep(0)

    async def saw(what):
        while what not in seen:
            await asyncio.sleep(0.01)

    async with judging(stack.kafka, prefix) as world:
        # What comes while an append is under way waits.
        ledger = HeldLedger(world.ledger())
        task = world.start_runner(slot, tmp_path / "s", ledger, companions=noting([], work))
        await meanwhile(saw((False, False)), task)
        await world.publish(event())
        await meanwhile(ledger.held(), task)
        raw = json.dumps(event()).encode()
        sent = [await world.sender.send(world.topics.events, raw, partition=0) for _ in range(1500)]
        await asyncio.gather(*sent)
        await meanwhile(saw((True, True)), task)
        ledger.open()
        await world.judged(1501, task)
        assert seen == {(True, True), (False, False)}


# The clock


def clock(tools):
    """Make the clock, with the present time of this machine."""
    return (Clock(tools, lambda: datetime.now(UTC), InFlightBudget()),)


class CountedClock(Clock):
    """Counts how often it has looked."""

    def __init__(self, tools, looks):
        super().__init__(tools, lambda: datetime.now(UTC), InFlightBudget())
        self._looks = looks

    async def look(self):
        found = await super().look()
        await self._looks.add()
        return found


def entries_of(records, kind):
    """Return the entries of one kind, in order."""
    return [it for record in records for it in record.entries if isinstance(it, kind)]


def changes(records):
    """Return what has become of streaks of the game's frequency."""
    return [it.change for it in entries_of(records, StreakEntry) if it.frequency == "daily"]


async def test_a_streak_is_lost_without_any_further_event(stack, prefix, tmp_path, slot, ago):
    async with judging(stack.kafka, prefix) as world:
        context = world.context(rules=STREAK)
        await world.publish(MARKER, event(occurredAt=ago(days=3)))
        task = world.start_runner(slot, tmp_path / "s", context=context, companions=clock)
        records = await world.judged(3, task)
        assert changes(records) == ["started", "lost"]
        assert isinstance(records[-1].input, RecordedDue)
        assert time_text(records[-1]).endswith("T00:00:00Z")


async def test_time_triggers_award_without_any_further_event(stack, prefix, tmp_path, slot, ago):
    async with judging(stack.kafka, prefix) as world:
        context = world.context(rules=HOURLY)
        began = ago(hours=4, minutes=30)
        await world.publish(MARKER, event(occurredAt=began))
        task = world.start_runner(slot, tmp_path / "s", context=context, companions=clock)
        records = await world.judged(6, task)
        awards = entries_of(records, PointsEntry)
        assert [it.total for it in awards] == [1, 2, 3, 4]
        first = datetime.fromisoformat(began)
        assert [it.at for it in awards] == [first + timedelta(hours=it) for it in (1, 2, 3, 4)]


async def test_the_clock_waits_until_an_import_is_over(stack, prefix, tmp_path, slot, ago):
    async with judging(stack.kafka, prefix) as world:
        looks = Counted()
        await world.publish(MARKER, {"type": "hold", "on": True}, event(occurredAt=ago(days=4)))
        task = world.start_runner(
            slot,
            tmp_path / "s",
            context=world.context(rules=STREAK),
            companions=lambda tools: [CountedClock(tools, looks)],
        )
        await world.judged(3, task)
        await meanwhile(looks.more(3), task)
        await world.publish(event(occurredAt=ago(days=3)), {"type": "hold", "on": False})
        # Held, the day after counts; a clock that had not waited would have ended the streak.
        records = await world.judged(6, task)
        assert changes(records) == ["started", "extended", "lost"]
        assert [type(it.input) for it in records[-2:]] == [RecordedHold, RecordedDue]


async def test_many_who_fall_due_at_once_hold_up_nobody(stack, prefix, tmp_path, slot, ago):
    count = 500

    def has_dues(batch):
        return any(isinstance(it.record.input, RecordedDue) for it in batch)

    async with judging(stack.kafka, prefix) as world:
        # The first of them are under way while somebody does something.
        ledger = HeldLedger(world.ledger(), has_dues)
        hold = {"type": "hold", "on": True}
        many = [event(f"u{n}", occurredAt=ago(days=3)) for n in range(count)]
        await world.publish(MARKER, hold, *many, {**hold, "on": False})
        task = world.start_runner(
            slot, tmp_path / "s", ledger, context=world.context(rules=STREAK), companions=clock
        )
        await meanwhile(ledger.held(), task)
        await world.publish(event("fresh"))
        ledger.open()
        records = await world.judged(2 * count + 4, task)
        is_due = [isinstance(it.input, RecordedDue) for it in records]
        due = [it.user for it, yes in zip(records, is_due, strict=True) if yes]
        assert due == sorted(f"u{n}" for n in range(count))
        (fresh,) = [at for at, it in enumerate(records) if it.user == "fresh"]
        # Who came while others fell due did not wait for all of them.
        assert any(is_due[:fresh])
        assert any(is_due[fresh:])
