"""Instants of inputs: six digits of a second, an offset, and years that the calendar has."""

from datetime import UTC, datetime
from typing import Any

import pytest
from given import game, given, instant, total
from wording.inputs import sent
from wording.raw import raw, refusal

from processor.recorded import recorded
from schemas.codec import read_record, write_record
from schemas.inputs.reading import read_input
from schemas.instants import read_instant, write_micros
from schemas.records import RECORD_VERSION, Record, Source

NEARLY_MIDNIGHT = "2026-03-02T23:59:59.9999999Z"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (NEARLY_MIDNIGHT, "2026-03-02T23:59:59.999999Z"),
        ("2026-03-02T23:59:59.99999999999999999999Z", "2026-03-02T23:59:59.999999Z"),
        ("2026-03-03T00:59:59.9999999+01:00", "2026-03-02T23:59:59.999999Z"),
        ("2026-03-02T12:00:00.0000009Z", "2026-03-02T12:00:00Z"),
        ("2026-03-02T12:00:00.1Z", "2026-03-02T12:00:00.100000Z"),
        ("2026-03-02T12:00:00,25Z", "2026-03-02T12:00:00.250000Z"),
        ("2026-03-02t12:00:00z", "2026-03-02T12:00:00Z"),
        ("2026-03-02 12:00+0100", "2026-03-02T11:00:00Z"),
        ("2026-03-02T12:00:00-00:00", "2026-03-02T12:00:00Z"),
        ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z"),
        ("8999-12-31T23:59:59.999999Z", "8999-12-31T23:59:59.999999Z"),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_of_a_second_six_digits_count_and_the_others_are_left_out(text, read):
    assert write_micros(read_instant(text)) == read


def test_the_last_moment_of_a_day_does_not_become_the_next_day():
    late = sent(
        {"user": "ada", "metric": "commits", "occurredAt": NEARLY_MIDNIGHT},
        instant("2026-03-03T00:00:00Z"),
    )
    given(game()).when(late).then_of("total", total(1, 1, day="2026-03-02"))
    given(game()).when(late).then_state(time="2026-03-02T23:59:59.999999Z", born="2026-03-02")


@pytest.mark.parametrize(
    "bytes_",
    [
        pytest.param(raw(f',"occurredAt":"{NEARLY_MIDNIGHT}"'), id="event"),
        pytest.param(
            b'{"type":"achievement","user":"ada","achievement":"a","occurredAt":"%s"}'
            % NEARLY_MIDNIGHT.encode(),
            id="completion",
        ),
        pytest.param(
            b'{"type":"due","user":"ada","at":"%s"}' % NEARLY_MIDNIGHT.encode(), id="clock"
        ),
        pytest.param(
            b'{"type":"correction","user":"ada","event":"0-0-7","metric":"commits","was":1,'
            b'"at":"%s","reason":"because"}' % NEARLY_MIDNIGHT.encode(),
            id="correction",
        ),
    ],
)
def test_a_record_keeps_the_moment_that_was_judged_by(bytes_):
    judged: Any = read_input(bytes_)
    source, kept = Source(0, 0, 7), recorded(judged)
    record = Record(RECORD_VERSION, source, None, 0, 1, 1, "ada", kept, lane="lane")
    again: Any = read_record(write_record(record))
    assert again == record
    at = again.input.occurredAt if hasattr(kept, "occurredAt") else again.input.at
    assert at == datetime(2026, 3, 2, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize("year", ["0001", "1899", "9000", "9999"])
@pytest.mark.parametrize(
    ("bytes_", "field"),
    [
        (raw(',"occurredAt":"YEAR-06-01T12:00:00Z"'), "occurredAt"),
        (raw(',"occurredAt":"YEAR-06-01T12:00:00.1234567+01:00"'), "occurredAt"),
        (
            b'{"type":"pause","user":"ada","id":"p","start":"YEAR-06-01","end":"2026-06-01"}',
            "start",
        ),
        (b'{"type":"pause","user":"ada","id":"p","start":"2026-06-01","end":"YEAR-06-01"}', "end"),
        (
            (
                b'{"type":"correction","user":"ada","event":"0-0-1","metric":"steps","was":1,'
                b'"at":"2026-03-02T12:00:00Z","day":"YEAR-06-01","reason":"r"}'
            ),
            "day",
        ),
        (b'{"type":"due","user":"ada","at":"YEAR-06-01T12:00:00Z"}', "at"),
        (
            (
                b'{"type":"boost","system":"xp","boost":"b","change":"started",'
                b'"at":"YEAR-06-01T12:00:00Z"}'
            ),
            "at",
        ),
    ],
)
def test_years_beyond_the_calendar_are_refused(bytes_, field, year):
    said = refusal(bytes_.replace(b"YEAR", year.encode()))
    assert said == f"{field}: must lie between the years 1900 and 8999"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0000-01-01T00:00:00Z", "is no instant: year 0 is out of range"),
        ("2026-02-29T12:00:00Z", "is no instant: day is out of range for month"),
        ("2026-03-02T24:00:00Z", "must be an ISO 8601 date and time with offset"),
        ("2026-03-02T12:00:60Z", "is no instant: second must be in 0..59"),
        ("2026-03-02T12:00:00+24:00", "is no instant: offset must be"),
        ("2026-03-02T12:00:00+01:00:30", "must be an ISO 8601 date and time with offset"),
        ("20260302T120000Z", "must be an ISO 8601 date and time with offset"),
        ("2026-W10-1T12:00:00Z", "must be an ISO 8601 date and time with offset"),
        ("2026-03-02T12:00:00Z\\n", "must be an ISO 8601 date and time with offset"),
        ("\u0662026-03-02T12:00:00Z", "must be an ISO 8601 date and time with offset"),
        ("2026-03-02T12:00:00", "must have an offset from UTC, such as Z or +01:00"),
    ],
)
def test_what_is_no_instant_says_so(text, words):
    assert refusal(raw(f',"occurredAt":"{text}"')).startswith(f"occurredAt: {words}")
