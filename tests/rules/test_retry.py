"""The retry schedule, as a table: which attempt with which outcome leads to what."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.retry import SCHEDULE, Delivered, GiveUp, Outcome, TryAgain, after

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


def in_minutes(minutes):
    return TryAgain(NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("attempt", "status", "expected"),
    [
        (1, 200, Delivered()),
        (1, 204, Delivered()),
        (1, 299, Delivered()),
        (4, 202, Delivered()),
        (1, 500, in_minutes(1)),
        (2, 500, in_minutes(2)),
        (3, 500, in_minutes(4)),
        (4, 500, GiveUp()),
        (5, 500, GiveUp()),
        (1, 199, in_minutes(1)),
        (1, 301, in_minutes(1)),
        (1, 302, in_minutes(1)),
        (1, 308, in_minutes(1)),
        (1, 400, in_minutes(1)),
        (1, 404, in_minutes(1)),
        (1, 410, in_minutes(1)),
        (1, 429, in_minutes(1)),
        (2, None, in_minutes(2)),
        (4, None, GiveUp()),
    ],
)
def test_the_published_schedule_is_three_retries_after_1_2_and_4_minutes(attempt, status, expected):
    assert after(attempt, Outcome(status), NOW, SCHEDULE) == expected


def test_an_empty_schedule_gives_up_at_the_first_failure():
    assert after(1, Outcome(None, "timeout"), NOW, ()) == GiveUp()


@given(st.lists(st.floats(0.001, 1e6), max_size=20), st.none() | st.integers(300, 599))
def test_a_longer_schedule_is_followed_to_its_end_and_then_given_up(schedule, status):
    now = NOW
    for attempt, wait in enumerate(schedule, start=1):
        verdict = after(attempt, Outcome(status), now, schedule)
        assert verdict == TryAgain(now + timedelta(seconds=wait))
        now = verdict.at
    assert after(len(schedule) + 1, Outcome(status), now, schedule) == GiveUp()
