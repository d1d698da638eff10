"""Events on the wrong partition: sent on once, judged once where they belong."""

import json

import pytest
from parts.judged import HTTP, NOON, Lane

from processor.hashed_rows import key_hash
from processor.pending import Send
from processor.rows import path_of
from schemas.records import Source, appended_text, event_id_of, time_text


@pytest.fixture
def lane(store):
    return Lane(store)


# Forwarded


def test_an_event_on_the_wrong_partition_is_forwarded_to_the_right_one(store):
    lane = Lane(store, partition=0, partitions=2)
    wrong = next(user for user in ("ada", "bob", "eve", "joe") if lane.event(user=user).sends)
    lane.offset = 50
    pending = lane.event(HTTP, user=wrong, idempotencyKey="k")
    record = pending.record
    assert (event_id_of(record), record.outcome, record.entries) == ("2-0-50", "forwarded", [])
    assert (lane.user_state(wrong), record.state) == (None, None)
    assert pending.sends == (
        Send(
            "events",
            wrong.encode(),
            json.dumps(
                {"user": wrong, "metric": "commits", "value": 1, "idempotencyKey": "k"}
            ).encode(),
            (
                ("xp-forwarded", b"2-0-50"),
                ("xp-time", str(NOON).encode()),
                ("xp-origin", b"http"),
            ),
            1,
        ),
    )
    assert lane.state.used.first(key_hash(path_of("default", wrong), "commits", "k")) is None


FORWARDED = (("xp-forwarded", b"2-7-50"), ("xp-time", str(NOON - 60_000).encode()))


def test_a_forwarded_event_keeps_its_id_and_the_time_of_where_it_was_first_found(lane):
    record = lane.event(FORWARDED).record
    assert (record.id, event_id_of(record), record.source) == ("2-7-50", "2-7-50", Source(2, 0, 1))
    assert time_text(record) == appended_text(record) == "2026-03-02T11:59:00Z"


def test_a_forwarded_event_counts_once_however_often_it_is_forwarded(lane):
    records = [lane.event((*FORWARDED, *HTTP)).record for _ in range(3)]
    assert [it.outcome for it in records] == ["applied", "replayed", "replayed"]
    assert [it.first for it in records] == [None, "2-7-50", "2-7-50"]
    assert records[-1].state.total == 1
    other = (("xp-forwarded", b"2-7-51"),)
    assert lane.event(other).record.outcome == "applied"


def test_it_counts_once_after_a_restart_too(store, lane):
    lane.event(FORWARDED)
    lane.state.keep(2)
    again = Lane(store)
    again.offset = 2
    assert again.event(FORWARDED).record.outcome == "replayed"


def test_a_forwarded_event_obeys_its_idempotency_key_as_well(lane):
    lane.event(idempotencyKey="k")
    assert lane.event(FORWARDED, idempotencyKey="k").record.first == "2-0-1"


def test_a_forwarded_event_that_is_dead_is_kept_under_its_first_id(lane):
    pending = lane.judge(b"{", FORWARDED)
    assert (event_id_of(pending.record), pending.sends[0].key) == ("2-7-50", b"2-7-50")
