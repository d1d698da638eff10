"""Inputs that are no metric events, from bytes to record: of users, of operators, of the clock."""

import json
from decimal import Decimal
from typing import Any, get_args

import pytest
from msgspec.structs import fields as fields_of
from parts.judged import DAY, HERE, HTTP, NOON, Lane
from wording.definitions import daily, game

from processor.rows import path_of
from schemas.entries import (
    CorrectionEntry,
    StreakEntry,
    StreakPreferences,
)
from schemas.inputs import (
    AchievementCompletion,
    Identification,
    OfKnown,
    RecordedCompletion,
    RecordedPreferences,
)
from schemas.records import appended_text, event_id_of, time_text

GAME = game(
    ["commits", "lines"],
    event=["kind"],
    user=["team"],
    streak=daily(maxFreezes=2, personalization=True),
    achievements=[{"key": "tour"}],
    points={
        "xp": {
            "triggers": [{"metricThreshold": 1, "points": 10}],
            "boosts": [{"key": "ada", "start": "2026-03-03", "multiplier": 2, "userId": HERE}],
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
    pending = lane.ask(kind, timestamp=NOON + 2 * DAY, **FIELDS[kind])
    record = pending.record
    assert record.outcome == "applied"
    assert (record.user, record.tenant) == (HERE, "default")
    words = {"type": kind, **FIELDS[kind]}
    about = words.pop("user", {})
    if "tz" in about:
        words["tz"] = about["tz"]
    if "attributes" in about:
        words["userAttributes"] = about["attributes"]
    # Numbers are exact: the record has them as texts where they are not whole.
    if "value" in words:
        words["was"], words["value"] = 1, "2.5"
    if kind == "backfill":
        words["series"] = {"commits?kind=merge": [1, "2.5"]}
    assert json.loads(pending.raw)["input"] == words


def test_what_is_left_out_is_left_out_of_the_record_too(lane):
    pending = lane.ask("preferences", streak={"enabled": False})
    assert pending.record.input == RecordedPreferences(StreakPreferences(enabled=False))
    written = json.loads(pending.raw)["input"]
    assert written == {"type": "preferences", "streak": {"enabled": False}}
    pending = lane.ask("achievement", achievement="tour")
    assert pending.record.input == RecordedCompletion("tour")
    assert json.loads(pending.raw)["input"] == {"type": "achievement", "achievement": "tour"}


def test_a_reversal_says_that_the_event_has_no_value(lane):
    record = lane.ask("correction", HTTP, **{**FIELDS["correction"], "value": None}).record
    assert record.input.value is None
    assert record.state.total == 0


@pytest.mark.parametrize("kind", ["adjustment", "correction", "freeze", "pause", "user"])
def test_what_an_operator_asks_for_happens_when_the_log_gets_it(lane, kind):
    record = lane.ask(kind, timestamp=NOON + 2 * DAY, **FIELDS[kind]).record
    assert time_text(record) == appended_text(record) == "2026-03-04T12:00:00Z"


def test_what_falls_due_happened_when_it_fell_due(lane):
    record = lane.ask("due", timestamp=NOON + 3 * DAY, **FIELDS["due"]).record
    assert (time_text(record), appended_text(record)) == ("2026-03-04T00:00:00Z", LATER)
    changes = [it.change for it in record.entries if isinstance(it, StreakEntry)]
    assert changes == ["lost"]


def test_a_completion_happened_when_it_says(lane):
    record = lane.ask("achievement", **FIELDS["achievement"]).record
    assert time_text(record) == "2026-03-02T11:00:00Z"


@pytest.mark.parametrize("kind", ["achievement", "user"])
def test_personal_fields_go_to_the_profile_and_never_into_the_record(lane, kind):
    about = {"id": HERE, "name": "Ada Lovelace"}
    pending = lane.ask(kind, **{**FIELDS[kind], "user": about})
    assert pending.record.outcome == "applied"
    (profile,) = pending.sends
    assert (profile.to, profile.key) == ("profiles", b"default/ada")
    words = {"tenant": "default", "user": "ada", "name": "Ada Lovelace"}
    assert json.loads(profile.value) == words
    assert b"Lovelace" not in pending.raw


# Replayed, refused, forwarded


@pytest.mark.parametrize("kind", sorted(set(FIELDS) - {"due"}))
def test_a_key_is_used_once_for_one_kind_of_input(lane, kind):
    prepare(lane, kind)
    key = {"idempotencyKey": "k"}
    lane.event(**key)
    first = lane.ask(kind, **FIELDS[kind], **key).record
    again = lane.ask(kind, **FIELDS[kind], **key).record
    assert (first.outcome, again.outcome) == ("applied", "replayed")
    assert (again.first, again.entries) == (event_id_of(first), [])


def test_a_kind_is_no_metric_of_the_same_name(store):
    lane = Lane(store, game(["freeze"], streak=daily(maxFreezes=2) | {"metrics": []}))
    lane.event(metric="freeze", idempotencyKey="k")
    assert lane.ask("freeze", idempotencyKey="k").record.outcome == "applied"


def test_what_is_done_already_is_replayed_without_a_first(lane):
    lane.ask("achievement", achievement="tour")
    record = lane.ask("achievement", achievement="tour").record
    assert (record.outcome, record.first, record.entries) == ("replayed", None, [])


def test_a_time_that_has_come_already_changes_nothing(lane):
    lane.ask("due", timestamp=NOON + 3 * DAY, **FIELDS["due"])
    before = lane.user_state()
    record = lane.ask("due", timestamp=NOON + 3 * DAY, **FIELDS["due"]).record
    assert (record.outcome, lane.user_state()) == ("replayed", before)


def test_a_time_that_has_not_come_is_refused_and_no_dead_letter(lane):
    pending = lane.ask("due", timestamp=NOON, **FIELDS["due"])
    assert (pending.record.outcome, pending.sends) == ("refused", ())
    assert "in the future" in pending.record.reason


@pytest.mark.parametrize("kind", sorted(set(FIELDS) - {"achievement", "user"}))
def test_of_a_user_whom_nobody_knows_nothing_can_be_asked(lane, kind):
    pending = lane.ask(kind, HTTP, timestamp=NOON + 3 * DAY, **{**FIELDS[kind], "user": "bob"})
    record = pending.record
    assert (record.outcome, record.code) == ("refused", "not_found")
    assert (record.reason, pending.sends) == ("User does not exist", ())


def test_what_an_operator_asked_for_in_vain_goes_to_the_dead_letters(lane):
    (letter,) = lane.ask("adjustment", **{**FIELDS["adjustment"], "system": "coins"}).sends
    assert (letter.to, letter.headers[0]) == ("dead-letters", ("xp-outcome", b"refused"))


@pytest.mark.parametrize("kind", FIELDS)
def test_an_input_on_the_wrong_partition_is_forwarded_to_the_right_one(store, kind):
    lane = Lane(store, GAME, partition=0, partitions=2)
    pending = lane.ask(kind, **FIELDS[kind])
    assert pending.record.outcome == "forwarded"
    (sent,) = pending.sends
    assert (sent.to, sent.key, sent.partition) == ("events", b"ada", 1)
    assert dict(sent.headers)["xp-forwarded"] == b"2-0-1"


def test_a_forwarded_input_counts_once(lane):
    headers = (("xp-forwarded", b"2-7-50"),)
    records = [lane.ask("freeze", headers).record for _ in range(2)]
    assert [it.outcome for it in records] == ["applied", "replayed"]
    assert records[1].first == "2-7-50"


# Corrections


def test_a_correction_counts_from_the_value_that_the_last_one_set(lane):
    totals = []
    for value in (5, 5, 3, None):
        record = lane.ask("correction", HTTP, **{**FIELDS["correction"], "value": value}).record
        totals.append((record.outcome, record.state.total))
    assert totals == [
        ("applied", 5),
        ("replayed", None),
        ("applied", 3),
        ("applied", 0),
    ]
    assert lane.state.corrected(path_of("default", HERE), "2-0-1") == 0
    assert lane.state.corrected(path_of("default", HERE), "2-0-2") is None


def test_what_an_event_was_corrected_to_is_known_after_a_restart(store, lane):
    lane.ask("correction", **FIELDS["correction"])
    lane.state.keep(3)
    again = Lane(store, GAME)
    again.offset = 3
    record = again.ask("correction", **{**FIELDS["correction"], "value": 4}).record
    entry = next(it for it in record.entries if isinstance(it, CorrectionEntry))
    assert (entry.before, entry.after) == (Decimal("2.5"), 4)


# What the record tells is what the model takes


@pytest.mark.parametrize("model", [AchievementCompletion, Identification, *get_args(OfKnown)])
def test_no_field_of_an_input_is_without_a_test(model):
    rest = {"tenant", "user", "idempotencyKey"}
    names = {it.encode_name for it in fields_of(model)}
    # All that a restoration says is what others say too.
    assert names - rest == set(FIELDS.get(model.__struct_config__.tag, {})) - rest
