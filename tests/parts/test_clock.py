"""The clock of a lane and users: what falls due is published when it does, and what comes of it."""

from datetime import timedelta

import pytest
from parts.clocked import LATER, MIDNIGHT, World, users
from wording.definitions import daily, every, game

from processor.in_flight import InFlightBudget
from processor.store import Store
from schemas.entries import StreakEntry
from schemas.records import time_text


@pytest.fixture
def world(store):
    return World(store)


def allow(monkeypatch, count):
    """Allow so many inputs under way."""
    monkeypatch.setattr("processor.in_flight.IN_FLIGHT_MAX", count)
    monkeypatch.setattr("processor.in_flight.IN_FLIGHT_MIN", 1)


async def test_what_falls_due_is_published_with_its_instant_and_not_before(world):
    world.commits("ada")
    assert await world.look("2026-03-03T23:59:59Z") == []
    due = {"type": "due", "tenant": "default", "user": "ada", "at": MIDNIGHT}
    assert await world.look(MIDNIGHT) == [due]
    assert world.published == [(b"ada", due)]


async def test_a_streak_is_lost_without_any_further_event(world):
    world.commits("ada")
    (record,) = world.judge(await world.look(LATER))
    assert (record.outcome, time_text(record)) == ("applied", MIDNIGHT)
    streaks = [it for it in record.entries if isinstance(it, StreakEntry)]
    assert [it.frequency for it in streaks if it.change == "lost"] == ["daily"]
    assert await world.look() == []


async def test_what_is_under_way_is_not_published_again(world):
    world.commits("ada")
    assert len(await world.look(LATER)) == 1
    assert await world.look() == []


async def test_what_was_not_judged_is_published_again_after_a_while(world, monkeypatch):
    world.commits("ada")
    first = await world.look(LATER)
    monkeypatch.setattr("processor.clock.RESEND_S", 0)
    assert await world.look() == first


async def test_what_is_judged_twice_counts_once(world, monkeypatch):
    monkeypatch.setattr("processor.clock.RESEND_S", 0)
    world.commits("ada")
    inputs = await world.look(LATER) + await world.look()
    assert [it.outcome for it in world.judge(inputs)] == ["applied", "replayed"]


async def test_few_are_under_way_at_a_time_and_the_earliest_first(world, monkeypatch):
    allow(monkeypatch, 4)
    names = [f"u{number}" for number in range(9)]
    world.commits(*names)
    seen = []
    while inputs := await world.look(LATER):
        assert len(inputs) <= 4
        assert await world.look() == []
        seen += users(inputs)
        world.judge(inputs)
    assert seen == names


def test_the_clocks_of_a_worker_that_have_work_share_its_room(monkeypatch):
    monkeypatch.setattr("processor.in_flight.IN_FLIGHT_MAX", 40)
    budget = InFlightBudget()
    assert [budget.share(it, busy=True) for it in (0, 1, 1, 2)] == [40, 20, 20, 13]
    assert [budget.share(it, busy=False) for it in (2, 9)] == [20, 20]
    assert [budget.share(it, busy=True) for it in range(30)][-1] == 10


async def test_the_next_ones_come_when_half_of_them_have_been_judged(world, monkeypatch):
    allow(monkeypatch, 4)
    world.commits("a", "b", "c", "d", "e", "f")
    inputs = await world.look(LATER)
    world.judge(inputs[:1])
    assert await world.look() == []
    world.judge(inputs[1:2])
    assert users(await world.look()) == ["e", "f"]


async def test_a_user_whose_time_comes_several_times_is_led_through_them(store):
    world = World(store, game(points={"xp": {"triggers": [every(1, hours=5)]}}))
    world.commits("ada")
    instants = []
    while inputs := await world.look("2026-03-03T12:00:00Z"):
        instants += [it["at"] for it in inputs]
        world.judge(inputs)
    assert instants == [
        f"2026-03-{day:02}T{hour:02}:00:00Z" for day, hour in ((2, 17), (2, 22), (3, 3), (3, 8))
    ]
    assert world.lane.user_state().points["xp"].total == 4


async def test_one_that_comes_to_nothing_does_not_hold_up_the_others(world, monkeypatch):
    allow(monkeypatch, 2)
    monkeypatch.setattr("processor.clock.RESEND_S", 0)
    # In the order of their names, as all fall due at the same instant.
    world.commits("poison 1", "poison 2", "yan", "zoe")
    seen = set()
    for _ in range(6):
        inputs = await world.look(LATER)
        seen |= set(users(inputs))
        world.judge([it for it in inputs if not it["user"].startswith("poison")])
    assert seen == {"poison 1", "poison 2", "yan", "zoe"}
    assert users(await world.look()) == ["poison 1", "poison 2"]


async def test_who_has_been_brought_up_to_date_by_an_event_is_left_alone(world):
    world.commits("ada", "bob")
    world.commits("ada", at=LATER)
    assert users(await world.look(LATER)) == ["bob"]


LATE = [daily(), daily(maxFreezes=3, initialFreezes=2), daily(frequency="weekly")]


@pytest.mark.parametrize("streak", LATE, ids=["daily", "freezes", "weekly"])
async def test_a_late_clock_leads_to_what_a_punctual_one_does(tmp_path, streak):
    trigger = every(1, hours=7)
    definitions = game(streak=streak, points={"xp": {"triggers": [trigger]}})
    states = []
    for name, step in (("punctual", 1), ("late", 24 * 30)):
        store = Store(tmp_path / name)
        world = World(store, definitions)
        world.commits("ada", "bob")
        await world.run_until("2026-03-20T00:00:00Z", timedelta(hours=step))
        states.append([world.lane.user_state(it) for it in ("ada", "bob")])
        store.close()
    assert states[0] == states[1]
    assert states[0][0].points["xp"].total == 60
