"""The streak of one user at one frequency, in the reference implementation.

A game keeps three of these for each user. None of them knows points or achievements, freezes or
pauses: what keeps a missed period is asked for by `conclude`.

Nothing may be imported here but the standard library and this reference's own files.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from reference.exact import add
from reference.periods import (
    ONE_DAY,
    last_date,
    local_date,
    period_after,
    period_at,
    period_before,
    period_of,
)

DAYS_BACK = 90


@dataclass(frozen=True)
class Conditions:
    """What has to be done within a period: thresholds by metric, and whether all are needed."""

    thresholds: tuple[tuple[str, Decimal], ...]
    all_needed: bool

    def hold(self, changes: dict[str, Decimal]) -> bool:
        """Whether the changes of the metrics within a period are enough."""
        reached = [changes.get(key, Decimal(0)) >= least for key, least in self.thresholds]
        # The guard is there because all() of nothing is true: no condition means no streak.
        return bool(reached) and (all(reached) if self.all_needed else any(reached))

    def name(self, metric: str) -> bool:
        """Whether a metric is one of those that have a threshold."""
        return any(key == metric for key, _ in self.thresholds)


class Protection(Protocol):
    """What may keep a streak alive over a missed period."""

    def keep(self, frequency: str, period: date) -> str | None:
        """What keeps this period, "paused" or "frozen"; None if it is missed for good."""


class StreakChange(NamedTuple):
    """Something that happened to a streak; the period is the one that it happened for."""

    frequency: str
    change: str
    length: int
    period: date
    # For a loss: the length that was lost.
    lost: int | None = None


class Lost(NamedTuple):
    """A streak that was lost: the period that satisfied it last, its length and its beginning."""

    period: date
    length: int
    started: date


@dataclass
class Streak:
    """A streak, up to date as of the latest instant that was seen of its user."""

    frequency: str
    week_start: str
    length: int = 0
    longest: int = 0
    # The user's local date when the streak began; None while there is no streak.
    started: date | None = None
    # It stays after a loss, because a period that was satisfied once must not count again.
    last_satisfied: date | None = None
    # The last period that was satisfied or protected; None while there is no streak.
    last_kept: date | None = None
    # The streak is lost when this period ends unsatisfied; None while there is no streak.
    last_chance: date | None = None
    # What was counted in each period, by metric.
    changes: dict[date, dict[str, Decimal]] = field(default_factory=dict)
    # What was lost since the last time that something was restored.
    past: list[Lost] = field(default_factory=list)

    def period_of(self, day: date) -> date:
        """The period of this streak's frequency that a date belongs to."""
        return period_of(day, self.frequency, self.week_start)

    def period_at(self, instant: datetime, zone: ZoneInfo) -> date:
        """The period of this streak's frequency that the instant lies in."""
        return period_at(instant, zone, self.frequency, self.week_start)

    def conclude(self, day: date, zone: ZoneInfo, protection: Protection) -> list[StreakChange]:
        """Let it become this date: every last chance that is over by then is kept or missed."""
        happened = []
        while self.last_chance is not None and self.last_chance < self.period_of(day):
            missed = self.last_chance
            kept = protection.keep(self.frequency, missed)
            if kept is None:
                happened.append(self.lose(missed))
            else:
                self.last_kept = missed
                self.last_chance = period_after(missed, zone, self.frequency)
                happened.append(StreakChange(self.frequency, kept, self.length, missed))
        return happened

    def lose(self, missed: date) -> StreakChange:
        """End the streak, because of a period; one that is lost can be given back."""
        assert self.last_satisfied is not None
        assert self.started is not None
        self.past.append(Lost(self.last_satisfied, self.length, self.started))
        change = StreakChange(self.frequency, "lost", 0, missed, self.length)
        self.length = 0
        self.started = None
        self.last_kept = None
        self.last_chance = None
        return change

    def change_zone(self, now: datetime, new_zone: ZoneInfo) -> None:
        """Carry a streak into another time zone; call it after concluding under the old one.

        A streak that is alive now in the old zone is alive in the current period of the new
        zone too, even if the user's calendar jumped over dates. On what comes afterwards the
        new zone alone decides, which is why the last chance is found anew.
        """
        if self.length == 0 or self.last_kept is None:
            return
        by_the_calendar = period_after(self.last_kept, new_zone, self.frequency)
        self.last_chance = max(by_the_calendar, self.period_at(now, new_zone))

    def count(
        self,
        metric: str,
        value: Decimal,
        day: date,
        now: datetime,
        zone: ZoneInfo,
        conditions: Conditions,
    ) -> list[StreakChange]:
        """Count an event; the answer says whether it started or extended the streak.

        `day` is the event's date; `now` is the user's time, which is later if the event is late.
        """
        period = self.period_of(day)
        if period != self.period_at(now, zone):
            return []
        if self.last_satisfied is not None and period <= self.last_satisfied:
            return []
        changes = self.changes.setdefault(period, {})
        # A metric that becomes a condition within a period counts from then on.
        if conditions.name(metric):
            changes[metric] = add(changes.get(metric, Decimal(0)), value)
        if not conditions.hold(changes):
            return []
        return [self._satisfy(period, day, zone)]

    def _satisfy(self, period: date, day: date, zone: ZoneInfo) -> StreakChange:
        change = "extended" if self.length else "started"
        if self.length == 0:
            self.started = day
        self.length += 1
        self.longest = max(self.longest, self.length)
        self.last_satisfied = period
        self.last_kept = max(period, self.last_kept or period)
        self.last_chance = period_after(self.last_kept, zone, self.frequency)
        return StreakChange(self.frequency, change, self.length, period)

    def restorable(self, today: date) -> Lost | None:
        """The longest of the lost streaks that are not too long ago, if it is worth anything."""
        first = self._window(today)
        recent = [lost for lost in self.past if lost.period >= first]
        # Of equal ones the latest.
        best = max(reversed(recent), key=lambda lost: lost.length, default=None)
        return best if best is not None and best.length > self.length else None

    def _window(self, today: date) -> date:
        if self.frequency == "daily":
            return today - DAYS_BACK * ONE_DAY
        if self.frequency == "weekly":
            return self.period_of(date(today.year, 1, 1))
        return date(today.year - 1, 1, 1)

    def restore(self, lost: Lost, today: date, zone: ZoneInfo) -> StreakChange:
        """Give a lost streak back: it goes on as if all up to the current period had been kept."""
        before = period_before(self.period_of(today), zone, self.frequency)
        self.length = lost.length
        self.started = lost.started
        self.last_kept = max(before, self.last_kept or before)
        after = period_after(self.last_kept, zone, self.frequency)
        self.last_chance = max(after, self.last_chance or after)
        self.past = []
        return StreakChange(self.frequency, "restored", self.length, self.period_of(today))

    def expires(self, zone: ZoneInfo, pauses: list[Pause]) -> date | None:
        """The last date on which the streak can be saved; None while there is no streak."""
        if self.last_chance is None:
            return None
        period = self.last_chance
        while is_paused(period, self.frequency, pauses):
            period = period_after(period, zone, self.frequency)
        return last_date(period, self.frequency)

    def length_at(self, instant: datetime, zone: ZoneInfo, protection: Protection) -> int:
        """The length to show at an instant, which reading does not change."""
        later = copy(self)
        later.past = []
        later.conclude(local_date(instant, zone), zone, protection)
        return later.length


class Pause(NamedTuple):
    """Local dates, both included, that need no activity."""

    id: str
    start: date
    end: date


def is_paused(period: date, frequency: str, pauses: list[Pause]) -> bool:
    """Whether any date of a period is paused: that protects all of it."""
    last = last_date(period, frequency)
    return any(pause.start <= last and period <= pause.end for pause in pauses)
