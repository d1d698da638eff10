"""What runs beside a lane on real topics: when it begins and ends, and the clock among it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from given import daily, every, game
from plumbing.judging import MARKER, event, judging, stop

from processor.clock import Clock, Room
from processor.companions import CompanionEndedError
from processor.rules.game import compile_game
from processor.state import PartitionState
from processor.store import Slot, Store
from schemas.codec import write_instant

STREAK = compile_game(game(streak=daily()), 1)
HOURLY = compile_game(
    game(points={"xp": {"triggers": [every(1, hours=1)]}}),
    1,
    activated={"xp/t0": datetime(2026, 1, 1, tzinfo=UTC)},
)


def ago(**time):
    """Return the instant that was so long ago."""
    return write_instant(datetime.now(UTC).replace(microsecond=0) - timedelta(**time))


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
    stack, prefix, tmp_path, slot
):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER, *[event()] * 20)
        first = world.start_lane(PartitionState(store := Store(tmp_path / "other"), 0))
        await world.judged(21, first)
        await stop(first)
        store.close()
        made: list[Noted] = []
        task = world.start_assignment(slot, tmp_path / "s", companions=noting(made))
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
        task = world.start_assignment(slot, tmp_path / "s", companions=noting(made, work))
        records = await world.judged(2, task)
        assert [it["outcome"] for it in records] == ["applied", "dead"]
        assert made[0].tools.state.hold.on


@pytest.mark.parametrize("error", [ZeroDivisionError, None], ids=["failed", "returned"])
async def test_a_companion_that_fails_or_returns_ends_the_assignment(
    stack, prefix, tmp_path, slot, error
):
    async def work(_tools):
        if error is not None:
            raise error

    async with judging(stack.kafka, prefix) as world:
        task = world.start_assignment(slot, tmp_path / "s", companions=noting([], work))
        with pytest.raises(error or CompanionEndedError):
            await asyncio.wait_for(task, 20)


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
        task = world.start_assignment(slot, tmp_path / "s", companions=noting([], work))
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

    async with judging(stack.kafka, prefix) as world:
        task = world.start_assignment(slot, tmp_path / "s", companions=noting([], work))
        async with asyncio.timeout(20):
            while not seen:
                await asyncio.sleep(0.01)
        raw = json.dumps(event()).encode()
        sent = [await world.sender.send(world.topics.events, raw, partition=0) for _ in range(1500)]
        await asyncio.gather(*sent)
        await world.judged(1500, task)
        assert seen == {(True, True), (False, False)}


# The clock


def clock(tools):
    """Make the clock, with the present time of this machine."""
    return (Clock(tools, lambda: datetime.now(UTC), Room()),)


def changes(records):
    """Return what has become of streaks of the game's frequency."""
    entries = [it for record in records for it in record["entries"] if it["kind"] == "streak"]
    return [it["change"] for it in entries if it["frequency"] == "daily"]


async def test_a_streak_is_lost_without_any_further_event(stack, prefix, tmp_path, slot):
    async with judging(stack.kafka, prefix) as world:
        seat = world.seat(compiled=STREAK)
        await world.publish(MARKER, event(occurredAt=ago(days=3)))
        task = world.start_assignment(slot, tmp_path / "s", seat=seat, companions=clock)
        records = await world.judged(3, task)
        assert changes(records) == ["started", "lost"]
        assert records[-1]["input"]["type"] == "due"
        assert records[-1]["at"].endswith("T00:00:00Z")


async def test_time_triggers_award_without_any_further_event(stack, prefix, tmp_path, slot):
    async with judging(stack.kafka, prefix) as world:
        seat = world.seat(compiled=HOURLY)
        began = ago(hours=4, minutes=30)
        await world.publish(MARKER, event(occurredAt=began))
        task = world.start_assignment(slot, tmp_path / "s", seat=seat, companions=clock)
        records = await world.judged(6, task)
        awards = [it for record in records for it in record["entries"] if it["kind"] == "points"]
        assert [it["total"] for it in awards] == [1, 2, 3, 4]
        first = datetime.fromisoformat(began)
        ticks = [write_instant(first + timedelta(hours=hours)) for hours in (1, 2, 3, 4)]
        assert [it["at"] for it in awards] == ticks


async def test_the_clock_waits_until_an_import_is_over(stack, prefix, tmp_path, slot):
    async with judging(stack.kafka, prefix) as world:
        seat = world.seat(compiled=STREAK)
        await world.publish(MARKER, {"type": "hold", "on": True}, event(occurredAt=ago(days=4)))
        task = world.start_assignment(slot, tmp_path / "s", seat=seat, companions=clock)
        await world.judged(3, task)
        await asyncio.sleep(1.5)
        await world.publish(event(occurredAt=ago(days=3)), {"type": "hold", "on": False})
        # Held, the day after counts; a clock that had not waited would have ended the streak.
        records = await world.judged(6, task)
        assert changes(records) == ["started", "extended", "lost"]
        assert [it["input"].get("type") for it in records[-2:]] == ["hold", "due"]


async def test_many_who_fall_due_at_once_hold_up_nobody(stack, prefix, tmp_path, slot):
    count = 500
    async with judging(stack.kafka, prefix) as world:
        seat = world.seat(compiled=STREAK)
        hold = {"type": "hold", "on": True}
        many = [event(f"u{n}", occurredAt=ago(days=3)) for n in range(count)]
        await world.publish(MARKER, hold, *many, {**hold, "on": False})
        task = world.start_assignment(slot, tmp_path / "s", seat=seat, companions=clock)
        async with asyncio.TaskGroup() as tasks:
            coming = tasks.create_task(come(world))
            await world.judged(2 * count + 3, task)
            coming.cancel()
        records = await world.judged(2 * count + 4, task)
        kinds = [(it["input"] or {}).get("type") for it in records]
        due = [it["user"] for it, kind in zip(records, kinds, strict=True) if kind == "due"]
        assert due == sorted(f"u{n}" for n in range(count))
        fresh = [at for at, it in enumerate(records) if it["user"] == "fresh"]
        # Those that came while others fell due did not wait for all of them.
        assert any("due" in kinds[at:] and "due" in kinds[:at] for at in fresh)


async def come(world):
    """Let fresh events come for ever."""
    while True:
        await world.publish(event("fresh"))
        await asyncio.sleep(0.05)
