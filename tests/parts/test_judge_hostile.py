"""What a producer sends to stop a partition: one dead record each, and the partition goes on."""

import time

import pytest
from parts.judged import NOON, Lane

from broker.batches import Unreadable
from processor.messages import append_time
from processor.recorded import fitting
from schemas.codec import read_event_id, write_record
from schemas.records import event_id_of
from schemas.topics import EVENT_BYTES_MAX, RECORD_BYTES_MAX


@pytest.fixture
def lane(store):
    return Lane(store)


EVENT = b'{"user":"ada","metric":"commits","value":1}'
LONG = b"9" * 5000
HEADERS = [
    (("xp-forwarded", None),),
    (("xp-time", None),),
    (("xp-origin", None),),
    (("xp-forwarded", None), ("xp-time", None), ("xp-origin", None)),
    (("xp-forwarded", b"0-7-" + LONG), ("xp-time", LONG)),
    (("xp-forwarded", LONG + b"-7-1"), ("xp-time", b"1")),
    (("xp-forwarded", b"0-7-1\n"), ("xp-time", b"1")),
    (("xp-forwarded", b"16777216-0-1"), ("xp-time", b"1")),
    (("xp-forwarded", b"0-16777216-1"), ("xp-time", b"1")),
    (("xp-forwarded", "0-7-\u0661".encode()), ("xp-time", "\u0661".encode())),
    (("xp-forwarded", b"\xff\xfe"), ("xp-time", b"\xff\xfe")),
    (("", b""), ("\u0000", b"\x00")),
    (("xp-origin", b"\xff"),),
]


@pytest.mark.parametrize("headers", HEADERS)
def test_whatever_a_header_says_there_is_one_record_and_the_partition_goes_on(lane, headers):
    before = lane.offset
    record = lane.judge(EVENT, headers).record
    assert record.source.offset == before
    assert record.outcome in ("applied", "dead")
    assert event_id_of(record) == f"2-0-{before}"
    assert record.appended == NOON
    assert lane.judge(EVENT).record.outcome == "applied"


@pytest.mark.parametrize("headers", HEADERS)
def test_a_partition_can_be_taken_over_after_a_record_with_such_headers(lane, headers):
    lane.judge(EVENT, headers)
    assert append_time(NOON, dict(headers)) == lane.state.appended


@pytest.mark.parametrize(
    "text",
    ["0-7-1\n", "0-7-1 ", "\u0660-7-1", f"0-7-{'9' * 5000}", f"{'0' * 5000}-7-1", "0-7-1\x00"],
)
def test_what_only_looks_like_an_event_id_is_none(text):
    assert read_event_id(text) is None


def test_a_record_that_the_client_could_not_read_is_dead_and_says_so(lane):
    pending = lane.judge(Unreadable("the name of a header is no UTF-8"), key=None)
    assert pending.record.outcome == "dead"
    assert pending.record.reason == ("the record cannot be read: the name of a header is no UTF-8")
    (letter,) = pending.sends
    assert (letter.value, dict(letter.headers)["xp-key"]) == (None, b"")
    assert lane.judge(EVENT).record.outcome == "applied"


def test_a_letter_has_the_beginning_of_what_is_too_large_for_one(lane):
    raw = b"{" * (RECORD_BYTES_MAX + 1)
    pending = lane.judge(raw, key=b"k" * 5000)
    assert pending.record.reason == "an event may have 65536 bytes, not 1048577"
    (letter,) = pending.sends
    assert letter.value == raw[:EVENT_BYTES_MAX]
    headers = dict(letter.headers)
    assert headers["xp-length"] == b"1048577"
    assert headers["xp-key"] == b"k" * 1024


def test_a_letter_has_all_of_what_fits_into_one(lane):
    raw = b"{" * RECORD_BYTES_MAX
    (letter,) = lane.judge(raw).sends
    assert letter.value == raw
    assert "xp-length" not in dict(letter.headers)


ENORMOUS = ["1e5000000", "-1e5000000", "1e-5000000", "1e999999999999999999", "1e40"]
NONE_AT_ALL = ["NaN", "sNaN", "Infinity", "1" * 5000]


def numbers_in(text):
    """Return every input that has a number, each with this one."""
    correction = '"type":"correction","event":"0-0-1","metric":"commits","reason":"x"'
    condition = f'{{"metric":"commits","threshold":{text}}}'
    at = '"at":"2026-03-02T12:00:00Z"'
    return [
        f'{{"user":"ada","metric":"commits","value":{text}}}',
        f'{{"user":"ada",{correction},{at},"was":{text},"value":1}}',
        f'{{"user":"ada",{correction},{at},"was":1,"value":{text}}}',
        f'{{"user":"ada","type":"adjustment","system":"xp","points":{text},"reason":"x"}}',
        f'{{"user":"ada","type":"preferences","streak":{{"metrics":[{condition}]}}}}',
        f'{{"user":"ada","type":"backfill","version":1,"series":{{"x":[{text},0]}}}}',
        f'{{"user":"ada","type":"backfill","version":1,"series":{{"x":[0,{text}]}}}}',
        f'{{"user":"ada","type":"backfill","version":{text}}}',
        f'{{"type":"definitions","version":{text}}}',
        f'{{"type":"backfilled","version":{text}}}',
    ]


@pytest.mark.parametrize("number", [*ENORMOUS, *(f'"{it}"' for it in ENORMOUS + NONE_AT_ALL)])
def test_a_number_beyond_all_bounds_is_dead_at_once_wherever_it_stands(lane, number):
    lane.judge(EVENT)
    for text in numbers_in(number):
        began = time.process_time()
        pending = lane.judge(text.encode())
        assert pending.record.outcome == "dead", text
        assert len(pending.raw) < 20_000
        assert time.process_time() - began < 1
    assert lane.judge(EVENT).record.outcome == "applied"


def test_a_record_that_would_not_fit_into_the_ledger_has_no_input(lane):
    record = lane.event(metric="unknown", attributes={"a": "b" * 500}).record
    assert record.input is not None
    whole = write_record(record)
    assert fitting(record, len(whole)) == whole
    assert len(fitting(record, len(whole) - 1)) < 300
    assert (record.input, record.outcome) == (None, "refused")
