"""A user's calendar: which local date an instant has, and the periods that hold it.

A calendar remembers at which instant of each UTC day its local date changes. So what day it is
costs one look into a dictionary and one comparison, whatever the zone.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from schemas.instants import DAY, Micros, instant, micros, micros_of
from schemas.periods import (
    FREQUENCIES,
    Frequency,
    Period,
    WeekStart,
    next_period,
    period_from,
    period_of,
)
from schemas.text import ZoneName
from schemas.zones import ONE_DAY, local_date, midnight, zone

# Dates change at full quarters of an hour at the finest; the search begins with steps of one.
STEP: Final = 15 * 60 * 1_000_000
# So many UTC days, and dates, are remembered of each calendar.
DAYS_MAX: Final = 4096
EPOCH_DAY: Final = date(1970, 1, 1)


class Today:
    """A local date, and the periods that hold it."""

    __slots__ = ("day", "periods", "tz")

    def __init__(self, tz: ZoneName, day: date, periods: dict[Frequency, Period]) -> None:
        self.tz = tz
        self.day = day
        self.periods = periods


class _Change:
    """The instant of a UTC day at which the local date changes, and the dates before and after."""

    __slots__ = ("after", "at", "before")

    def __init__(self, at: Micros, before: Today, after: Today) -> None:
        self.at = at
        self.before = before
        self.after = after


class Calendar:
    """The dates of one time zone, for one beginning of the week."""

    def __init__(self, tz: ZoneName, week_start: WeekStart) -> None:
        """Raise UnknownTimeZoneError, when it is first asked, for what is no zone."""
        self.tz = tz
        self._week_start: WeekStart = week_start
        # By the number of the UTC day.
        self._changes: dict[int, _Change] = {}
        self._todays: dict[date, Today] = {}
        self._deadlines: dict[tuple[date, Frequency], Micros] = {}

    def today(self, at: Micros) -> Today:
        """Return the local date of an instant with its periods."""
        found = self._changes.get(at // DAY)
        if found is None:
            found = self._change_of(at // DAY)
            if found is None:
                return self.of(local_date(instant(at), self.tz))
        return found.before if at < found.at else found.after

    def of(self, day: date) -> Today:
        """Return a local date with its periods."""
        today = self._todays.get(day)
        if today is None:
            if len(self._todays) >= DAYS_MAX:
                self._todays.clear()
            periods: dict[Frequency, Period] = {}
            for frequency in FREQUENCIES:
                first = period_of(day, frequency, self._week_start)
                periods[frequency] = period_from(first, frequency, self.tz)
            today = self._todays[day] = Today(self.tz, day, periods)
        return today

    def midnight(self, day: date) -> Micros:
        """Return the instant at which a local date begins."""
        return micros(midnight(day, self.tz))

    def deadline(self, through: date, frequency: Frequency) -> Micros:
        """Return when a streak that is kept up to a period is over: with the end of the next."""
        key = (through, frequency)
        at = self._deadlines.get(key)
        if at is None:
            if len(self._deadlines) >= DAYS_MAX:
                self._deadlines.clear()
            unsaved = next_period(through, frequency, self.tz)
            at = self.midnight(next_period(unsaved, frequency, self.tz))
            self._deadlines[key] = at
        return at

    def _change_of(self, day: int) -> _Change | None:
        """Find out where the local date changes within a UTC day, None where it does so twice."""
        start, end = day * DAY, (day + 1) * DAY
        offsets = {self._offset(at) for at in range(start, end + 1, DAY // 4)}
        if len(offsets) == 1:
            # No change of clocks: the next midnight is a matter of arithmetic.
            offset = offsets.pop()
            at = ((start + offset) // DAY + 1) * DAY - offset
            first = EPOCH_DAY + timedelta(days=(start + offset) // DAY)
            found = _Change(at, self.of(first), self.of(first + ONE_DAY))
        else:
            searched = self._search(start, end)
            if searched is None:
                return None
            found = searched
        if len(self._changes) >= DAYS_MAX:
            self._changes.clear()
        self._changes[day] = found
        return found

    def _offset(self, at: Micros) -> int:
        return micros_of(instant(at).astimezone(zone(self.tz)).utcoffset() or timedelta())

    def _search(self, start: Micros, end: Micros) -> _Change | None:
        dates = [local_date(instant(at), self.tz) for at in range(start, end, STEP)]
        dates.append(local_date(instant(end - 1), self.tz))
        turns = [index for index in range(1, len(dates)) if dates[index] != dates[index - 1]]
        if len(turns) > 1:
            # A date begins twice where clocks are set back over midnight: asked each time.
            return None
        if not turns:
            return _Change(end, self.of(dates[0]), self.of(dates[0]))
        low = start + (turns[0] - 1) * STEP
        high = min(start + turns[0] * STEP, end - 1)
        while high - low > 1:
            middle = (low + high) // 2
            if local_date(instant(middle), self.tz) == dates[0]:
                low = middle
            else:
                high = middle
        return _Change(high, self.of(dates[0]), self.of(dates[-1]))


@lru_cache(maxsize=2048)
def calendar_of(tz: ZoneName, week_start: WeekStart) -> Calendar:
    """Return the calendar of a zone; the same one as long as it is in use."""
    return Calendar(tz, week_start)
