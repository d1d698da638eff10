"""Bytes to words and back: what is written today can be read for ever."""

from datetime import UTC, datetime

import pytest
from given import game

from schemas.codec import (
    ForeignRecordError,
    UnreadableRecordError,
    event_id,
    from_millis,
    read_definitions_record,
    read_event_id,
    read_record,
    read_version,
    write_instant,
    write_record,
    write_version,
)
from schemas.order import Link, follows, link_of
from schemas.versions import EpochMark, succeed

# A record of version 1 as it stood in a ledger: these bytes may never become unreadable.
VERSION_1 = (
    b'{"v":1,"id":"0-3-7","outcome":"applied","at":"2026-03-02T12:00:00Z",'
    b'"appended":"2026-03-02T12:00:01Z","source":[0,3,7],"after":[0,6,"lane"],"lane":"lane",'
    b'"tenant":"default","user":"ada","definitions":1,"rules":1,"input":{"metric":"commits",'
    b'"value":"0.1"},"entries":[{"kind":"total","metric":"commits","change":"0.1","total":"0.3",'
    b'"day":"2026-03-02"}]}'
)


def test_a_record_of_version_1_can_be_read():
    record = read_record(VERSION_1)
    assert link_of(record) == (0, 7, "lane")
    assert follows(Link(0, 6, "lane"), record)
    assert [it["total"] for it in record["entries"] if it["kind"] == "total"] == ["0.3"]
    assert write_record(record) == VERSION_1


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"", "not a ledger record"),
        (b"[]", "not a ledger record"),
        (b"1", "not a ledger record"),
        (b"{}", "not a ledger record"),
        (b'{"v":2}', "version 2 is unknown; this program reads up to 1"),
        (b'{"v":"1"}', "version 1 is unknown"),
    ],
)
def test_a_record_that_cannot_be_read_says_why(raw, text):
    with pytest.raises(UnreadableRecordError, match=text):
        read_record(raw)


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


def test_an_epoch_mark_is_told_from_a_version():
    assert read_definitions_record(b'{"type":"epoch","epoch":2}') == EpochMark(epoch=2)


def test_a_version_that_cannot_be_read_is_an_error():
    with pytest.raises(UnreadableRecordError, match="tenant"):
        read_definitions_record(b'{"version":1}')


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
    ],
)
def test_an_instant_is_written_in_utc_with_a_fraction_only_where_it_has_one(given_text, written):
    assert write_instant(datetime.fromisoformat(given_text)) == written
    assert datetime.fromisoformat(written) == datetime.fromisoformat(given_text)


def test_a_timestamp_of_the_broker_is_in_milliseconds():
    assert from_millis(1_772_452_800_001) == datetime(2026, 3, 2, 12, 0, 0, 1000, tzinfo=UTC)
