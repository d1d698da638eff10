"""The test vectors of the specification (semantics, appendix D), row by row, numbers as printed.

They are a table (`vectors/`), whose rows both implementations play: the engine and the second one,
which was written from the description of the rules alone. Here are besides the rows that ask for
more than the rules. Rows about what a read shows of many users are tests of the gateway, and those
about leaderboards and whole years are not the rules' at all; rows that contradict others are left
out, as the specification says.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

import pytest
from given import daily, event, game, of_kind, per, play
from laws.log import Log
from pydantic import ValidationError
from vectors import achievements, boosts, freezes, points, streaks, users
from vectors.played import check, check_agree, play_both

from contract.application.summaries import summed
from schemas.records import event_id_of
from schemas.versions import succeed

TABLE = [
    *points.TABLE,
    *boosts.TABLE,
    *streaks.TABLE,
    *freezes.TABLE,
    *achievements.TABLE,
    *users.TABLE,
]
EACH = pytest.mark.parametrize("at", range(len(TABLE)), ids=[it.name for it in TABLE])


@cache
def played(at):
    """Return what came of a row, by the engine and by the second implementation."""
    return play_both(TABLE[at])


@EACH
def test_the_engine_comes_to_what_the_row_says(at):
    check(played(at)[0], TABLE[at].expected)


@EACH
def test_the_second_implementation_comes_to_what_the_row_says(at):
    check(played(at)[1], TABLE[at].expected)


@EACH
def test_of_what_the_row_does_not_say_both_say_the_same(at):
    check_agree(*played(at))


def test_no_two_rows_have_one_name():
    assert len({it.name for it in TABLE}) == len(TABLE)


def test_d1_12_the_points_of_three_days_are_100_then_300_then_600():
    hundreds = game(points={"xp": per(1, 100)})
    dates = ["2024-01-01", "2024-01-02", "2024-01-03"]
    decisions = play(hundreds, *(event(at + 1, at=day) for at, day in enumerate(dates)))
    assert [of_kind("points", it)[0].total for it in decisions] == [100, 300, 600]
    days = [date.fromisoformat(it) for it in dates]
    changes = [Decimal(of_kind("points", it)[0].awarded) for it in decisions]
    rows = summed([(it, it) for it in days], Decimal(0), zip(days, changes, strict=True))
    assert [tuple(it.values()) for it in rows] == [
        ("2024-01-01", 100, 100),
        ("2024-01-02", 300, 200),
        ("2024-01-03", 600, 300),
    ]


def test_d1_26_lesson_123_twice_names_the_first():
    version = succeed(None, game(), "default", datetime(2026, 1, 1, tzinfo=UTC))
    log = Log([version])
    log.tell({"type": "definitions", "version": 1}, datetime(2026, 3, 2, tzinfo=UTC))
    lesson = {"user": "u1", "metric": "commits", "value": 1, "idempotencyKey": "lesson-123"}
    first, second = [log.tell(lesson, datetime(2026, 3, 2, 12, tzinfo=UTC)) for _ in range(2)]
    assert [first.outcome, second.outcome] == ["applied", "replayed"]
    assert second.first == event_id_of(first)


def test_d1_27_five_lessons_are_one_event_of_5():
    tens = game(points={"xp": per(1, 10)})
    assert play(tens, event(5))[-1].own == play(tens, *[event(1)] * 5)[-1].own


@pytest.mark.parametrize(
    ("field", "most", "beyond"), [("maxFreezes", 100, 101), ("initialFreezes", 100, 101)]
)
def test_d1_35_at_most_100_freezes(field, most, beyond):
    assert getattr(game(streak=daily(**{field: most})).streak, field) == most
    with pytest.raises(ValidationError, match=field):
        game(streak=daily(**{field: beyond}))


def test_d1_35_a_multiplier_is_less_than_100():
    boosts.boosted(1, *boosts.multipliers(99.99))
    with pytest.raises(ValidationError, match="multiplier"):
        boosts.boosted(1, *boosts.multipliers(100))
