"""The clock of a lane, without Kafka: what it publishes when, and what comes of it."""

import asyncio
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaConnectionError
from given import daily, every, game, instant
from plumbing.judged import Lane

from processor.clock import Clock, Room, change_of
from processor.companions import LaneTools
from processor.rules.game import compile_game
from processor.state import Told
from processor.store import Store, StoreFailedError

GAME = game(
    streak=daily(),
    points={"xp": {"boosts": [{"key": "b", "start": "2026-03-10", "multiplier": 2}]}},
)
TODAY = "2026-03-02T12:00:00Z"
MIDNIGHT = "2026-03-04T00:00:00Z"
LATER = "2026-03-05T12:00:00Z"


class World:
    """A lane without Kafka, its clock, and a present time that goes on when it is told to."""

    def __init__(self, store, definitions=GAME, **about):
        self.lane = Lane(store, definitions, **about)
        self.now = instant(TODAY)
        self.published: list[Any] = []
        self.behind = False
        self.broken = False
        tools = LaneTools(
            seat=self.lane.seat,
            state=self.lane.state,
            games=cast(Any, SimpleNamespace(get=self.lane.seat.game)),
            topics=cast(Any, None),
            connection=cast(Any, None),
            publish=self._publish,
            waiting=lambda: 0,
            behind=lambda: self.behind,
        )
        self.clock = Clock(tools, lambda: self.now, Room())
        self.keep()

    async def _publish(self, inputs):
        if self.broken:
            raise KafkaConnectionError
        self.published += [(key, json.loads(value)) for key, value in inputs]

    async def look(self, now=None):
        """Have the clock look; return what it publishes of boosts, and of users."""
        self.now = instant(now) if now else self.now
        before = len(self.published)
        await self.clock.look()
        return [told for _key, told in self.published[before:]]

    def keep(self):
        """Store what was judged."""
        self.lane.state.keep(self.lane.offset)

    def judge(self, told):
        """Judge what was published, and store it; return the records."""
        millis = round(self.now.timestamp() * 1000)
        records = [self.lane.tell(json.dumps(it).encode(), timestamp=millis).record for it in told]
        self.keep()
        return records

    async def run_until(self, now, step=timedelta(hours=1)):
        """Let time go on, and judge what the clock says until it has nothing to say."""
        end = instant(now)
        while self.now < end:
            self.now = min(end, self.now + step)
            while told := await self.look():
                self.judge(told)

    def commits(self, *users, at=None):
        """Have users commit, one after the other."""
        for number, user in enumerate(users):
            told = {"user": user, "metric": "commits"}
            millis = round(instant(at or TODAY).timestamp() * 1000)
            self.lane.tell(json.dumps(told).encode(), timestamp=millis + number)
        self.keep()


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "0")
    yield opened
    opened.close()


@pytest.fixture
def world(store):
    return World(store)


def users(told):
    """Return of whom something was published."""
    return [it["user"] for it in told]


def allow(monkeypatch, count):
    """Allow so many inputs under way."""
    monkeypatch.setattr("processor.clock.IN_FLIGHT_MAX", count)
    monkeypatch.setattr("processor.clock.IN_FLIGHT_MIN", 1)


# What is of users


async def test_what_falls_due_is_published_with_its_instant_and_not_before(world):
    world.commits("ada")
    assert await world.look("2026-03-03T23:59:59Z") == []
    due = {"type": "due", "tenant": "default", "user": "ada", "at": MIDNIGHT}
    assert await world.look(MIDNIGHT) == [due]
    assert world.published == [(b"ada", due)]


async def test_a_streak_is_lost_without_any_further_event(world):
    world.commits("ada")
    (record,) = world.judge(await world.look(LATER))
    assert (record["outcome"], record["at"]) == ("applied", MIDNIGHT)
    lost = [it for it in record["entries"] if it["kind"] == "streak" and it["change"] == "lost"]
    assert [it["frequency"] for it in lost] == ["daily"]
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
    told = await world.look(LATER) + await world.look()
    assert [it["outcome"] for it in world.judge(told)] == ["applied", "replayed"]


async def test_few_are_under_way_at_a_time_and_the_earliest_first(world, monkeypatch):
    allow(monkeypatch, 4)
    names = [f"u{number}" for number in range(9)]
    world.commits(*names)
    seen = []
    while told := await world.look(LATER):
        assert len(told) <= 4
        assert await world.look() == []
        seen += users(told)
        world.judge(told)
    assert seen == names


