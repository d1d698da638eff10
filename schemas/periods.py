"""The calendar: a user's day, week and month in their time zone, for rules and reads alike.

Pure: instants and zones in, dates out. Time zones come from the pinned tzdata package, never from
the system, so that a replay on another machine gives the same periods.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib import resources
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from schemas.entries import FREQUENCIES, Frequency, Pause, StreakState

WeekStart = Literal["monday", "sunday"]

ONE_DAY = timedelta(days=1)


class UnknownTimeZoneError(ValueError):
    """The name is no IANA time zone."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name, UnknownTimeZoneError if there is none."""
    parts = name.split("/")
    # A name is a path inside a package: nothing but plain segments may reach the loader.
    if not all(
        part and part.replace("_", "a").replace("-", "a").replace("+", "a").isalnum()
        for part in parts
    ):
        raise UnknownTimeZoneError(f"{name!r} is not an IANA time zone")
    source = resources.files("tzdata").joinpath("zoneinfo", *parts)
    try:
        with source.open("rb") as file:
            if file.read(4) != b"TZif":
                raise UnknownTimeZoneError(f"{name!r} is not an IANA time zone")
            file.seek(0)
            return ZoneInfo.from_file(file, key=name)
    except (OSError, ValueError) as error:
        raise UnknownTimeZoneError(f"{name!r} is not an IANA time zone") from error


def local_date(at: datetime, tz: str) -> date:
    """Return the local date of an instant."""
    if tz == "UTC" and at.tzinfo is UTC:
        return at.date()
    return at.astimezone(zone(tz)).date()


def period_of(day: date, frequency: Frequency, week_start: WeekStart) -> date:
    """Return the first date of the period that holds a local date."""
    if frequency == "daily":
        return day
    if frequency == "monthly":
        return day.replace(day=1)
    behind = day.weekday() if week_start == "monday" else (day.weekday() + 1) % 7
    return day - timedelta(days=behind)


class Period(NamedTuple):
    """One period of the calendar: its first date, and as text the dates that matter about it."""

    first: date
    text: str
    last: str
    # First date of the period before it, and last date of the one after it.
    previous: str
    following: str


class Today(NamedTuple):
    """A local date, and the periods that hold it."""

    tz: str
    day: date
    text: str
    periods: dict[Frequency, Period]


@lru_cache(maxsize=4096)
def today(day: date, tz: str, week_start: WeekStart) -> Today:
    """Return the periods of a local date; the same few are asked for again and again."""
    periods = {it: _period(period_of(day, it, week_start), it, tz) for it in FREQUENCIES}
    return Today(tz, day, day.isoformat(), periods)


def _period(first: date, frequency: Frequency, tz: str) -> Period:
    return Period(
        first=first,
        text=first.isoformat(),
        last=last_date(first, frequency).isoformat(),
        previous=previous_period(first, frequency, tz).isoformat(),
        following=last_date(next_period(first, frequency, tz), frequency).isoformat(),
    )


def next_period(period: date, frequency: Frequency, tz: str) -> date:
    """Return the first date of the period after one; dates that a zone skipped do not exist."""
    if frequency == "daily":
        following = period + ONE_DAY
        while not _exists(following, tz):
            following += ONE_DAY
        return following
    if frequency == "weekly":
        return period + timedelta(days=7)
    return (period.replace(day=28) + timedelta(days=4)).replace(day=1)


def previous_period(period: date, frequency: Frequency, tz: str) -> date:
    """Return the first date of the period before one; dates that a zone skipped do not exist."""
    if frequency == "daily":
        before = period - ONE_DAY
        while not _exists(before, tz):
            before -= ONE_DAY
        return before
    if frequency == "weekly":
        return period - timedelta(days=7)
    return (period - ONE_DAY).replace(day=1)


def streak_state(
    frequency: Frequency,
    length: int,
    started: str | None,
    through: str | None,
    now: Today,
    pauses: Sequence[Pause] = (),
    freezes: int = 0,
) -> StreakState:
    """Return where a streak stands today, that is kept up to the period beginning at `through`.

    It shows as 0 when a period was missed that neither a pause nor a freeze at hand makes good: it
    may not have been concluded yet that it is lost. `expires` is the last date of the period after
    the last one kept, else of the current one; a period that is paused does not count (OD-14).
    """
    current = now.periods[frequency]
    # Dates as text are in the order of dates.
    if (
        not length
        or through is None
        or (
            through < current.previous
            and missed_periods(through, frequency, now, pauses, freezes + 1) > freezes
        )
    ):
        return {
            "frequency": frequency,
            "length": 0,
            "started": None,
            "periodStart": None,
            "periodEnd": None,
            "expires": None,
        }
    if pauses or through > current.text:
        # After a move to the west the last period that was kept lies ahead of the current one.
        unsaved = current.first
        if through >= current.text:
            unsaved = next_period(date.fromisoformat(through), frequency, now.tz)
        while is_paused(pauses, unsaved, frequency):
            unsaved = next_period(unsaved, frequency, now.tz)
        expires = last_date(unsaved, frequency).isoformat()
    else:
        expires = current.following if through == current.text else current.last
    return {
        "frequency": frequency,
        "length": length,
        "started": started,
        "periodStart": current.text,
        "periodEnd": current.last,
        "expires": expires,
    }


def missed_periods(
    through: str, frequency: Frequency, now: Today, pauses: Sequence[Pause], most: int
) -> int:
    """Return how many periods are over, after the one kept last, and not paused; `most` at most."""
    missed = 0
    period = next_period(date.fromisoformat(through), frequency, now.tz)
    while missed < most and period < now.periods[frequency].first:
        missed += not is_paused(pauses, period, frequency)
        period = next_period(period, frequency, now.tz)
    return missed


def is_paused(pauses: Sequence[Pause], period: date, frequency: Frequency) -> bool:
    """Tell whether a pause covers a period: any date in common is enough (OD-16)."""
    if not pauses:
        return False
    first, last = period.isoformat(), last_date(period, frequency).isoformat()
    for pause in pauses:  # noqa: SIM110  as fast as can be: this is asked period by period
        if pause["start"] <= last and first <= pause["end"]:
            return True
    return False


@lru_cache(maxsize=4096)
def midnight(day: date, tz: str) -> datetime:
    """Return the instant at which a local date begins."""
    return datetime.combine(day, time(), zone(tz)).astimezone(UTC)


def last_date(period: date, frequency: Frequency) -> date:
    """Return the last date of a period."""
    if frequency == "daily":
        return period
    if frequency == "weekly":
        return period + timedelta(days=6)
    return (period.replace(day=28) + timedelta(days=4)).replace(day=1) - ONE_DAY


@lru_cache(maxsize=4096)
def _exists(day: date, tz: str) -> bool:
    # Pacific/Apia had no 2011-12-30: its midnight and the next day's are the same instant.
    here = zone(tz)
    start = datetime.combine(day, time(), here).astimezone(UTC)
    end = datetime.combine(day + ONE_DAY, time(), here).astimezone(UTC)
    return end > start
