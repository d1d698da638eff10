"""Bytes to words and back: what is written today can be read for ever."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from given import game, total
from pydantic import ValidationError

from schemas.codec import (
    ForeignRecordError,
    UnreadableRecordError,
    UnreadableVersionError,
    read_definitions_record,
    read_event_id,
    read_record,
    read_version,
    write_record,
    write_version,
)
from schemas.definitions import Definitions
from schemas.instants import from_millis, instant, micros, read_instant, write_instant, write_micros
from schemas.order import Link, follows, link_of
from schemas.records import appended_text, event_id, event_id_of, time_text
from schemas.versions import EpochMark, succeed

# A record of version 1 as it stood in a ledger: these bytes may never become unreadable.
VERSION_1 = (
    b'{"v":1,"id":"0-3-7","outcome":"applied","at":"2026-03-02T12:00:00Z",'
    b'"appended":"2026-03-02T12:00:01Z","source":[0,3,7],"after":[0,6,"lane"],"lane":"lane",'
    b'"tenant":"default","user":"ada","definitions":1,"rules":1,"input":{"metric":"commits",'
    b'"value":"0.1"},"entries":[{"kind":"total","metric":"commits","change":"0.1","total":"0.3",'
    b'"day":"2026-03-02"}]}'
)


SMALL_GAME = {
    "metrics": [{"key": "commits"}],
    "user": [f"a{number}" for number in range(101)],
    "streak": {"maxFreezes": 9, "freezeAutoEarnInterval": 9, "freezeAutoEarnAmount": 1},
    "achievements": [{"key": "a", "metricValue": "1"}],
}

# The same record as it is written today: neither may these bytes.
VERSION_2 = (
    b'{"v":2,"source":[0,3,7],"after":[0,6,"lane"],"appended":1772452801000,"definitions":1,'
    b'"rules":1,"user":"ada","input":{"type":"metric","metric":"commits","value":"0.1"},'
    b'"entries":[{"kind":"total","metric":"commits","change":"0.1","total":"0.3",'
    b'"day":"2026-03-02"}]'
)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(VERSION_1, id="version 1"),
        pytest.param(VERSION_2 + b"}", id="version 2"),
    ],
)
def test_a_record_of_every_version_can_be_read(raw):
    record = read_record(raw)
    assert link_of(record) == Link(0, 7, "lane")
    assert follows(Link(0, 6, "lane"), record)
    assert event_id_of(record) == "0-3-7"
    assert appended_text(record) == "2026-03-02T12:00:01Z"
    assert record.entries == [total("0.1", "0.3")]
    assert record == read_record(VERSION_2 + b"}")
    assert read_record(write_record(record)) == record


def test_a_record_is_written_in_one_form():
    assert write_record(read_record(VERSION_2 + b"}")) == VERSION_2 + b"}"


def test_the_event_time_of_a_record_is_that_of_its_input_or_else_when_that_was_appended():
    assert time_text(read_record(VERSION_1)) == "2026-03-02T12:00:01Z"
    said = VERSION_1.replace(b'"0.1"}', b'"0.1","occurredAt":"2026-03-02T12:00:00Z"}')
    assert time_text(read_record(said)) == "2026-03-02T12:00:00Z"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "not a ledger record"),
        (b"[]", "not a ledger record"),
        (b"1", "not a ledger record"),
        (b"{}", "not a ledger record"),
        (b"\xff", "not a ledger record"),
        (b"[" * 9000, "not a ledger record"),
        (b'{"v":1}', "not a ledger record of version 1"),
        (b'{"v":2}', "not a ledger record: Object missing required field `source`"),
        (b'{"v":3}', "version 3 is unknown; this program reads up to 2"),
        (b'{"v":"1"}', "version 1 is unknown"),
        (VERSION_1.replace(b'"total":"0.3"', b'"total":"x"'), "not a ledger record of version 1"),
        (VERSION_1.replace(b'"kind":"total"', b'"kind":"what"'), "not a ledger record of version"),
        (VERSION_1.replace(b'"day":"2026-03-02"', b'"day":"x"'), "not a ledger record of version"),
        (VERSION_1.replace(b"[0,3,7]", b"[0,3]"), "not a ledger record of version 1"),
        (VERSION_2.replace(b'"kind":"total"', b'"kind":"what"') + b"}", "not a ledger record"),
        (VERSION_2.replace(b'"v":2', b'"v":3') + b"}", "version 3 is unknown"),
    ],
)
def test_a_record_that_cannot_be_read_says_why(raw, text):
    with pytest.raises(UnreadableRecordError, match=text):
        read_record(raw)


@pytest.mark.parametrize("damaged", [None, 7, "x", [], {}, [7], {"x": 7}, True])
@pytest.mark.parametrize(
    "record",
    [
        {"kind": "total", "subtotals": {}},
        {"kind": "progress", "metric": "m", "periods": {"daily": ["2026-03-02", "1"]}},
        {"kind": "backfill", "version": 1, "series": {"m?a=b": ["1", "2"]}},
        {"kind": "preferences", "streak": {"metrics": [{"metric": "m", "threshold": "1"}]}},
    ],
)
def test_a_damaged_record_of_version_1_is_told_whatever_is_wrong_with_it(record, damaged):
    whole = json.loads(VERSION_1)
    for name in record:
        for words in ({**record, name: damaged}, {**record, name: [damaged, damaged]}):
            for fields in ({"entries": [words]}, {"input": words}, {name: damaged}):
                with suppress(UnreadableRecordError):
                    assert read_record(json.dumps({**whole, **fields}).encode()).v == 2


def test_a_version_survives_the_journey_with_its_decimals():
    definitions = game(
        metrics=[{"key": "commits", "defaultIncrementValue": "0.10"}],
        streak={"metrics": [{"metric": "commits", "threshold": "0.3"}]},
        achievements=[{"key": "a", "metricValue": "42.195"}],
        points={"xp": {"triggers": [{"points": 5}], "levels": {"bronze": 0}}},
    )
    version = succeed(None, definitions, "default", datetime(2026, 3, 2, tzinfo=UTC))
    assert read_version(write_version(version)) == version
    assert read_definitions_record(write_version(version)) == version


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        pytest.param(("metrics", 0, "description"), "x" * 5_000, "4096 characters", id="text"),
        pytest.param(("metrics", 0, "units"), "x" * 300, "255 characters", id="units"),
        pytest.param(("achievements", 0, "badgeUrl"), "x" * 3_000, "2048 characters", id="address"),
        pytest.param(("streak", "freezeAutoEarnAmount"), 11, "10 at most", id="freezes"),
        pytest.param(
            ("achievements", 0, "userAttributes"),
            {f"a{number}": "x" for number in range(101)},
            "100 attributes",
            id="attributes",
        ),
    ],
)
def test_a_version_in_force_stays_readable_though_a_limit_came_after_it(path, value, problem):
    version = succeed(None, game(**SMALL_GAME), "default", datetime(2026, 3, 2, tzinfo=UTC))
    words = json.loads(write_version(version))
    *parents, name = path
    place = words["definitions"]
    for parent in parents:
        place = place[parent]
    place[name] = value
    place = read_version(json.dumps(words).encode()).definitions.model_dump()
    for parent in parents:
        place = place[parent]
    assert place[name] == value
    with pytest.raises(ValidationError, match=problem):
        Definitions.model_validate(words["definitions"])


def test_an_epoch_mark_is_told_from_a_version():
    assert read_definitions_record(b'{"type":"epoch","epoch":2}') == EpochMark(epoch=2)


@pytest.mark.parametrize(
    ("raw", "tenant", "version"),
    [
        (b'{"version":1,"tenant":"acme"}', "acme", 1),
        (b'{"version":7,"tenant":"acme","epoch":"x"}', "acme", 7),
        # Of whom it is, or which number it has, cannot be told.
        (b'{"version":1}', None, None),
        (b'{"version":1,"tenant":"a b"}', None, None),
        (b'{"version":1,"tenant":["acme"]}', None, None),
        (b'{"version":0,"tenant":"acme"}', None, None),
        (b'{"version":"1","tenant":"acme"}', None, None),
        (b'{"version":true,"tenant":"acme"}', None, None),
        (b'{"version":1e3,"tenant":"acme"}', None, None),
    ],
)
def test_a_version_that_cannot_be_read_says_whose_it_is(raw, tenant, version):
    with pytest.raises(UnreadableVersionError, match="is required") as unreadable:
        read_definitions_record(raw)
    assert (unreadable.value.tenant, unreadable.value.version) == (tenant, version)


def test_what_no_store_has_room_for_is_no_version():
    version = succeed(None, game(achievements=[{"key": "a"}]), "acme", datetime.now(UTC))
    raw = write_version(version).replace(b'"name":"a"', b'"name":"A\\u0000b"')
    with pytest.raises(UnreadableVersionError, match="must not contain the character"):
        read_definitions_record(raw)


def test_an_epoch_that_cannot_be_read_concerns_everyone():
    with pytest.raises(UnreadableRecordError, match="an epoch that cannot be read") as unreadable:
        read_definitions_record(b'{"epoch":"second"}')
    assert not isinstance(unreadable.value, UnreadableVersionError)


@pytest.mark.parametrize("raw", [b"", b"not json", b"[]", b"1", b'{"hello":1}'])
def test_what_is_no_version_at_all_is_foreign(raw):
    with pytest.raises(ForeignRecordError):
        read_definitions_record(raw)


def test_an_event_id_is_epoch_partition_and_offset():
    assert event_id(1, 2, 3) == "1-2-3"
    assert read_event_id("1-2-3") == (1, 2, 3)


@pytest.mark.parametrize("text", ["", "1-2", "1-2-3-4", "a-b-c", "1-2-x", "-1-2-3", " 1-2-3"])
def test_what_is_no_event_id_is_none(text):
    assert read_event_id(text) is None


@pytest.mark.parametrize(
    ("given_text", "written"),
    [
        ("2026-03-02T12:00:00+00:00", "2026-03-02T12:00:00Z"),
        ("2026-03-02T13:00:00+01:00", "2026-03-02T12:00:00Z"),
        ("2026-03-02T12:00:00.250000Z", "2026-03-02T12:00:00.250000Z"),
        ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
        ("1900-01-01T00:00:00+14:00", "1899-12-31T10:00:00Z"),
        ("8999-12-31T23:59:59.999999-14:00", "9000-01-01T13:59:59.999999Z"),
    ],
)
def test_an_instant_is_written_in_utc_with_a_fraction_only_where_it_has_one(given_text, written):
    at = datetime.fromisoformat(given_text)
    assert write_instant(at) == write_micros(micros(at)) == written
    assert datetime.fromisoformat(written) == at
    assert read_instant(given_text) == micros(at)
    assert instant(micros(at)) == at


def test_a_timestamp_of_the_broker_is_in_milliseconds():
    assert from_millis(1_772_452_800_001) == datetime(2026, 3, 2, 12, 0, 0, 1000, tzinfo=UTC)
