"""From the bytes of one event to its record: what counts, what is personal, what is replayed."""

import json
from datetime import date

import pytest
from parts.judged import HERE, HTTP, NOON, PERSONAL, Lane

from processor.judge import judge
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.rules import RULES
from schemas.entries import TotalEntry, UserEntry
from schemas.inputs import RecordedEvent
from schemas.records import Link, appended_text, event_id_of, link_of, time_text

DAY = date(2026, 3, 2)


@pytest.fixture
def lane(store):
    return Lane(store)


# Applied


def test_an_applied_record_says_all_there_is_to_know(lane):
    pending = lane.event(
        HTTP,
        user={"id": HERE, "tz": "Asia/Tokyo", "attributes": {"team": "red"}},
        value=2.50,
        attributes={"kind": "merge"},
        occurredAt="2026-03-02T11:00:00+01:00",
        idempotencyKey="k",
    )
    assert json.loads(pending.raw) == {
        "v": 2,
        "source": [2, 0, 1],
        "after": [2, 0, "token"],
        "appended": NOON,
        "definitions": 1,
        "rules": RULES,
        "user": HERE,
        "key": "k",
        "input": {
            "type": "metric",
            "metric": "commits",
            "value": "2.5",
            "attributes": {"kind": "merge"},
            "tz": "Asia/Tokyo",
            "userAttributes": {"team": "red"},
            "occurredAt": "2026-03-02T10:00:00Z",
        },
        "entries": [
            {
                "kind": "user",
                "created": True,
                "day": "2026-03-02",
                "tz": "Asia/Tokyo",
                "attributes": {"team": "red"},
            },
            {
                "kind": "total",
                "metric": "commits",
                "change": "2.5",
                "total": "2.5",
                "day": "2026-03-02",
            },
            {"kind": "points", "system": "xp", "trigger": "t0", "awarded": 10, "total": 10},
        ],
        "state": {"total": "2.5", "streak": {"frequency": "daily", "length": 0}},
    }
    assert (pending.key, pending.sends) == (b"ada", ())


def test_what_an_applied_record_leaves_out_follows_from_the_rest(lane):
    record = lane.event(occurredAt="2026-03-02T11:00:00+01:00").record
    assert (record.outcome, record.tenant) == ("applied", "default")
    assert (event_id_of(record), link_of(record)) == ("2-0-1", Link(2, 1, "token"))
    assert time_text(record) == "2026-03-02T10:00:00Z"
    assert appended_text(record) == "2026-03-02T12:00:00Z"


def test_where_the_user_stands_is_in_the_record_only_if_somebody_waits(lane):
    assert b'"state"' not in lane.event().raw
    for origin in (b"http", b"import"):
        pending = lane.event((("xp-origin", origin),))
        assert json.loads(pending.raw)["state"]["total"] == pending.record.state.total


def test_an_event_without_a_time_happened_when_the_log_got_it(lane):
    record = lane.event().record
    assert time_text(record) == appended_text(record) == "2026-03-02T12:00:00Z"
    assert record.input == RecordedEvent("commits", 1)


def test_a_value_left_out_is_left_out_of_the_input_and_one_in_the_total(lane):
    record = lane.event(HTTP, value=None).record
    assert (record.input, record.state.total) == (RecordedEvent("commits"), 1)


def test_records_form_a_chain(lane):
    records = [lane.event().record, lane.judge(b"{").record, lane.event().record]
    assert [it.after for it in records] == [Link(2, n, "token") for n in (0, 1, 2)]


def test_a_record_names_its_lane_only_where_the_one_before_it_was_of_another(store, lane):
    first = lane.state.last
    assert lane.event().record.lane is None
    lane.state.keep(2)
    again = PartitionState(store, 0)
    context = LaneContext(0, 1, 2, "other", lane.context.ruleset)
    records = [judge(context, again, Message(at, NOON, None, b"{", ())).record for at in (2, 3)]
    assert [it.lane for it in records] == ["other", None]
    assert [it.after for it in records] == [Link(2, 1, "token"), Link(2, 2, "other")]
    assert (first, link_of(records[1])) == (Link(2, 0, "token"), Link(2, 3, "other"))


