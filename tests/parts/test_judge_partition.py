"""Inputs of a whole partition, from bytes to record: holds, backfills that end, boosts of all."""

from typing import Any

import pytest
from parts.judged import DAY, HERE, NOON, Lane
from wording.definitions import game

from processor.partition_meta import BoostChange
from schemas.entries import (
    BackfilledEntry,
    BoostEntry,
    HoldEntry,
)
from schemas.inputs import (
    RecordedHold,
)
from schemas.instants import read_instant
from schemas.records import time_text

GAME = game(
    points={
        "xp": {
            "boosts": [
                {"key": "all", "start": "2026-03-03", "multiplier": 2},
                {"key": "ada", "start": "2026-03-03", "multiplier": 2, "userId": HERE},
            ],
        }
    },
)


@pytest.fixture
def lane(store):
    """Give a lane that knows ada, with one commit."""
    made = Lane(store, GAME)
    made.event()
    return made


def test_a_hold_is_told_and_known(lane):
    record = lane.ask("hold", user=None, on=True).record
    assert (record.user, record.input) == (None, RecordedHold(on=True))
    assert record.entries == [HoldEntry(on=True)]
    assert lane.state.hold == (True, NOON)
    lane.ask("hold", user=None, on=False, timestamp=NOON + DAY)
    assert lane.state.hold == (False, NOON + DAY)


def test_the_end_of_a_backfill_is_told_once_for_each_version(lane):
    records = [lane.ask("backfilled", user=None, version=it).record for it in (2, 2, 1, 3)]
    assert [it.outcome for it in records] == ["applied", "replayed", "replayed", "applied"]
    assert records[0].entries == [BackfilledEntry(2)]
    assert lane.state.backfilled == {"default": 3}


ALL: dict[str, Any] = {"user": None, "system": "xp", "boost": "all"}
STARTED = {**ALL, "change": "started", "at": "2026-03-02T10:00:00Z"}
FINISHED = {**ALL, "change": "finished", "at": "2026-03-09T13:00:00Z"}


def test_a_boost_of_everyone_is_told_once(lane):
    pending = [lane.ask("boost", **it) for it in (STARTED, STARTED, FINISHED, FINISHED)]
    records = [it.record for it in pending]
    assert [it.outcome for it in records] == ["applied", "replayed"] * 2
    assert (records[0].user, pending[0].key) == (None, b"default")
    assert time_text(records[0]) == "2026-03-02T10:00:00Z"
    assert records[0].entries == [BoostEntry("xp", "all", "started")]
    assert records[2].entries == [BoostEntry("xp", "all", "finished")]
    change = BoostChange("finished", read_instant("2026-03-09T13:00:00Z"))
    assert lane.state.boosts == {"default": {"xp/all": change}}


def test_a_boost_that_was_moved_to_later_dates_begins_again(lane):
    later = {**STARTED, "at": "2026-04-01T10:00:00Z"}
    records = [lane.ask("boost", **it).record for it in (STARTED, FINISHED, STARTED, later)]
    assert [it.outcome for it in records] == ["applied", "applied", "replayed", "applied"]


@pytest.mark.parametrize(
    "fields",
    [{"boost": "ada"}, {"boost": "none"}, {"system": "coins"}, {"change": "finished"}],
    ids=["of one user", "no boost", "no system", "not begun"],
)
def test_a_boost_that_is_none_of_everyone_or_has_not_begun_is_not_told(lane, fields):
    record = lane.ask("boost", **{**STARTED, **fields}).record
    assert (record.outcome, record.entries, lane.state.boosts) == ("replayed", [], {})


def test_a_boost_is_told_on_the_partition_of_its_tenant(store):
    lanes = [Lane(store, GAME, partition=it, partitions=2) for it in (0, 1)]
    pending = [lane.ask("boost", **STARTED) for lane in lanes]
    outcomes = [it.record.outcome for it in pending]
    assert sorted(outcomes) == ["applied", "forwarded"]
    (sent,) = next(it.sends for it in pending if it.sends)
    assert (sent.key, sent.partition) == (b"default", outcomes.index("applied"))
