"""What an operator's commands put on the log, and how they tell what came of it."""

from datetime import date
from decimal import Decimal

import pytest
from database.records import (
    achievement,
    correction,
    created,
    freezes,
    level,
    points,
    streak,
    total,
)
from msgspec.structs import replace

from ops.effects import lines_of
from ops.inputs import correction_of, grant_of
from schemas.codec import write_input
from schemas.entries import DueEntry
from schemas.inputs import (
    Adjustment,
    Correction,
    RecordedAdjustment,
    RecordedCorrection,
    RecordedEvent,
)
from schemas.inputs.reading import read_input
from schemas.instants import MILLISECOND, instant, read_instant
from schemas.records import RECORD_VERSION, Record, Source

NOON = read_instant("2026-03-02T12:00:00Z")


def counted(**fields):
    """Return the record of an event that counted 2.5 lessons in maths."""
    record = Record(
        RECORD_VERSION,
        Source(0, 2, 17),
        None,
        NOON // MILLISECOND,
        definitions=1,
        rules=1,
        user="ada",
        input=RecordedEvent("lessons", attributes={"subject": "maths"}),
        entries=[created(day=date(2026, 3, 2)), total("lessons", "2.5", "9", "2026-03-02")],
        tenant="acme",
        lane="lane",
    )
    return replace(record, **fields)


def test_a_correction_says_all_that_the_ledger_knows_of_the_event():
    told = read_input(write_input(correction_of(counted(), Decimal("1.25"), "typo")))
    assert told == Correction(
        tenant="acme",
        user="ada",
        event="0-2-17",
        metric="lessons",
        # What it counted with, also where the event left its value out.
        was=Decimal("2.5"),
        attributes={"subject": "maths"},
        at="2026-03-02T12:00:00Z",
        day=date(2026, 3, 2),
        value=Decimal("1.25"),
        reason="typo",
    )


def test_a_reversal_is_a_correction_without_a_value():
    told = read_input(write_input(correction_of(counted(), None, "test")))
    assert isinstance(told, Correction)
    assert told.value is None


CORRECTED = RecordedCorrection("0-2-3", "lessons", 5, instant(NOON), "typo")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"outcome": "refused", "reason": "too late", "entries": []}, "was refused"),
        ({"outcome": "dead", "reason": "not JSON", "entries": [], "input": None}, "metric event"),
        ({"outcome": "replayed", "first": "0-2-3", "entries": []}, "correct 0-2-3"),
        ({"input": RecordedAdjustment("xp", 5, "hat"), "entries": []}, "Only a metric event"),
        ({"input": CORRECTED}, "Only a metric event"),
    ],
)
def test_what_never_counted_cannot_be_corrected(fields, said):
    with pytest.raises(ValueError, match=said):
        correction_of(counted(**fields), None, "x")


def test_a_grant_is_an_adjustment_with_or_without_a_key():
    told = read_input(write_input(grant_of("acme", "ada", "xp", -5, "hat", "k")))
    assert told == Adjustment(
        tenant="acme",
        user="ada",
        system="xp",
        points=-5,
        reason="hat",
        idempotencyKey="k",
    )
    assert "idempotencyKey" not in grant_of("acme", "ada", "xp", 5, "hat", None)


def test_effects_are_told_in_a_line_each():
    entries = [
        correction("0-2-17", "5", "3"),
        total("lessons", "-2", "12"),
        points("xp", "lesson", -20, 125),
        points("xp", None, 5, 130),
        level("xp", None, "rookie", 130),
        achievement("four"),
        streak("lost", 0, "2026-03-02"),
        streak("lost", 0, "2026-03-02", frequency="weekly", quiet=True),
        freezes("earned", 1, 2),
        DueEntry(None),
    ]
    assert lines_of(counted(entries=entries)) == [
        "event 0-2-17 counts 3, not 5",
        "lessons -2, now 12",
        "xp -20, now 125 (lesson)",
        "xp +5, now 130",
        "level of xp: none -> rookie",
        "achievement four completed",
        "daily streak lost, length 0",
        "freezes +1, now 2",
    ]
