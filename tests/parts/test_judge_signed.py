"""Only our own parts may say what changes points by hand, versions, time or ids of events."""

import json

import pytest
from parts.judged import NOON, Lane

from schemas.records import event_id_of
from schemas.signing import Secrets, Signer, signed

TOPIC = "xp.events"
# Whatever could be sent before: see `FORGED`.
KEY = b"whatever"


@pytest.fixture
def signer():
    return Signer(Secrets("s" * 32), TOPIC)


@pytest.fixture
def lane(store, signer):
    made = Lane(store)
    made.event()
    made.context.signer = signer
    return made


def raw(**words):
    return json.dumps(words).encode()


CORRECTION = {"event": "2-0-1", "metric": "commits", "was": 1, "at": "2026-03-02T12:00:00Z"}
FORGED = [
    raw(type="adjustment", user="ada", system="xp", points=10**12, reason="mine"),
    raw(type="adjustment", tenant="acme", user="ada", system="xp", points=10**12, reason="mine"),
    raw(type="correction", user="ada", **CORRECTION, value=10**14, reason="mine"),
    raw(type="backfilled", version=999_999_999),
    raw(type="backfill", user="ada", version=1, series={"x": [1, 1]}),
    raw(type="definitions", version=1),
    raw(type="due", user="ada", at="2026-03-02T12:00:00Z"),
    raw(type="boost", system="xp", boost="b", change="started", at="2026-03-02T12:00:00Z"),
    raw(type="hold", on=True),
    raw(type="freeze", user="ada"),
    raw(type="pause", user="ada", id="p", start="2026-03-02", end="2026-03-02"),
    raw(type="pause_removal", user="ada", id="p"),
    raw(type="restore", user="ada"),
    raw(type="preferences", user="ada", streak={"enabled": False}),
]


@pytest.mark.parametrize("value", FORGED)
def test_what_is_forged_is_dead_and_says_of_what_type_it_was(lane, value):
    kind = json.loads(value)["type"]
    before = lane.user_state()
    state = lane.state
    versions, done, hold = dict(state.versions), dict(state.backfilled), state.hold
    pending = lane.judge(value, key=KEY)
    record = pending.record
    assert (record.outcome, pending.forged) == ("dead", kind)
    assert record.reason == (
        f"not signed: only xpledger's own parts may send an input of type {kind!r}"
    )
    assert (record.user, record.input, record.entries) == (None, None, [])
    assert pending.sends[0].to == "dead-letters"
    assert lane.user_state() == before
    assert (state.versions, state.backfilled, state.hold) == (versions, done, hold)


@pytest.mark.parametrize("value", FORGED)
def test_the_same_is_judged_when_it_is_signed(lane, signer, value):
    headers = tuple(signed(signer, 0, KEY, value))
    pending = lane.judge(value, headers, key=KEY)
    assert pending.forged is None
    assert "not signed" not in (pending.record.reason or "")


def test_a_signature_of_another_record_is_none(lane, signer):
    for partition, key, value in ((1, KEY, FORGED[0]), (0, b"x", FORGED[0]), (0, KEY, FORGED[2])):
        headers = tuple(signed(signer, partition, key, value))
        assert lane.judge(FORGED[0], headers, key=KEY).forged == "adjustment"


@pytest.mark.parametrize(
    "value",
    [
        raw(user="ada", metric="commits"),
        raw(type="metric", user="ada", metric="commits"),
        raw(type="user", user={"id": "ada", "tz": "Europe/Berlin"}),
    ],
)
def test_what_anyone_may_say_needs_no_signature(lane, value):
    assert lane.judge(value).record.outcome == "applied"


# Ids and times of events

EVENT = raw(user="ada", metric="commits", value=1)
FORWARDED = {"xp-forwarded": b"2-0-1", "xp-time": b"0"}


@pytest.mark.parametrize(
    "headers",
    [
        FORWARDED,
        {"xp-forwarded": b"2-0-1"},
        {"xp-time": b"0"},
        {"xp-forwarded": None, "xp-time": None},
        {**FORWARDED, "xp-mac": b"0" * 64},
        {**FORWARDED, "xp-mac": None},
    ],
)
def test_a_forged_id_makes_no_second_record_of_an_event_that_was_judged(lane, headers):
    offset = lane.offset
    pending = lane.judge(EVENT, tuple(headers.items()), key=KEY)
    assert (pending.record.outcome, pending.forged) == ("dead", "headers")
    assert event_id_of(pending.record) == f"2-0-{offset}"
    assert pending.record.appended == NOON
    assert pending.record.reason == (
        "not signed: only xpledger's own parts may send the headers xp-forwarded and xp-time"
    )


def test_what_a_lane_forwards_the_other_takes(store, signer):
    here = Lane(store, partition=0, partitions=2)
    here.context.signer = signer
    sends = (send for user in "abcdefgh" for send in here.event(user=user).sends)
    send = next(it for it in sends if it.to == "events")
    there = Lane(store, partition=send.partition, partitions=2)
    there.context.signer = signer
    record = there.judge(send.value, send.headers, key=send.key).record
    assert (record.outcome, record.id) == ("applied", dict(send.headers)["xp-forwarded"].decode())
    # The same record on another partition, or under another key, was sent by none of ours.
    assert there.judge(send.value, send.headers, key=b"x").forged == "headers"
    there.context.partition = 0
    assert there.judge(send.value, send.headers, key=send.key).forged == "headers"


def test_what_is_no_input_takes_no_id_either(lane):
    pending = lane.judge(b"{", tuple(FORWARDED.items()))
    assert pending.forged == "headers"
    assert pending.record.id is None


# Upgrades


def test_what_was_appended_before_anybody_signed_counts_without(lane):
    lane.context.signer = Signer(Secrets("s" * 32, unsigned_until=NOON), TOPIC)
    assert lane.judge(FORGED[8], timestamp=NOON - 1).record.outcome == "applied"
    assert lane.judge(FORGED[8], timestamp=NOON).record.outcome == "dead"
    headers = tuple(FORWARDED.items())
    assert lane.judge(EVENT, headers, timestamp=NOON - 1).record.id == "2-0-1"
    assert lane.judge(EVENT, headers, timestamp=NOON).record.id is None
