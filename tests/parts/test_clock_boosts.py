"""The clock of a lane and boosts of everyone: told once, on the days around their own."""

from datetime import date

import pytest
from parts.clocked import GAME, World, boosts, hold, users
from wording.definitions import game
from wording.inputs import instant

from processor.boost_changes import change_of
from processor.partition_meta import BoostChange
from processor.rules.compiling import compile_definitions
from processor.store import Store
from schemas.entries import BoostEntry
from schemas.instants import read_instant


@pytest.fixture
def world(store):
    return World(store)


@pytest.fixture
def hasty(monkeypatch):
    """Have boosts looked at every time."""
    monkeypatch.setattr("processor.clock.BOOSTS_EVERY_S", 0)


STARTED = ("started", "2026-03-09T10:00:00Z")


@pytest.mark.usefixtures("hasty")
async def test_a_boost_of_everyone_is_told_once(world):
    assert await world.look("2026-03-09T09:59:59Z") == []
    inputs = await world.look("2026-03-09T10:00:00Z")
    assert boosts(inputs) == [STARTED]
    assert world.published[-1][0] == b"default"
    # Under way, and then judged.
    assert await world.look() == []
    (record,) = world.judge(inputs)
    assert record.outcome == "applied"
    assert await world.look() == []


@pytest.mark.usefixtures("hasty")
async def test_a_boost_that_was_not_judged_is_told_again(world, monkeypatch):
    monkeypatch.setattr("processor.clock.RESEND_S", 0)
    assert boosts(await world.look("2026-03-09T10:00:00Z") + await world.look()) == [STARTED] * 2


@pytest.mark.usefixtures("hasty")
async def test_a_boost_is_told_by_the_lane_of_its_tenants_partition_alone(tmp_path):
    inputs = []
    for partition in (0, 1):
        store = Store(tmp_path / str(partition))
        world = World(store, partition=partition, partitions=2)
        inputs += await world.look("2026-03-09T10:00:00Z")
        store.close()
    assert boosts(inputs) == [STARTED]


@pytest.mark.usefixtures("hasty")
async def test_a_boost_of_one_user_is_told_by_that_users_own_time(store):
    boost = {"start": "2026-03-10", "multiplier": 2, "userId": "ada"}
    world = World(store, game(points={"xp": {"boosts": [boost]}}))
    world.commits("ada")
    (words,) = await world.look("2026-03-10T00:00:00Z")
    assert (words["type"], words["at"]) == ("due", "2026-03-10T00:00:00Z")
    (record,) = world.judge([words])
    assert [it.change for it in record.entries if isinstance(it, BoostEntry)] == ["started"]


@pytest.mark.usefixtures("hasty")
async def test_boosts_are_told_although_users_are_held(world):
    world.now = instant("2026-03-09T09:59:00Z")
    hold(world, on=True)
    assert boosts(await world.look("2026-03-09T10:00:00Z")) == [STARTED]


@pytest.mark.usefixtures("hasty")
async def test_a_version_that_cannot_be_used_tells_no_boost_and_holds_up_nobody(world):
    world.commits("ada")
    world.unusable = {"default"}
    inputs = await world.look("2026-03-09T10:00:00Z")
    assert (boosts(inputs), users(inputs)) == ([], ["ada"])
    world.unusable = set()
    assert boosts(await world.look()) == [STARTED]


BEGUN = BoostChange("started", read_instant(STARTED[1]))
FINISHED = ("finished", "2026-03-13T13:00:00Z")
ENDED = BoostChange("finished", read_instant(FINISHED[1]))


@pytest.mark.parametrize(
    ("start", "end", "known", "now", "expected"),
    [
        ("2026-03-10", None, None, "2026-03-09T09:59:59Z", None),
        ("2026-03-10", None, None, "2026-03-09T10:00:00Z", STARTED),
        ("2026-03-10", None, BEGUN, "2030-01-01T00:00:00Z", None),
        ("2026-03-10", "2026-03-12", None, "2026-03-13T12:59:59Z", STARTED),
        ("2026-03-10", "2026-03-12", None, "2026-03-13T13:00:00Z", None),
        ("2026-03-10", "2026-03-12", BEGUN, "2026-03-13T12:59:59Z", None),
        ("2026-03-10", "2026-03-12", BEGUN, "2026-04-01T00:00:00Z", FINISHED),
        ("2026-03-10", "2026-03-12", ENDED, "2026-04-01T00:00:00Z", None),
        # Moved: it had ended, and is to be again.
        ("2026-04-10", "2026-04-12", ENDED, "2026-04-09T10:00:00Z", ("started", "04-09")),
        # For ever, since ever.
        ("0001-01-01", "9999-12-31", None, "2026-03-10T00:00:00Z", ("started", "1969-12-31")),
        ("0001-01-01", "9999-12-31", BEGUN, "2026-03-10T00:00:00Z", None),
        ("9999-12-31", None, None, "2026-03-10T00:00:00Z", None),
        ("1900-01-01", "8999-12-31", None, "2026-03-10T00:00:00Z", ("started", "1969-12-31")),
        ("1900-01-01", "8999-12-31", BEGUN, "2026-03-10T00:00:00Z", None),
        ("8999-12-31", None, None, "2026-03-10T00:00:00Z", None),
    ],
)
def test_a_boost_is_told_on_the_days_around_its_own(start, end, known, now, expected):
    (system,) = compile_definitions(GAME, 1).systems
    (boost,) = system.boosts
    # Some dates no file has any more; older ones may have had them.
    boost.start = date.fromisoformat(start)
    boost.end = end and date.fromisoformat(end)
    found = change_of(boost, known, instant(now))
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found[0] == expected[0]
        assert expected[1].removesuffix("Z") in found[1].isoformat()