def test_a_game_without_a_version_in_force_knows_no_metric(store):
    lane = Lane(store)
    record = lane.event(tenant="acme").record
    assert (record.reason, record.tenant, record.definitions) == (
        "there is no metric 'commits' (known: none)",
        "acme",
        0,
    )


# Personal fields


def test_personal_fields_go_to_the_profile_and_never_into_the_record(lane):
    pending = lane.event(user={"id": HERE, **PERSONAL})
    (profile,) = pending.sends
    assert (profile.to, profile.key) == ("profiles", b"default/ada")
    assert json.loads(profile.value) == {"tenant": "default", "user": "ada", **PERSONAL}
    assert not [
        it for it in ("Lovelace", "example.org", "token-1", "mail") if it in str(pending.raw)
    ]
    assert pending.record.entries == [
        UserEntry(created=True, day=DAY),
        TotalEntry("commits", 1, 1, DAY),
    ]


def test_only_the_personal_fields_that_were_given_are_sent(lane):
    (profile,) = lane.event(user={"id": HERE, "email": None}).sends
    assert json.loads(profile.value) == {"tenant": "default", "user": "ada", "email": None}


@pytest.mark.parametrize(
    "fields", [{"metric": "stars"}, {"idempotencyKey": "used"}], ids=["refused", "replayed"]
)
def test_an_event_that_is_not_applied_changes_no_profile_and_says_nothing_personal(lane, fields):
    lane.event(idempotencyKey="used")
    pending = lane.event(HTTP, user={"id": HERE, **PERSONAL}, **fields)
    assert pending.sends == ()
    assert b"Lovelace" not in pending.raw


def test_a_record_of_a_dead_event_says_nothing_personal(lane):
    pending = lane.event(user={"id": HERE, **PERSONAL, "tz": "Nowhere"})
    assert pending.record.outcome == "dead"
    assert b"Lovelace" not in pending.raw


# Replayed


def test_a_key_that_was_used_is_replayed_and_changes_nothing(lane):
    first = lane.event(idempotencyKey="k").record
    lane.event(value=5)
    before = lane.user_state()
    pending = lane.event(
        HTTP,
        user={"id": HERE, "tz": "Asia/Tokyo", "attributes": {"team": "red"}},
        value=100,
        idempotencyKey="k",
        occurredAt="2026-03-02T12:04:00Z",
    )
    record = pending.record
    assert (record.outcome, record.first, record.key) == ("replayed", event_id_of(first), "k")
    assert (record.entries, record.state.total) == ([], 6)
    assert lane.user_state() == before


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "replayed"),
        ({"value": 7}, "replayed"),
        ({"metric": "lines"}, "applied"),
        ({"user": "eve"}, "applied"),
        ({"idempotencyKey": "other"}, "applied"),
        ({"idempotencyKey": None}, "applied"),
    ],
)
def test_a_key_is_one_use_of_it_by_one_user_for_one_metric(lane, fields, outcome):
    lane.event(idempotencyKey="k")
    assert lane.event(**{"idempotencyKey": "k", **fields}).record.outcome == outcome


def test_without_a_key_every_event_counts(lane):
    assert [lane.event(HTTP).record.state.total for _ in range(3)] == [1, 2, 3]


def test_a_refusal_does_not_burn_the_key(lane):
    assert lane.event(attributes={"x": "1"}, idempotencyKey="k").record.outcome == "refused"
    assert lane.event(idempotencyKey="k").record.outcome == "applied"
    assert lane.event(idempotencyKey="k").record.outcome == "replayed"


def test_a_key_that_was_used_does_not_hide_that_the_event_is_wrong(lane):
    lane.event(idempotencyKey="k")
    record = lane.event(idempotencyKey="k", attributes={"x": "1"}).record
    assert (record.outcome, record.code) == ("refused", "invalid")


def test_a_key_is_known_after_a_restart(store, lane):
    lane.event(idempotencyKey="k")
    lane.state.keep(2)
    again = Lane(store)
    again.offset = 2
    assert again.event(idempotencyKey="k").record.first == "2-0-1"
