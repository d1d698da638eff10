"""One input being played, in the reference implementation: a copy of its user, and what came of it.

Nothing may be imported but the standard library and this reference's own files.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from reference.checking import Given
from reference.people import (
    Deed,
    Freezes,
    Frozen,
    LevelChange,
    Outcome,
    Shown,
    StreakAfter,
    User,
)
from reference.periods import last_date, load_zone, local_date
from reference.rules import Counted, Rules
from reference.streaks import Conditions, Streak, StreakChange, is_paused


class NothingToDoError(Exception):
    """What the input asks for has been done already."""


@dataclass
class Turn:
    """What an input has brought about up to now. The user is a copy, in case it is refused."""

    rules: Rules
    user: User
    given: Given
    outcome: Outcome = field(default_factory=lambda: Outcome("applied"))
    # The deed that counts, and the totals that it moved: highest value before it, total after it,
    # highest value after it.
    deed: Deed | None = None
    moved: dict[Counted, tuple[Decimal, Decimal, Decimal]] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that the user's periods follow."""
        return load_zone(self.user.tz or self.rules.settings.get("defaultTimeZone", "UTC"))

    @property
    def today(self) -> date:
        """The user's date."""
        return local_date(self.user.now, self.zone)

    @property
    def streak(self) -> Streak:
        """The streak of the configured frequency."""
        return self.user.streaks[self.rules.frequency]

    @property
    def conditions(self) -> Conditions:
        """The conditions of this user's streak."""
        return self.rules.conditions_for(self.user.preferences)

    @property
    def reached(self) -> int | None:
        """The length that the configured streak has come to, if the input lengthened it."""
        for change in self.outcome.streaks:
            if (
                isinstance(change, StreakChange)
                and change.frequency == self.rules.frequency
                and change.change in ("started", "extended")
            ):
                return change.length
        return None

    def keep(self, frequency: str, period: date) -> str | None:
        """What keeps a missed period: a pause before a freeze, of which it consumes one."""
        if is_paused(period, frequency, self.user.pauses):
            return "paused"
        if frequency == self.rules.frequency and self.rules.max_freezes and self.user.freezes:
            self.user.freezes -= 1
            return "frozen"
        return None

    def tell_streaks(self, changes: list[StreakChange]) -> None:
        """Add changes to the outcome; frozen ones with what is left after the last of them."""
        consumed = [change for change in changes if change.change == "frozen"]
        for change in changes:
            if change.change == "frozen":
                consumed.remove(change)
                self.outcome.streaks.append(Frozen(change, self.user.freezes + len(consumed)))
            else:
                self.outcome.streaks.append(change)

    def tell_freezes(self, change: str, amount: int, day: date) -> None:
        """Give the user freezes, as many as still fit; nothing is told of none."""
        amount = min(amount, self.rules.max_freezes - self.user.freezes)
        if amount > 0:
            self.user.freezes += amount
            if change == "earned":
                self.user.earned_on = day
            self.outcome.streaks.append(Freezes(change, amount, self.user.freezes, day))

    def finish(self, before: User | None) -> Outcome:
        """Close with the levels that follow and with how things stand."""
        for system in self.rules.systems:
            key = system["key"]
            old = level(system, before.points.get(key) if before else None)
            new = level(system, self.user.points.get(key))
            if old != new:
                self.outcome.levels.append(LevelChange(key, old, new))
        if self.given.key is not None:
            self.user.keys |= {(self.given.scope, self.given.key)}
        self.look()
        return self.outcome

    def look(self) -> None:
        """Put into the outcome how things stand."""
        streak = self.streak
        length = streak.length if self.conditions.thresholds else 0
        self.outcome.streak = StreakAfter(length, self.reached is not None)
        self.outcome.shown = Shown(0)
        if length:
            period = streak.period_of(self.today)
            self.outcome.shown = Shown(
                length,
                streak.started,
                period,
                last_date(period, streak.frequency),
                streak.expires(self.zone, self.user.pauses),
            )
        if self.given.kind in ("metric", "correction"):
            self.outcome.total = self.user.total((self.given.told["metric"], frozenset()))


def level(system: dict, balance: int | None) -> str | None:
    """The highest level reached; a balance of None says that there is no award row yet."""
    if balance is None:
        return None
    levels = [it for it in system.get("levels") or [] if not it.get("archived")]
    reached = [it for it in levels if it["points"] <= balance]
    return max(reached, key=lambda it: it["points"])["key"] if reached else None


def day_of(turn: Turn) -> date:
    """The user's date of what is being played: a correction is of the event that it corrects."""
    told = turn.given.told
    if turn.given.kind != "correction":
        return local_date(turn.given.at, turn.zone)
    if told.get("day") is not None:
        return date.fromisoformat(told["day"])
    return local_date(datetime.fromisoformat(told["at"]), turn.zone)