def test_the_clocks_of_a_worker_that_have_work_share_its_room(monkeypatch):
    monkeypatch.setattr("processor.clock.IN_FLIGHT_MAX", 40)
    room = Room()
    assert [room.share(it, busy=True) for it in (0, 1, 1, 2)] == [40, 20, 20, 13]
    assert [room.share(it, busy=False) for it in (2, 9)] == [20, 20]
    assert [room.share(it, busy=True) for it in range(30)][-1] == 10


async def test_the_next_ones_come_when_half_of_them_have_been_judged(world, monkeypatch):
    allow(monkeypatch, 4)
    world.commits("a", "b", "c", "d", "e", "f")
    told = await world.look(LATER)
    world.judge(told[:1])
    assert await world.look() == []
    world.judge(told[1:2])
    assert users(await world.look()) == ["e", "f"]


async def test_a_user_whose_time_comes_several_times_is_led_through_them(store):
    world = World(store, game(points={"xp": {"triggers": [every(1, hours=5)]}}))
    world.commits("ada")
    instants = []
    while told := await world.look("2026-03-03T12:00:00Z"):
        instants += [it["at"] for it in told]
        world.judge(told)
    assert instants == [
        f"2026-03-{day:02}T{hour:02}:00:00Z" for day, hour in ((2, 17), (2, 22), (3, 3), (3, 8))
    ]
    assert world.lane.standing()["points"] == {"xp": 4}


async def test_one_that_comes_to_nothing_does_not_hold_up_the_others(world, monkeypatch):
    allow(monkeypatch, 2)
    monkeypatch.setattr("processor.clock.RESEND_S", 0)
    # In the order of their names, as all fall due at the same instant.
    world.commits("poison 1", "poison 2", "yan", "zoe")
    seen = set()
    for _ in range(6):
        told = await world.look(LATER)
        seen |= set(users(told))
        world.judge([it for it in told if not it["user"].startswith("poison")])
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
    standings = []
    for name, step in (("punctual", 1), ("late", 24 * 30)):
        store = Store(tmp_path / name)
        world = World(store, definitions)
        world.commits("ada", "bob")
        await world.run_until("2026-03-20T00:00:00Z", timedelta(hours=step))
        standings.append([world.lane.standing(it) for it in ("ada", "bob")])
        store.close()
    assert standings[0] == standings[1]
    assert standings[0][0]["points"]["xp"] == 60


# Who waits for whom


async def test_it_publishes_nothing_while_the_lane_is_behind(world):
    world.commits("ada")
    world.behind = True
    assert await world.look(LATER) == []
    world.behind = False
    assert len(await world.look()) == 1


def hold(world, *, on):
    """Have the clock held, or released, at the present time."""
    world.judge([{"type": "hold", "on": on}])


async def test_it_waits_while_it_is_held(world):
    world.commits("ada")
    world.now = instant(LATER)
    hold(world, on=True)
    assert await world.look("2026-03-05T12:09:59Z") == []
    hold(world, on=False)
    assert len(await world.look()) == 1


async def test_a_hold_that_nobody_ends_runs_out(world):
    world.commits("ada")
    world.now = instant(LATER)
    hold(world, on=True)
    assert len(await world.look("2026-03-05T12:10:00Z")) == 1


async def test_a_hold_lasts_as_long_as_old_events_come(world):
    world.commits("ada")
    world.now = instant(LATER)
    hold(world, on=True)
    world.now = instant("2026-03-05T12:08:00Z")
    world.judge([{"user": "bob", "metric": "commits", "occurredAt": "2025-01-01T00:00:00Z"}])
    assert await world.look("2026-03-05T12:17:59Z") == []
    assert users(await world.look("2026-03-05T12:18:00Z")) == ["bob", "ada"]


async def test_a_broker_that_is_away_is_waited_for(world, monkeypatch):
    monkeypatch.setattr("processor.clock.PAUSE_S", 0)
    monkeypatch.setattr("processor.clock.IDLE_S", 0)
    world.commits("ada")
    world.now, world.broken = instant(LATER), True
    running = asyncio.create_task(world.clock.run())
    await asyncio.sleep(0.01)
    assert not running.done()
    world.broken = False
    async with asyncio.timeout(5):
        while not world.published:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_store_that_fails_ends_it(world, monkeypatch):
    def fails(*_args):
        raise StoreFailedError("as told")

    monkeypatch.setattr(world.lane.state, "due", fails)
    with pytest.raises(StoreFailedError):
        await asyncio.wait_for(world.clock.run(), 5)


