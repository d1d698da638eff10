"""The companion that brings what a version asks of the past to every user, on real topics."""

import asyncio
import json
from datetime import UTC, datetime
from itertools import count

import pytest
from plumbing.interleaving import Counted, HeldLedger
from plumbing.judging import event, judging
from plumbing.running import meanwhile, stop
from wording.definitions import game

from ops.apply import apply_game
from processor import backfill
from processor.backfill import Backfill
from processor.partition_state import PartitionState
from schemas.codec import write_record
from schemas.entries import AchievementEntry
from schemas.inputs import RecordedBackfill, RecordedBackfilled, RecordedEvent

RUST = "commits?language=rust"

# Stores of lanes that begin anew, by name.
NAMES = count()


@pytest.fixture
def new(disk):
    """Give a new store each time."""
    return lambda: disk(f"new {next(NAMES)}")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Let it look often, and have few inputs under way."""
    monkeypatch.setattr(backfill, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(backfill, "IN_FLIGHT_MAX", 2)


class CountedBackfill(Backfill):
    """Counts how often it has looked."""

    def __init__(self, tools, looks):
        super().__init__(tools, asyncio.Semaphore(1), lambda: datetime.now(UTC))
        self._looks = looks

    async def _look(self):
        await super()._look()
        await self._looks.add()


def start(world, store, looks=None, ledger=None):
    """Run a lane on a store with its backfill beside it; return its task."""
    context = world.context()
    context.ruleset = world.rulesets.get
    looks = looks or Counted()

    def companions(tools):
        return (CountedBackfill(tools, looks),)

    return world.start_lane(PartitionState(store, 0), context, ledger, companions=companions)


async def apply(world, definitions):
    """Put definitions in force, with a marker on the one partition."""
    applied = await apply_game(world.connection, world.topics, definitions, tenant="default")
    await world.rulesets.refresh()
    return applied


def of(records, kind):
    """Return the applied records on inputs of a kind."""
    return [it for it in records if it.outcome == "applied" and isinstance(it.input, kind)]


def is_backfilled(records, version=2):
    return any(it.input.version == version for it in of(records, RecordedBackfilled))


def achieved(records):
    """Return who completed what, and whether quietly, in order."""
    return [
        (it.user, entry.achievement, entry.quiet)
        for it in records
        for entry in it.entries
        if isinstance(entry, AchievementEntry)
    ]


def series(record):
    """Return what a visit brought, as the ledger has it."""
    return json.loads(write_record(record))["entries"][0]["series"]


BEFORE = game(["commits"], event=["language"])
AFTER = game(
    ["commits"],
    event=["language"],
    achievements=[
        {"key": "rusty", "metricValue": 3, "eventAttributes": {"language": "rust"}},
        {"key": "ten", "metricValue": 10},
    ],
)
USERS = ("ada", "bob", "cy", "dan", "eve")


def rust(user="ada", value=1):
    return event(user, value=value, attributes={"language": "rust"})


def go(user="ada", value=1):
    return event(user, value=value, attributes={"language": "go"})


async def test_past_events_complete_what_is_new_quietly_and_count_for_what_comes(
    stack, prefix, new
):
    async with judging(stack.kafka, prefix) as world:
        assert not (await apply(world, BEFORE)).backfill
        await world.publish(rust("ada", 2), go("ada", 9), rust("bob", 2), rust("cy", 3))
        assert (await apply(world, AFTER)).backfill
        lane = start(world, new())
        records = await world.until(is_backfilled, lane)
        assert achieved(records) == [("ada", "ten", True), ("cy", "rusty", True)]
        await world.publish(rust("bob"), rust("new", 2), rust("new"))
        records = await world.until(lambda them: len(of(them, RecordedEvent)) == 7, lane)
        assert achieved(records)[2:] == [("bob", "rusty", False), ("new", "rusty", False)]
        told = [(it.user, it.input.version) for it in of(records, RecordedBackfill)]
        assert told == [("ada", 2), ("bob", 2), ("cy", 2)]


async def test_an_event_between_the_marker_and_the_visit_counts_once(stack, prefix, new):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish(rust("ada", 2))
        await apply(world, AFTER)
        # Judged by the new version, before anybody has looked at the past.
        await world.publish(rust("ada", 5))
        lane = start(world, new())
        records = await world.until(is_backfilled, lane)
        (visit,) = of(records, RecordedBackfill)
        assert series(visit) == {RUST: [7, 7]}
        assert achieved(records) == [("ada", "rusty", True)]


async def test_one_that_is_killed_half_way_goes_on_and_visits_each_user_once(stack, prefix, new):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish(*(rust(user, 3) for user in USERS))
        await apply(world, AFTER)
        # Once somebody has been visited nothing more is appended: it ends in the midst of it.
        have_visits: list[bool] = []

        def holds(batch):
            has_visit = any(isinstance(it.record.input, RecordedBackfill) for it in batch)
            have_visits.append(has_visit)
            return any(have_visits[:-1])

        lane = start(world, new(), ledger=HeldLedger(world.ledger(), holds))
        records = await world.until(lambda them: of(them, RecordedBackfill), lane)
        await stop(lane)
        assert len(of(records, RecordedBackfill)) < len(USERS)
        assert not is_backfilled(records)
        lane = start(world, new())
        records = await world.until(is_backfilled, lane)
        visited = [it.user for it in of(records, RecordedBackfill)]
        assert sorted(visited) == sorted(USERS)
        assert sorted(achieved(records)) == [(user, "rusty", True) for user in USERS]


async def test_two_at_once_visit_each_user_once(stack, prefix, new):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish(*(rust(user, 3) for user in USERS))
        await apply(world, AFTER)
        lanes = [start(world, new()) for _ in range(2)]
        records = await world.until(is_backfilled, *lanes)
        visited = [it.user for it in of(records, RecordedBackfill)]
        assert sorted(visited) == sorted(USERS)


async def test_one_visit_does_for_two_versions(stack, prefix, new):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish(rust("ada", 3), go("ada", 1))
        await apply(world, AFTER)
        await world.publish(rust("ada", 1), go("ada", 1))
        goal = {"key": "gopher", "metricValue": 2, "eventAttributes": {"language": "go"}}
        both = AFTER.model_copy(
            update={
                "achievements": [
                    *AFTER.achievements,
                    *game(["commits"], event=["language"], achievements=[goal]).achievements,
                ]
            }
        )
        assert (await apply(world, both)).version == 3
        lane = start(world, new())
        records = await world.until(lambda them: is_backfilled(them, 3), lane)
        (visit,) = of(records, RecordedBackfill)
        assert series(visit) == {RUST: [4, 4], "commits?language=go": [2, 2]}
        assert sorted(it[1] for it in achieved(records)) == ["gopher", "rusty"]


async def test_a_filter_that_was_left_out_for_a_while_was_counted_on(stack, prefix, new):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, AFTER)
        await world.publish(rust("ada", 1))
        await apply(world, BEFORE)
        await world.publish(rust("ada", 1))
        await apply(world, AFTER)
        lane = start(world, new())
        records = await world.until(lambda them: is_backfilled(them, 3), lane)
        (visit,) = of(records, RecordedBackfill)
        assert series(visit) == {}
        await world.publish(rust("ada", 1))
        records = await world.until(lambda them: len(of(them, RecordedEvent)) == 3, lane)
        assert achieved(records) == [("ada", "rusty", False)]


async def test_nobody_is_visited_while_old_events_come(stack, prefix, new):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish({"type": "hold", "on": True}, rust("ada", 3))
        await apply(world, AFTER)
        looks = Counted()
        lane = start(world, new(), looks)
        await world.until(lambda them: len(them) == 4, lane)
        await meanwhile(looks.more(3), lane)
        records, _skipped = await world.read()
        assert not of(records, RecordedBackfill)
        await world.publish({"type": "hold", "on": False})
        records = await world.until(is_backfilled, lane)
        assert achieved(records) == [("ada", "rusty", True)]


async def test_a_version_that_asks_nothing_of_the_past_visits_nobody(stack, prefix, new):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish(rust("ada", 3))
        named = BEFORE.model_copy(
            update={"metrics": [it.model_copy(update={"name": "New"}) for it in BEFORE.metrics]}
        )
        assert not (await apply(world, named)).backfill
        await world.publish(rust("ada", 3))
        looks = Counted()
        lane = start(world, new(), looks)
        await world.until(lambda them: len(them) == 4, lane)
        await meanwhile(looks.more(3), lane)
        records, _skipped = await world.read()
        assert len(records) == 4
