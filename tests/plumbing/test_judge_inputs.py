"""Inputs that are no metric events, from bytes to record: of users, of operators, of the clock."""

import json
from decimal import Decimal
from typing import Any

import pytest
from given import daily, game
from plumbing.judged import DAY, HERE, HTTP, NOON, Lane

from processor.state import Told
from processor.store import Store
from schemas.events import (
    AchievementCompletion,
    Adjustment,
    Backfill,
    Correction,
    Identification,
    PauseAddition,
    Preferences,
)

GAME = game(
    ["commits", "lines"],
    event=["kind"],
    user=["team"],
    streak=daily(maxFreezes=2, personalization=True),
    achievements=[{"key": "tour"}],
    points={
        "xp": {
            "triggers": [{"metricThreshold": 1, "points": 10}],
            "boosts": [
                {"key": "all", "start": "2026-03-03", "multiplier": 2},
                {"key": "ada", "start": "2026-03-03", "multiplier": 2, "userId": HERE},
            ],
        }
    },
)
LATER = "2026-03-05T12:00:00Z"
FIELDS: dict[str, dict[str, Any]] = {
    "achievement": {
        "user": {"id": HERE, "tz": "Asia/Tokyo", "attributes": {"team": "red"}},
        "achievement": "tour",
        "occurredAt": "2026-03-02T11:00:00Z",
    },
    "user": {"user": {"id": HERE, "tz": None, "attributes": {"team": None}}},
    "due": {"at": "2026-03-04T00:00:00Z"},
    "adjustment": {"system": "xp", "points": -3, "reason": "a mistake"},
    "correction": {
        "event": "2-0-1",
        "metric": "commits",
        "was": "1",
        "day": "2026-03-02",
        "attributes": {"kind": "merge"},
        "at": "2026-03-02T12:00:00Z",
        "value": 2.50,
        "reason": "a mistake",
    },
    "freeze": {},
    "pause": {"id": "p", "start": "2026-03-09", "end": "2026-03-10"},
    "pause_removal": {"id": "p"},
    "preferences": {
        "streak": {
            "enabled": True,
            "evaluationMode": "AND",
            "metrics": [{"metric": "lines", "threshold": 5}],
        }
    },
    "backfill": {"version": 2, "series": {"commits?kind=merge": ["1", "2.5"]}},
}


@pytest.fixture
def store(tmp_path):
    opened = Store(tmp_path / "0")
    yield opened
    opened.close()


@pytest.fixture
def lane(store):
    """Give a lane that knows ada, with one commit."""
    made = Lane(store, GAME)
    made.event()
    return made


# Applied


def prepare(lane, kind):
    """Bring it about that an input of the kind has something to do."""
    if kind == "pause_removal":
        lane.ask("pause", **FIELDS["pause"])


@pytest.mark.parametrize("kind", FIELDS)
def test_the_record_tells_the_input_so_that_it_can_be_judged_again(lane, kind):
    prepare(lane, kind)
    record = lane.ask(kind, timestamp=NOON + 2 * DAY, **FIELDS[kind]).record
    assert record["outcome"] == "applied"
    assert (record["user"], record["tenant"]) == (HERE, "default")
    told = {"type": kind, **FIELDS[kind]}
    about = told.pop("user", {})
    if "tz" in about:
        told["tz"] = about["tz"]
    if "attributes" in about:
        told["userAttributes"] = about["attributes"]
    # Numbers are exact: the record has them as texts.
    if "value" in told:
        told["value"] = "2.5"
    if kind == "preferences":
        told["streak"] = {**told["streak"], "metrics": [{"metric": "lines", "threshold": "5"}]}
    assert json.loads(json.dumps(record["input"])) == told


def test_what_is_left_out_is_left_out_of_the_record_too(lane):
    record = lane.ask("preferences", streak={"enabled": False}).record
    assert record["input"] == {"type": "preferences", "streak": {"enabled": False}}
    record = lane.ask("achievement", achievement="tour").record
    assert record["input"] == {"type": "achievement", "achievement": "tour"}


def test_a_reversal_says_that_the_event_has_no_value(lane):
    record = lane.ask("correction", **{**FIELDS["correction"], "value": None}).record
    assert record["input"]["value"] is None
    assert record["state"]["total"] == "0"


@pytest.mark.parametrize("kind", ["adjustment", "correction", "freeze", "pause", "user"])
def test_what_an_operator_asks_for_happens_when_the_log_gets_it(lane, kind):
    record = lane.ask(kind, timestamp=NOON + 2 * DAY, **FIELDS[kind]).record
    assert record["at"] == record["appended"] == "2026-03-04T12:00:00Z"


