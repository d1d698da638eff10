"""An input that comes to nothing leaves nothing behind: refused, too large, or failed by our bug.

A user's state is changed in place while an input is judged: whatever is concluded before it turns
out that the input does not count has to be taken back.
"""

import json
from typing import Any

import pytest
from parts.judged import DAY, HERE, HTTP, NOON, Lane
from wording.definitions import daily, every, game

from processor.hashed_rows import key_hash
from processor.judge import judge
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.rows import path_of
from processor.rules.evolve import evolve_record
from processor.rules.user_state import write_user_state
from processor.store import Store
from schemas.codec import read_record
from schemas.records import event_id_of

GAME = game(
    ["commits", "lines"],
    event=["kind"],
    user=["team"],
    streak=daily(maxFreezes=2, initialFreezes=1),
    achievements=[{"key": "two", "metricValue": 2}],
    points={
        "xp": {
            "triggers": [
                {"metricThreshold": 1, "points": 10},
                every(1, hours=5),
                {"metric": "lines", "metricThreshold": 5, "points": 1},
                {
                    "metricThreshold": 1,
                    "points": -10_000,
                    "eventAttributes": {"kind": "dear"},
                    "blockIfOutOfPoints": True,
                },
            ]
        }
    },
)
LATER = NOON + 3 * DAY
KEY = key_hash(path_of("default", HERE), "lines", "k")


def break_rule(lane):
    """Put a bug into the rule on lines: it fails when all else of an event was concluded."""
    (trigger,) = _on_lines(lane)
    trigger.step = 0


def mend_rule(lane):
    (trigger,) = _on_lines(lane)
    trigger.step = 5


def _on_lines(lane):
    (plan,) = lane.rulesets["default", 1].plans["lines"].full
    return [it for it in plan.triggers if hasattr(it, "series") and it.series == "lines"]


class Told:
    """A lane, and the state that whoever reads its records folds of them."""

    def __init__(self, store, definitions=GAME):
        self.lane = Lane(store, definitions)
        self.folded = None

    def event(self, headers=(), timestamp=NOON, **fields):
        words = {"user": HERE, "metric": "commits", "value": 1, **fields}
        pending = self.lane.judge(json.dumps(words).encode(), headers, timestamp=timestamp)
        record = read_record(pending.raw)
        if record.outcome == "applied":
            self.folded = evolve_record(self.folded, record)
        # What is judged by is what the ledger says, after whatever came.
        assert self.lane.user_state() == self.folded
        return pending

    def keep(self):
        self.lane.state.keep(self.lane.offset)


@pytest.fixture
def told(store):
    return Told(store)


# Where a user is when an input fails: nowhere, on disk, in memory only, in both.
PLACES = ["nobody", "on disk", "in memory", "in both"]


def prepare(told, place):
    """Bring ada to a place."""
    if place == "nobody":
        return
    told.event(metric="lines", value=3, attributes={"kind": "a"})
    told.event(user={"id": HERE, "tz": "Asia/Tokyo", "attributes": {"team": "red"}})
    if place != "in memory":
        told.keep()
    if place == "in both":
        told.event(value=2, idempotencyKey="other")


@pytest.mark.parametrize("place", PLACES)
def test_our_own_bug_sets_one_event_aside_and_nothing_of_it_stays(store, told, place):
    prepare(told, place)
    before = told.lane.user_state()
    break_rule(told.lane)
    # Time has done much by then: a freeze, awards, an end of the streak.
    pending = told.event(
        HTTP,
        timestamp=LATER,
        metric="lines",
        value=7,
        idempotencyKey="k",
        user={"id": HERE, "tz": "Europe/Paris", "name": "Ada", "attributes": {"team": "blue"}},
    )
    record = pending.record
    assert (record.outcome, record.entries, record.state) == ("dead", [], None)
    assert record.reason.startswith("internal error: ZeroDivisionError")
    assert [it.to for it in pending.sends] == ["dead-letters"]
    assert told.lane.user_state() == before
    assert told.lane.state.used.first(KEY) is None
    # Others go on, and what is stored has nothing of it.
    assert told.lane.event(user="bob").record.outcome == "applied"
    told.keep()
    stored = PartitionState(store, 0).users.get(path_of("default", HERE))
    assert stored == before


