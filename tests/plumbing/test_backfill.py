"""The backfill: what the ledger says of the past, and a companion that brings it to every user."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from given import game
from plumbing.judging import event, judging, stop

from ops.apply import apply_game
from processor import backfill
from processor.backfill import Backfill
from processor.lane import Lane
from processor.past import Past
from processor.rules.game import compile_game
from processor.sender import KafkaSender
from processor.state import PartitionState
from processor.store import Store
from schemas import events
from schemas.events import read_input

RUST = "commits?language=rust"
PATIENCE_S = 30


# What the ledger says of the past


def rusty(since=2, **fields):
    """Return the compiled version 2 of a game that counts commits in Rust, and since when."""
    goal = {"key": "rusty", "metricValue": 3, "eventAttributes": {"language": "rust"}}
    told = game(["commits"], event=["language"], achievements=[goal], **fields)
    return compile_game(told, 2, {RUST: since})


def record(change=None, *, user="ada", version=1, language="rust", **fields) -> Any:
    """Return a record of a commit, as far as a backfill looks at it."""
    made: dict[str, Any] = {
        "v": 1,
        "id": "0-0-0",
        "outcome": "applied",
        "at": "2026-03-02T12:00:00Z",
        "appended": "2026-03-02T12:00:00Z",
        "source": (0, 0, 0),
        "after": None,
        "lane": "a",
        "tenant": "default",
        "user": user,
        "definitions": version,
        "rules": 1,
        "input": {"metric": "commits", "attributes": {"language": language}},
        "entries": [],
    }
    if change is not None:
        made["entries"] = [
            {
                "kind": "total",
                "metric": "commits",
                "change": change,
                "total": "0",
                "day": "2026-03-02",
            }
        ]
    return {**made, **fields}


def correction(change, **fields):
    """Return the record of a correction."""
    made = record(change, **fields)
    made["input"]["type"] = "correction"
    return made


def past_of(*records, since=2, done=1):
    """Return the past up to version 2 that these records make."""
    past = Past("default", 2, rusty(since), done)
    for it in records:
        assert past.take(it)
    return past


def test_the_past_holds_the_matching_events_of_each_user():
    past = past_of(
        record("2"),
        record("5", language="go"),
        record("0.1"),
        record("4", user="bob"),
        record("7", user="cy", language="go"),
    )
    assert list(past.users) == ["ada", "bob", "cy"]
    assert past.lacking("ada", 1) == {RUST: ("2.1", "2.1")}
    assert past.lacking("bob", 1) == {RUST: ("4", "4")}
    assert past.lacking("cy", 1) == {}


def test_the_past_ends_at_the_marker():
    past = past_of(record("2"))
    marker = record(user=None, version=2)
    assert not past.take(marker)
    assert not past.take(record("2", user="eve", version=2))
    assert list(past.users) == ["ada"]


def test_what_did_not_count_is_no_past():
    past = past_of(
        record("2"),
        record("9", outcome="refused"),
        record("9", outcome="replayed"),
        record("9", tenant="other"),
        record("9", tenant="other", version=7),
        record("9", user="bob", outcome="refused"),
        record(user=None),
    )
    assert list(past.users) == ["ada"]
    assert past.lacking("ada", 1) == {RUST: ("2", "2")}


def test_a_user_without_any_event_of_the_metric_is_visited_too():
    assert list(past_of(record(user="ada")).users) == ["ada"]


def test_the_highest_value_outlasts_what_takes_away():
    assert past_of(record("5"), record("-3"), record("1")).lacking("ada", 1) == {RUST: ("3", "5")}
    assert past_of(record("-2"), record("1")).lacking("ada", 1) == {RUST: ("-1", "0")}


def test_a_correction_that_takes_away_lowers_the_highest_value():
    past = past_of(record("5"), record("-3"), correction("-2"))
    assert past.lacking("ada", 1) == {RUST: ("0", "3")}
    assert past_of(record("5"), correction("2")).lacking("ada", 1) == {RUST: ("7", "7")}
    past = past_of(record("5"), record("-5"), correction("-6"))
    assert past.lacking("ada", 1) == {RUST: ("-6", "0")}


def test_what_is_known_of_a_user_already_is_not_told_again():
    past = past_of(record("2"))
    assert past.lacking("ada", 2) == {}
    assert past_of(record("2"), done=2).lacking("ada", 1) == {}


def test_a_filter_that_an_older_version_asked_for_is_counted_up_to_that_version():
    past = Past("default", 3, rusty(since=2), 1)
    past.take(record("2"))
    # The lane counts it from version 2 on.
    past.take(record("40", version=2))
    assert past.lacking("ada", 1) == {RUST: ("2", "2")}


def test_of_a_filter_that_was_counted_before_only_the_gap_is_lacking():
    counted = record("2")
    counted["entries"][0]["subtotals"] = {"language=rust": "2"}
    past = Past("default", 3, rusty(since=3), 1)
    past.take(counted)
    past.take(record("5", version=2))
    assert past.lacking("ada", 1) == {RUST: ("5", "7")}


def test_a_subtotal_may_be_greater_than_any_value():
    past = past_of(record("9e17"), record("9e17"))
    told = {"type": "backfill", "user": "ada", "version": 2, "series": past.lacking("ada", 1)}
    given = read_input(json.dumps(told).encode())
    assert isinstance(given, events.Backfill)
    assert given.series == {RUST: (Decimal(18 * 10**17), Decimal(18 * 10**17))}


# The companion


class Visited:
    """A lane with its backfill beside it, as an assignment runs them."""

    def __init__(self, lane, companion):
        self._lane = lane
        self._companion = companion
        self.put = lane.put

    async def run(self):
        async def accompany():
            await self._lane.folded.wait()
            await self._companion.run()

        tasks = [asyncio.create_task(self._lane.run()), asyncio.create_task(accompany())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


TOKENS = count()


@pytest.fixture
def disk(tmp_path):
    """Give a new store each time, closed afterwards."""
    opened: list[Store] = []

    def store():
        opened.append(Store(tmp_path / str(len(opened))))
        return opened[-1]

    yield store
    for it in opened:
        it.close()


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Let it look often, and have few inputs under way."""
    monkeypatch.setattr(backfill, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(backfill, "IN_FLIGHT_MAX", 2)


def start(world, store, now=lambda: datetime.now(UTC)):
    """Run a lane on a store with its backfill beside it; return its task."""

    def make(feed):
        seat = replace(world.seat(), game=world.games.get, lane=f"visit{next(TOKENS)}")
        lane = Lane(
            seat=seat,
            state=PartitionState(store, 0),
            feed=feed,
            ledger=world.ledger(),
            sender=KafkaSender(world.sender, world.topics),
            topics=world.topics,
            games=world.games,
        )
        return Visited(lane, Backfill(lane.tools(world.connection), asyncio.Semaphore(1), now))

    return world._start(make)


async def apply(world, told):
    """Put definitions in force, with a marker on the one partition."""
    applied = await apply_game(world.connection, world.topics, told, tenant="default")
    await world.games.refresh()
    return applied


async def until(world, holds, *tasks):
    """Wait until the records fulfil something, and return them."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            records, _skipped = await world.read()
            if holds(records):
                return records
            for task in tasks:
                if task.done():
                    task.result()
            await asyncio.sleep(0.05)


def of(records, kind, outcome="applied"):
    """Return the records on inputs of a kind."""
    return [
        it
        for it in records
        if it["outcome"] == outcome and (it["input"] or {}).get("type", "metric") == kind
    ]


def is_backfilled(records, version=2):
    return any(it["input"]["version"] == version for it in of(records, "backfilled"))


def achieved(records):
    """Return who completed what, and whether quietly, in order."""
    return [
        (it["user"], entry["achievement"], entry.get("quiet", False))
        for it in records
        for entry in it["entries"]
        if entry["kind"] == "achievement"
    ]


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
    stack, prefix, disk
):
    async with judging(stack.kafka, prefix) as world:
        assert not (await apply(world, BEFORE)).backfill
        await world.publish(rust("ada", 2), go("ada", 9), rust("bob", 2), rust("cy", 3))
        assert (await apply(world, AFTER)).backfill
        lane = start(world, disk())
        records = await until(world, is_backfilled, lane)
        assert achieved(records) == [("ada", "ten", True), ("cy", "rusty", True)]
        await world.publish(rust("bob"), rust("new", 2), rust("new"))
        records = await until(world, lambda them: len(of(them, "metric")) == 7, lane)
        assert achieved(records)[2:] == [("bob", "rusty", False), ("new", "rusty", False)]
        told = [(it["user"], it["input"]["version"]) for it in of(records, "backfill")]
        assert told == [("ada", 2), ("bob", 2), ("cy", 2)]


async def test_an_event_between_the_marker_and_the_visit_counts_once(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish(rust("ada", 2))
        await apply(world, AFTER)
        # Judged by the new version, before anybody has looked at the past.
        await world.publish(rust("ada", 5))
        lane = start(world, disk())
        records = await until(world, is_backfilled, lane)
        (visit,) = of(records, "backfill")
        assert visit["entries"][0]["series"] == {RUST: ["7", "7"]}
        assert achieved(records) == [("ada", "rusty", True)]


async def test_one_that_is_killed_half_way_goes_on_and_visits_each_user_once(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish(*(rust(user, 3) for user in USERS))
        await apply(world, AFTER)
        lane = start(world, disk())
        records = await until(world, lambda them: of(them, "backfill"), lane)
        await stop(lane)
        assert not is_backfilled(records)
        lane = start(world, disk())
        records = await until(world, is_backfilled, lane)
        visited = [it["user"] for it in of(records, "backfill")]
        assert sorted(visited) == sorted(USERS)
        assert sorted(achieved(records)) == [(user, "rusty", True) for user in USERS]


async def test_two_at_once_visit_each_user_once(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish(*(rust(user, 3) for user in USERS))
        await apply(world, AFTER)
        lanes = [start(world, disk()) for _ in range(2)]
        records = await until(world, is_backfilled, *lanes)
        visited = [it["user"] for it in of(records, "backfill")]
        assert sorted(visited) == sorted(USERS)


async def test_one_visit_does_for_two_versions(stack, prefix, disk):
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
        lane = start(world, disk())
        records = await until(world, lambda them: is_backfilled(them, 3), lane)
        (visit,) = of(records, "backfill")
        assert visit["entries"][0]["series"] == {
            RUST: ["4", "4"],
            "commits?language=go": ["2", "2"],
        }
        assert sorted(it[1] for it in achieved(records)) == ["gopher", "rusty"]


async def test_a_filter_that_was_left_out_for_a_while_was_counted_on(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, AFTER)
        await world.publish(rust("ada", 1))
        await apply(world, BEFORE)
        await world.publish(rust("ada", 1))
        await apply(world, AFTER)
        lane = start(world, disk())
        records = await until(world, lambda them: is_backfilled(them, 3), lane)
        (visit,) = of(records, "backfill")
        assert visit["entries"][0]["series"] == {}
        await world.publish(rust("ada", 1))
        records = await until(world, lambda them: len(of(them, "metric")) == 3, lane)
        assert achieved(records) == [("ada", "rusty", False)]


async def test_nobody_is_visited_while_old_events_come(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish({"type": "hold", "on": True}, rust("ada", 3))
        await apply(world, AFTER)
        lane = start(world, disk())
        await until(world, lambda them: len(them) == 4, lane)
        # Several of its looks.
        await asyncio.sleep(0.5)
        records, _skipped = await world.read()
        assert not of(records, "backfill")
        await world.publish({"type": "hold", "on": False})
        records = await until(world, is_backfilled, lane)
        assert achieved(records) == [("ada", "rusty", True)]


async def test_a_version_that_asks_nothing_of_the_past_visits_nobody(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, BEFORE)
        await world.publish(rust("ada", 3))
        named = BEFORE.model_copy(
            update={"metrics": [it.model_copy(update={"name": "New"}) for it in BEFORE.metrics]}
        )
        assert not (await apply(world, named)).backfill
        await world.publish(rust("ada", 3))
        lane = start(world, disk())
        await until(world, lambda them: len(them) == 4, lane)
        await asyncio.sleep(0.3)
        records, _skipped = await world.read()
        assert len(records) == 4
