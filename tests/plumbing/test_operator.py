"""What an operator's commands put on the log, and how they tell what came of it."""

from decimal import Decimal

import orjson
import pytest

from ops.effects import lines_of
from ops.inputs import correction_of, grant_of
from schemas.events import Adjustment, Correction, read_input


def counted(**fields):
    """Return the record of an event that counted 2.5 lessons in maths."""
    return {
        "id": "0-2-17",
        "outcome": "applied",
        "at": "2026-03-02T12:00:00Z",
        "tenant": "acme",
        "user": "ada",
        "input": {"metric": "lessons", "attributes": {"subject": "maths"}},
        "entries": [
            {"kind": "user", "created": True, "day": "2026-03-02"},
            {
                "kind": "total",
                "metric": "lessons",
                "change": "2.5",
                "total": "9",
                "day": "2026-03-02",
            },
        ],
        **fields,
    }


def test_a_correction_says_all_that_the_ledger_knows_of_the_event():
    told = read_input(orjson.dumps(correction_of(counted(), Decimal("1.25"), "typo")))
    assert told == Correction(
        type="correction",
        tenant="acme",
        user="ada",
        event="0-2-17",
        metric="lessons",
        # What it counted with, also where the event left its value out.
        was=Decimal("2.5"),
        attributes={"subject": "maths"},
        at="2026-03-02T12:00:00Z",
        day="2026-03-02",
        value=1.25,
        reason="typo",
    )


def test_a_reversal_is_a_correction_without_a_value():
    told = read_input(orjson.dumps(correction_of(counted(), None, "test")))
    assert isinstance(told, Correction)
    assert told.value is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"outcome": "refused", "reason": "too late", "entries": []}, "was refused"),
        ({"outcome": "dead", "reason": "not JSON", "entries": [], "input": None}, "metric event"),
        ({"outcome": "replayed", "first": "0-2-3", "entries": []}, "correct 0-2-3"),
        ({"input": {"type": "adjustment"}, "entries": []}, "Only a metric event"),
        ({"input": {"type": "correction", "metric": "lessons"}}, "Only a metric event"),
    ],
)
def test_what_never_counted_cannot_be_corrected(fields, said):
    with pytest.raises(ValueError, match=said):
        correction_of(counted(**fields), None, "x")


def test_a_grant_is_an_adjustment_with_or_without_a_key():
    told = read_input(orjson.dumps(grant_of("acme", "ada", "xp", -5, "hat", "k")))
    assert told == Adjustment(
        type="adjustment",
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
        {"kind": "correction", "event": "0-2-17", "before": "5", "after": "3"},
        {"kind": "total", "metric": "lessons", "change": "-2", "total": "12"},
        {"kind": "points", "system": "xp", "trigger": "lesson", "awarded": -20, "total": 125},
        {"kind": "points", "system": "xp", "trigger": None, "awarded": 5, "total": 130},
        {"kind": "level", "system": "xp", "before": None, "after": "rookie", "total": 130},
        {"kind": "achievement", "achievement": "four"},
        {"kind": "streak", "frequency": "daily", "change": "lost", "length": 0},
        {"kind": "streak", "frequency": "weekly", "change": "lost", "length": 0, "quiet": True},
        {"kind": "freezes", "change": "earned", "amount": 1, "freezes": 2},
        {"kind": "due", "at": None},
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
