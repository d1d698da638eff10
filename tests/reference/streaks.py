"""The streak of one user at one frequency, in the reference implementation.

A game keeps three of these for each user. None of them knows points or achievements.

Nothing may be imported here but the standard library and this reference's own files.

Freezes and pauses are not here yet. They belong in `Streak.conclude`, which walks over the
missed periods one by one, and nowhere else.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from reference.checking import Checked
from reference.exact import add
from reference.periods import local_date, period_after, period_at


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
    # The streak is lost when this period ends unsatisfied; None while there is no streak.
    last_chance: date | None = None
    # What was counted in each period, by metric.
    changes: dict[date, dict[str, Decimal]] = field(default_factory=dict)

    def period_at(self, instant: datetime, zone: ZoneInfo) -> date:
        """The period of this streak's frequency that the instant lies in."""
        return period_at(instant, zone, self.frequency, self.week_start)

    def conclude(self, now: datetime, zone: ZoneInfo) -> None:
        """Let time pass until now: a last chance that is over ends the streak."""
        while self.last_chance is not None and self.last_chance < self.period_at(now, zone):
            self._miss()

    def _miss(self) -> None:
        # A freeze or a pause would move the last chance one period on here, instead of this.
        self.length = 0
        self.started = None
        self.last_chance = None

    def change_zone(self, now: datetime, new_zone: ZoneInfo) -> None:
        """Carry a streak into another time zone; call it after concluding under the old one.

        A streak that is alive now in the old zone is alive in the current period of the new
        zone too, even if the user's calendar jumped over dates. On what comes afterwards the
        new zone alone decides, which is why the last chance is found anew.
        """
        if self.length == 0 or self.last_satisfied is None:
            return
        by_the_calendar = period_after(self.last_satisfied, new_zone, self.frequency)
        self.last_chance = max(by_the_calendar, self.period_at(now, new_zone))

    def count(self, event: Checked, now: datetime, zone: ZoneInfo, conditions: Conditions) -> bool:
        """Count an event; the answer is whether it started or lengthened the streak.

        `now` is the user's time, which is later than the event's own if the event is late.
        """
        period = self.period_at(event.at, zone)
        if period != self.period_at(now, zone):
            return False
        changes = self.changes.setdefault(period, {})
        changes[event.metric] = add(changes.get(event.metric, Decimal(0)), event.value)
        if self.last_satisfied is not None and period <= self.last_satisfied:
            return False
        if not conditions.hold(changes):
            return False
        self._satisfy(period, event.at, zone)
        return True

    def _satisfy(self, period: date, at: datetime, zone: ZoneInfo) -> None:
        if self.length == 0:
            self.started = local_date(at, zone)
        self.length += 1
        self.longest = max(self.longest, self.length)
        self.last_satisfied = period
        self.last_chance = period_after(period, zone, self.frequency)

    def length_at(self, instant: datetime, zone: ZoneInfo) -> int:
        """The length to show at an instant, which reading does not change."""
        later = copy(self)
        later.conclude(instant, zone)
        return later.length