@pytest.mark.parametrize("place", PLACES)
def test_an_event_that_failed_counts_in_full_once_the_bug_is_mended(told, place):
    prepare(told, place)
    break_rule(told.lane)
    words = {"metric": "lines", "value": 7, "idempotencyKey": "k", "timestamp": LATER}
    for _ in range(2):
        assert told.event(HTTP, **words).record.outcome == "dead"
    mend_rule(told.lane)
    applied, again = (told.event(HTTP, **words).record for _ in range(2))
    total = 7 if place == "nobody" else 10
    assert (applied.outcome, applied.state.total) == ("applied", total)
    assert (again.outcome, again.first) == ("replayed", event_id_of(applied))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"attributes": {"kind": "dear"}}, "blocked"),
        ({"attributes": {"unknown": "x"}}, "invalid"),
        ({"occurredAt": "2026-03-09T00:00:00Z"}, "invalid"),
        ({"user": {"id": HERE, "attributes": {"unknown": "x"}}}, "invalid"),
    ],
)
def test_a_refusal_takes_back_what_time_had_done_by_then(told, place, fields, code):
    prepare(told, place)
    before = told.lane.user_state()
    record = told.event(timestamp=LATER, **fields).record
    assert (record.outcome, record.code) == ("refused", code)
    assert told.lane.user_state() == before
    # Time does it all the same with the next event.
    assert told.event(timestamp=LATER).record.outcome == "applied"


@pytest.mark.parametrize("place", PLACES[1:])
def test_what_does_not_fit_into_a_record_is_taken_back(store, place):
    huge = [
        {
            "key": f"{n}".rjust(255, "x"),
            "metricThreshold": 1,
            "points": 1,
            "eventAttributes": {"kind": "huge"},
        }
        for n in range(3500)
    ]
    definitions = game(
        ["commits", "lines"],
        event=["kind"],
        user=["team"],
        streak=daily(),
        points={"xp": {"triggers": [{"metricThreshold": 1, "points": 10}, *huge]}},
    )
    told = Told(store, definitions)
    prepare(told, place)
    before = told.lane.user_state()
    record = told.event(HTTP, timestamp=LATER, attributes={"kind": "huge"}).record
    assert (record.outcome, record.code, record.state) == ("refused", "invalid", None)
    assert "effects do not fit into one record" in record.reason
    assert told.lane.user_state() == before
    assert told.event(timestamp=LATER).record.outcome == "applied"


def test_what_was_concluded_in_vain_of_a_due_time_is_taken_back(told):
    told.event()
    before = told.lane.user_state()
    # It is over already: nothing is to be done, and time has not gone on either.
    record = told.lane.ask("due", at="2026-03-01T00:00:00Z", timestamp=LATER).record
    assert (record.outcome, record.entries) == ("replayed", [])
    assert told.lane.user_state() == before


def test_a_lane_that_fails_and_one_to_which_nothing_happened_come_to_the_same(tmp_path):
    words: list[dict[str, Any]] = [
        {"metric": "lines", "value": 2},
        {},
        {"value": 3},
        {"metric": "lines", "value": 9},
    ]
    states = []
    for fails in (True, False):
        store = Store(tmp_path / str(fails))
        lane = Lane(store, GAME)
        for number, fields in enumerate(words):
            raw = json.dumps({"user": HERE, "metric": "commits", **fields}).encode()
            if fails:
                break_rule(lane)
                bad = json.dumps({"user": HERE, "metric": "lines", "value": 50}).encode()
                # Judged where nobody appends it: a lane that failed would forget it too.
                message = Message(lane.offset, NOON + number * DAY, None, bad, ())
                assert judge(lane.context, lane.state, message).record.outcome == "dead"
                mend_rule(lane)
            lane.judge(raw, timestamp=NOON + number * DAY)
        states.append(write_user_state(lane.state.users.get(path_of("default", HERE))))
        store.close()
    assert states[0] == states[1]