def test_what_falls_due_happened_when_it_fell_due(lane):
    record = lane.ask("due", timestamp=NOON + 3 * DAY, **FIELDS["due"]).record
    assert (record["at"], record["appended"]) == ("2026-03-04T00:00:00Z", LATER)
    assert [it["change"] for it in record["entries"] if it["kind"] == "streak"] == ["lost"]


def test_a_completion_happened_when_it_says(lane):
    record = lane.ask("achievement", **FIELDS["achievement"]).record
    assert record["at"] == "2026-03-02T11:00:00Z"


@pytest.mark.parametrize("kind", ["achievement", "user"])
def test_personal_fields_go_to_the_profile_and_never_into_the_record(lane, kind):
    about = {"id": HERE, "name": "Ada Lovelace"}
    judged = lane.ask(kind, **{**FIELDS[kind], "user": about})
    assert judged.record["outcome"] == "applied"
    (profile,) = judged.sends
    assert (profile.to, profile.key) == ("profiles", b"default/ada")
    told = {"tenant": "default", "user": "ada", "name": "Ada Lovelace"}
    assert json.loads(profile.value) == told
    assert b"Lovelace" not in judged.raw


# Replayed, refused, forwarded


@pytest.mark.parametrize("kind", sorted(set(FIELDS) - {"due"}))
def test_a_key_is_used_once_for_one_kind_of_input(lane, kind):
    prepare(lane, kind)
    key = {"idempotencyKey": "k"}
    lane.event(**key)
    first = lane.ask(kind, **FIELDS[kind], **key).record
    again = lane.ask(kind, **FIELDS[kind], **key).record
    assert (first["outcome"], again["outcome"]) == ("applied", "replayed")
    assert (again["first"], again["entries"]) == (first["id"], [])


def test_a_kind_is_no_metric_of_the_same_name(store):
    lane = Lane(store, game(["freeze"], streak=daily(maxFreezes=2) | {"metrics": []}))
    lane.event(metric="freeze", idempotencyKey="k")
    assert lane.ask("freeze", idempotencyKey="k").record["outcome"] == "applied"


def test_what_is_done_already_is_replayed_without_a_first(lane):
    lane.ask("achievement", achievement="tour")
    record = lane.ask("achievement", achievement="tour").record
    assert (record["outcome"], "first" in record, record["entries"]) == ("replayed", False, [])


def test_a_time_that_has_come_already_changes_nothing(lane):
    lane.ask("due", timestamp=NOON + 3 * DAY, **FIELDS["due"])
    before = lane.standing()
    record = lane.ask("due", timestamp=NOON + 3 * DAY, **FIELDS["due"]).record
    assert (record["outcome"], lane.standing()) == ("replayed", before)


def test_a_time_that_has_not_come_is_refused_and_no_dead_letter(lane):
    judged = lane.ask("due", timestamp=NOON, **FIELDS["due"])
    assert (judged.record["outcome"], judged.sends) == ("refused", ())
    assert "in the future" in judged.record["reason"]


@pytest.mark.parametrize("kind", sorted(set(FIELDS) - {"achievement", "user"}))
def test_of_a_user_whom_nobody_knows_nothing_can_be_asked(lane, kind):
    judged = lane.ask(kind, HTTP, timestamp=NOON + 3 * DAY, **{**FIELDS[kind], "user": "bob"})
    record = judged.record
    assert (record["outcome"], record["code"]) == ("refused", "not_found")
    assert (record["reason"], judged.sends) == ("User does not exist", ())


def test_what_an_operator_asked_for_in_vain_goes_to_the_dead_letters(lane):
    (letter,) = lane.ask("adjustment", **{**FIELDS["adjustment"], "system": "coins"}).sends
    assert (letter.to, letter.headers[0]) == ("dead-letters", ("xp-outcome", b"refused"))


@pytest.mark.parametrize("kind", FIELDS)
def test_an_input_on_the_wrong_partition_is_forwarded_to_the_right_one(store, kind):
    lane = Lane(store, GAME, partition=0, partitions=2)
    judged = lane.ask(kind, **FIELDS[kind])
    assert judged.record["outcome"] == "forwarded"
    (sent,) = judged.sends
    assert (sent.to, sent.key, sent.partition) == ("events", b"ada", 1)
    assert dict(sent.headers)["xp-forwarded"] == b"2-0-1"


def test_a_forwarded_input_counts_once(lane):
    headers = (("xp-forwarded", b"2-7-50"),)
    records = [lane.ask("freeze", headers).record for _ in range(2)]
    assert [it["outcome"] for it in records] == ["applied", "replayed"]
    assert records[1]["first"] == "2-7-50"


# Corrections