# Boosts of everyone


@pytest.fixture
def hasty(monkeypatch):
    """Have boosts looked at every time."""
    monkeypatch.setattr("processor.clock.BOOSTS_EVERY_S", 0)


def boosts(told):
    """Return what was told of boosts, and as of when."""
    return [(it["change"], it["at"]) for it in told if it["type"] == "boost"]


STARTED = ("started", "2026-03-09T10:00:00Z")


@pytest.mark.usefixtures("hasty")
async def test_a_boost_of_everyone_is_told_once(world):
    assert await world.look("2026-03-09T09:59:59Z") == []
    told = await world.look("2026-03-09T10:00:00Z")
    assert boosts(told) == [STARTED]
    assert world.published[-1][0] == b"default"
    # Under way, and then judged.
    assert await world.look() == []
    (record,) = world.judge(told)
    assert record["outcome"] == "applied"
    assert await world.look() == []


@pytest.mark.usefixtures("hasty")
async def test_a_boost_that_was_not_judged_is_told_again(world, monkeypatch):
    monkeypatch.setattr("processor.clock.RESEND_S", 0)
    assert boosts(await world.look("2026-03-09T10:00:00Z") + await world.look()) == [STARTED] * 2


@pytest.mark.usefixtures("hasty")
async def test_a_boost_is_told_by_the_lane_of_its_tenants_partition_alone(tmp_path):
    told = []
    for partition in (0, 1):
        store = Store(tmp_path / str(partition))
        world = World(store, partition=partition, partitions=2)
        told += await world.look("2026-03-09T10:00:00Z")
        store.close()
    assert boosts(told) == [STARTED]


@pytest.mark.usefixtures("hasty")
async def test_a_boost_of_one_user_is_told_by_that_users_own_time(store):
    boost = {"start": "2026-03-10", "multiplier": 2, "userId": "ada"}
    world = World(store, game(points={"xp": {"boosts": [boost]}}))
    world.commits("ada")
    (told,) = await world.look("2026-03-10T00:00:00Z")
    assert (told["type"], told["at"]) == ("due", "2026-03-10T00:00:00Z")
    (record,) = world.judge([told])
    assert [it["change"] for it in record["entries"] if it["kind"] == "boost"] == ["started"]


@pytest.mark.usefixtures("hasty")
async def test_boosts_are_told_although_users_are_held(world):
    world.now = instant("2026-03-09T09:59:00Z")
    hold(world, on=True)
    assert boosts(await world.look("2026-03-09T10:00:00Z")) == [STARTED]


BEGUN = Told(*STARTED)
ENDED = Told("finished", "2026-03-13T13:00:00Z")


@pytest.mark.parametrize(
    ("start", "end", "told", "now", "expected"),
    [
        ("2026-03-10", None, None, "2026-03-09T09:59:59Z", None),
        ("2026-03-10", None, None, "2026-03-09T10:00:00Z", STARTED),
        ("2026-03-10", None, BEGUN, "2030-01-01T00:00:00Z", None),
        ("2026-03-10", "2026-03-12", None, "2026-03-13T12:59:59Z", STARTED),
        ("2026-03-10", "2026-03-12", None, "2026-03-13T13:00:00Z", None),
        ("2026-03-10", "2026-03-12", BEGUN, "2026-03-13T12:59:59Z", None),
        ("2026-03-10", "2026-03-12", BEGUN, "2026-04-01T00:00:00Z", ENDED),
        ("2026-03-10", "2026-03-12", ENDED, "2026-04-01T00:00:00Z", None),
        # Moved: it had ended, and is to be again.
        ("2026-04-10", "2026-04-12", ENDED, "2026-04-09T10:00:00Z", ("started", "04-09")),
        # For ever, since ever.
        ("0001-01-01", "9999-12-31", None, "2026-03-10T00:00:00Z", ("started", "1969-12-31")),
        ("0001-01-01", "9999-12-31", BEGUN, "2026-03-10T00:00:00Z", None),
        ("9999-12-31", None, None, "2026-03-10T00:00:00Z", None),
    ],
)
def test_a_boost_is_told_on_the_days_around_its_own(start, end, told, now, expected):
    boost = {"start": start, "end": end, "multiplier": 2}
    (system,) = compile_game(game(points={"xp": {"boosts": [boost]}}), 1).systems
    found = change_of(system.boosts[0], told, instant(now))
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] == expected[0]
        assert expected[1].removesuffix("Z") in found[1].isoformat()
