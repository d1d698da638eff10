"""What a partition's ledger says of the past that a version of the definitions asks for."""

import json
from datetime import date
from decimal import Decimal

from msgspec.json import encode
from parts.states import millis
from wording.definitions import game

from processor.past import Past
from processor.rules.compiling import compile_definitions
from schemas.entries import Entry, TotalEntry
from schemas.inputs import Backfill, RecordedCorrection, RecordedEvent
from schemas.inputs.reading import read_input
from schemas.instants import instant, read_instant
from schemas.numbers import read_number
from schemas.records import RECORD_VERSION, Record, Source

RUST = "commits?language=rust"
DAY = date(2026, 3, 2)
NOON = "2026-03-02T12:00:00Z"


def rusty(since=2, **fields):
    """Return the rules of version 2 of a game that counts commits in Rust, and since when."""
    goal = {"key": "rusty", "metricValue": 3, "eventAttributes": {"language": "rust"}}
    definitions = game(["commits"], event=["language"], achievements=[goal], **fields)
    return compile_definitions(definitions, 2, {RUST: since})


def record(change=None, *, user="ada", version=1, language="rust", given=None, **fields):
    """Return a record of a commit, as far as a backfill looks at it."""
    entries: list[Entry] = []
    if change is not None:
        entries = [TotalEntry("commits", read_number(change), 0, DAY)]
    return Record(
        RECORD_VERSION,
        Source(0, 0, 0),
        after=None,
        appended=millis(NOON),
        definitions=version,
        rules=1,
        user=user,
        input=given or RecordedEvent("commits", attributes={"language": language}),
        entries=entries,
        lane="a",
        **fields,
    )


def correction(change, **fields):
    """Return the record of a correction."""
    at = instant(read_instant(NOON))
    about = {"language": "rust"}
    given = RecordedCorrection("0-0-0", "commits", 1, at, "because", attributes=about)
    return record(change, given=given, **fields)


def past_of(*records, since=2, done=1):
    """Return the past up to version 2 that these records make."""
    past = Past("default", 2, rusty(since), done)
    for it in records:
        assert past.take(it)
    return past


def lacking(past, user, known):
    """Return what a user lacks, as the backfill says it."""
    return json.loads(encode(past.lacking(user, known)))


def test_the_past_holds_the_matching_events_of_each_user():
    past = past_of(
        record("2"),
        record("5", language="go"),
        record("0.1"),
        record("4", user="bob"),
        record("7", user="cy", language="go"),
    )
    assert list(past.users) == ["ada", "bob", "cy"]
    assert lacking(past, "ada", 1) == {RUST: ["2.1", "2.1"]}
    assert lacking(past, "bob", 1) == {RUST: [4, 4]}
    assert lacking(past, "cy", 1) == {}


def test_the_past_ends_at_the_marker():
    past = past_of(record("2"))
    marker = record(user=None, version=2)
    assert not past.take(marker)
    assert not past.take(record("2", user="eve", version=2))
    assert list(past.users) == ["ada"]


def test_what_did_not_count_is_no_past():
    past = past_of(
        record("2"),
        record("9", outcome="refused"),
        record("9", outcome="replayed"),
        record("9", tenant="other"),
        record("9", tenant="other", version=7),
        record("9", user="bob", outcome="refused"),
        record(user=None),
    )
    assert list(past.users) == ["ada"]
    assert lacking(past, "ada", 1) == {RUST: [2, 2]}


def test_a_user_without_any_event_of_the_metric_is_visited_too():
    assert list(past_of(record(user="ada")).users) == ["ada"]


def test_the_highest_value_outlasts_what_takes_away():
    past = past_of(record("5"), record("-3"), record("1"))
    assert lacking(past, "ada", 1) == {RUST: [3, 5]}
    past = past_of(record("-2"), record("1"))
    assert lacking(past, "ada", 1) == {RUST: [-1, 0]}


def test_a_correction_that_takes_away_lowers_the_highest_value():
    past = past_of(record("5"), record("-3"), correction("-2"))
    assert lacking(past, "ada", 1) == {RUST: [0, 3]}
    past = past_of(record("5"), correction("2"))
    assert lacking(past, "ada", 1) == {RUST: [7, 7]}
    past = past_of(record("5"), record("-5"), correction("-6"))
    assert lacking(past, "ada", 1) == {RUST: [-6, 0]}


def test_what_is_known_of_a_user_already_is_not_told_again():
    past = past_of(record("2"))
    assert lacking(past, "ada", 2) == {}
    assert lacking(past_of(record("2"), done=2), "ada", 1) == {}


def test_a_filter_that_an_older_version_asked_for_is_counted_up_to_that_version():
    past = Past("default", 3, rusty(since=2), 1)
    past.take(record("2"))
    # The lane counts it from version 2 on.
    past.take(record("40", version=2))
    assert lacking(past, "ada", 1) == {RUST: [2, 2]}


def test_of_a_filter_that_was_counted_before_only_the_gap_is_lacking():
    counted = record("2")
    counted.entries[0].subtotals = {"language=rust": 2}
    past = Past("default", 3, rusty(since=3), 1)
    past.take(counted)
    past.take(record("5", version=2))
    assert lacking(past, "ada", 1) == {RUST: [5, 7]}


def test_a_subtotal_may_be_greater_than_any_value():
    past = past_of(record("9e17"), record("9e17"))
    words = {"type": "backfill", "user": "ada", "version": 2, "series": past.lacking("ada", 1)}
    given = read_input(encode(words))
    assert isinstance(given, Backfill)
    assert given.series == {RUST: (Decimal(18 * 10**17), Decimal(18 * 10**17))}
