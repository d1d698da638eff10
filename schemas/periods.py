"""Days, weeks and months as the periods of streaks. Pure: dates in, dates out.

A period is named by its first date. Which date an instant has for a user is said by `calendar`.
"""

from datetime import date, timedelta
from typing import Final, Literal

from schemas.text import ZoneName
from schemas.zones import ONE_DAY, exists

Frequency = Literal["daily", "weekly", "monthly"]
FREQUENCIES: Final[tuple[Frequency, ...]] = ("daily", "weekly", "monthly")
WeekStart = Literal["monday", "sunday"]


class Period:
    """One period of the calendar, and the dates that matter about it."""

    __slots__ = ("first", "following", "last", "previous")

    def __init__(self, first: date, last: date, previous: date, following: date) -> None:
        self.first = first
        self.last = last
        # First date of the period before it, and last date of the one after it.
        self.previous = previous
        self.following = following


def period_of(day: date, frequency: Frequency, week_start: WeekStart) -> date:
    """Return the first date of the period that holds a local date."""
    if frequency == "daily":
        return day
    if frequency == "monthly":
        return day.replace(day=1)
    behind = day.weekday() if week_start == "monday" else (day.weekday() + 1) % 7
    return day - timedelta(days=behind)


def last_date(period: date, frequency: Frequency) -> date:
    """Return the last date of a period."""
    if frequency == "daily":
        return period
    if frequency == "weekly":
        return period + timedelta(days=6)
    return _next_month(period) - ONE_DAY


def next_period(period: date, frequency: Frequency, tz: ZoneName) -> date:
    """Return the first date of the period after one; dates that a zone skipped do not exist."""
    if frequency == "daily":
        following = period + ONE_DAY
        while not exists(following, tz):
            following += ONE_DAY
        return following
    if frequency == "weekly":
        return period + timedelta(days=7)
    return _next_month(period)


def previous_period(period: date, frequency: Frequency, tz: ZoneName) -> date:
    """Return the first date of the period before one; dates that a zone skipped do not exist."""
    if frequency == "daily":
        before = period - ONE_DAY
        while not exists(before, tz):
            before -= ONE_DAY
        return before
    if frequency == "weekly":
        return period - timedelta(days=7)
    return (period - ONE_DAY).replace(day=1)


def _next_month(period: date) -> date:
    # Four days after the 28th it is another month, whichever it was.
    return (period.replace(day=28) + timedelta(days=4)).replace(day=1)


def period_from(first: date, frequency: Frequency, tz: ZoneName) -> Period:
    """Return the period that begins on a date, with the dates that matter about it."""
    return Period(
        first,
        last_date(first, frequency),
        previous_period(first, frequency, tz),
        last_date(next_period(first, frequency, tz), frequency),
    )