def test_a_correction_counts_from_the_value_that_the_last_one_set(lane):
    told = FIELDS["correction"]
    totals = []
    for value in (5, 5, 3, None):
        record = lane.ask("correction", **{**told, "value": value}).record
        totals.append((record["outcome"], record["state"].get("total")))
    assert totals == [
        ("applied", "5"),
        ("replayed", None),
        ("applied", "3"),
        ("applied", "0"),
    ]
    assert lane.state.corrected("default", HERE, "2-0-1") == Decimal(0)
    assert lane.state.corrected("default", HERE, "2-0-2") is None


def test_what_an_event_was_corrected_to_is_known_after_a_restart(store, lane):
    lane.ask("correction", **FIELDS["correction"])
    lane.state.keep(3)
    again = Lane(store, GAME)
    again.offset = 3
    record = again.ask("correction", **{**FIELDS["correction"], "value": 4}).record
    entry = next(it for it in record["entries"] if it["kind"] == "correction")
    assert (entry["before"], entry["after"]) == ("2.5", "4")


# What is of a whole partition


def test_a_hold_is_told_and_known(lane):
    record = lane.ask("hold", user=None, on=True).record
    assert (record["user"], record["input"]) == (None, {"type": "hold", "on": True})
    assert record["entries"] == [{"kind": "hold", "on": True}]
    assert lane.state.hold == (True, "2026-03-02T12:00:00Z")
    lane.ask("hold", user=None, on=False, timestamp=NOON + DAY)
    assert lane.state.hold == (False, "2026-03-03T12:00:00Z")


def test_the_end_of_a_backfill_is_told_once_for_each_version(lane):
    records = [lane.ask("backfilled", user=None, version=it).record for it in (2, 2, 1, 3)]
    assert [it["outcome"] for it in records] == ["applied", "replayed", "replayed", "applied"]
    assert records[0]["entries"] == [{"kind": "backfilled", "version": 2}]
    assert lane.state.backfilled == {"default": 3}


ALL: dict[str, Any] = {"user": None, "system": "xp", "boost": "all"}
STARTED = {**ALL, "change": "started", "at": "2026-03-02T10:00:00Z"}
FINISHED = {**ALL, "change": "finished", "at": "2026-03-09T13:00:00Z"}


def test_a_boost_of_everyone_is_told_once(lane):
    judged = [lane.ask("boost", **it) for it in (STARTED, STARTED, FINISHED, FINISHED)]
    records = [it.record for it in judged]
    assert [it["outcome"] for it in records] == ["applied", "replayed"] * 2
    assert (records[0]["user"], judged[0].key) == (None, b"default")
    assert records[0]["at"] == "2026-03-02T10:00:00Z"
    boost = {"kind": "boost", "system": "xp", "boost": "all"}
    assert records[0]["entries"] == [{**boost, "change": "started"}]
    assert records[2]["entries"] == [{**boost, "change": "finished"}]
    assert lane.state.told == {"default": {"xp/all": Told("finished", "2026-03-09T13:00:00Z")}}


def test_a_boost_that_was_moved_to_later_dates_begins_again(lane):
    later = {**STARTED, "at": "2026-04-01T10:00:00Z"}
    records = [lane.ask("boost", **it).record for it in (STARTED, FINISHED, STARTED, later)]
    assert [it["outcome"] for it in records] == ["applied", "applied", "replayed", "applied"]


@pytest.mark.parametrize(
    "fields",
    [{"boost": "ada"}, {"boost": "none"}, {"system": "coins"}, {"change": "finished"}],
    ids=["of one user", "no boost", "no system", "not begun"],
)
def test_a_boost_that_is_none_of_everyone_or_has_not_begun_is_not_told(lane, fields):
    record = lane.ask("boost", **{**STARTED, **fields}).record
    assert (record["outcome"], record["entries"], lane.state.told) == ("replayed", [], {})


def test_a_boost_is_told_on_the_partition_of_its_tenant(store):
    lanes = [Lane(store, GAME, partition=it, partitions=2) for it in (0, 1)]
    judged = [lane.ask("boost", **STARTED) for lane in lanes]
    assert sorted(it.record["outcome"] for it in judged) == ["applied", "forwarded"]
    (sent,) = next(it.sends for it in judged if it.sends)
    assert (sent.key, sent.partition) == (b"default", 1 - judged.index(_forwarded(judged)))


def _forwarded(judged):
    return next(it for it in judged if it.record["outcome"] == "forwarded")


# What the record tells is what the model takes


@pytest.mark.parametrize(
    "model",
    [
        AchievementCompletion,
        Identification,
        Adjustment,
        Correction,
        PauseAddition,
        Preferences,
        Backfill,
    ],
)
def test_no_field_of_an_input_is_without_a_test(model):
    kind = model.model_fields["type"].annotation.__args__[0]
    rest = {"type", "tenant", "user", "idempotencyKey"}
    assert set(model.model_fields) - rest == set(FIELDS[kind]) - rest
