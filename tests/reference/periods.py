"""Time zones and calendar periods of the reference implementation.

This file answers these questions: in which day, week or month does an instant lie for a user,
which period comes after a given one and which before, and when does a local date begin. A period
is always named by its first date.

Nothing may be imported here but the standard library. In particular nothing of the engine: the
reference is worth something only as long as it was thought out separately.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

FREQUENCIES = ("daily", "weekly", "monthly")

ONE_DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)


@cache
def zone_names() -> frozenset[str]:
    """The names of all time zones that a user may have."""
    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


@cache
def load_zone(name: str) -> ZoneInfo:
    """Load a time zone from the pinned tzdata package.

    The database of the operating system is not asked, because it may be of another year.
    """
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def local_date(instant: datetime, zone: ZoneInfo) -> date:
    """The date on the user's calendar at this instant."""
    return instant.astimezone(zone).date()


@cache
def beginning(day: date, zone: ZoneInfo) -> datetime:
    """The first instant at which it is this date or a later one in this time zone.

    Found by walking there in steps of a quarter of an hour, of which all offsets of our days are
    multiples. A date that the zone left out begins together with the one after it.
    """
    instant = datetime(day.year, day.month, day.day, tzinfo=UTC) - ONE_DAY
    while local_date(instant, zone) < day:
        instant += QUARTER
    return instant


def period_of(day: date, frequency: str, week_start: str) -> date:
    """The first date of the period that this date belongs to."""
    if frequency == "daily":
        return day
    if frequency == "monthly":
        return day.replace(day=1)
    first_weekday = {"monday": 0, "sunday": 6}[week_start]
    while day.weekday() != first_weekday:
        day -= ONE_DAY
    return day


def period_at(instant: datetime, zone: ZoneInfo, frequency: str, week_start: str) -> date:
    """The period that this instant lies in, for somebody in this time zone."""
    return period_of(local_date(instant, zone), frequency, week_start)


def last_date(period: date, frequency: str) -> date:
    """The last date of a period."""
    return _next_on_calendar(period, frequency) - ONE_DAY


def period_after(period: date, zone: ZoneInfo, frequency: str) -> date:
    """The next period that has any time in it in this time zone.

    A zone that crosses the date line leaves out a date: Pacific/Apia had no 2011-12-30. Nobody
    can do anything on such a date, so the day after the 29th is the 31st there.
    """
    following = _next_on_calendar(period, frequency)
    while frequency == "daily" and not date_exists(following, zone):
        following = _next_on_calendar(following, frequency)
    return following


def period_before(period: date, zone: ZoneInfo, frequency: str) -> date:
    """The last period before this one that has any time in it in this time zone."""
    day = period - ONE_DAY
    while frequency == "daily" and not date_exists(day, zone):
        day -= ONE_DAY
    if frequency == "weekly":
        return period - 7 * ONE_DAY
    return period_of(day, frequency, "monday")


@cache
def date_exists(day: date, zone: ZoneInfo) -> bool:
    """Whether clocks in this time zone ever show this date."""
    return any(_hour_exists(day, hour, zone) for hour in range(24))


def _hour_exists(day: date, hour: int, zone: ZoneInfo) -> bool:
    # A wall time that was skipped comes back from UTC as another wall time.
    wall = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
    return local_date(wall.astimezone(UTC), zone) == day


def _next_on_calendar(period: date, frequency: str) -> date:
    if frequency == "daily":
        return period + ONE_DAY
    if frequency == "weekly":
        return period + 7 * ONE_DAY
    # The 1st plus 31 days is always somewhere in the next month.
    return (period + 31 * ONE_DAY).replace(day=1)
