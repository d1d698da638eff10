"""What time alone does to a user up to an instant: every input is preceded by it.

The rule: docs/reference/rules.md#what-time-alone-does.

In order: periods that are over (kept by a pause or a freeze, else the streak is lost) and freezes
that are earned; then what time triggers award, and boosts of this user that begin or end.
"""

from datetime import date
from typing import Final

from processor.rules import boosts, freezes, time_triggers
from processor.rules.decision import Decision
from processor.rules.user_state import Track
from schemas.entries import FreezesEntry, StreakEntry
from schemas.instants import Micros
from schemas.periods import Frequency, last_date, next_period
from schemas.streak_state import is_paused

# Entries of periods and freezes that one input may have; what is beyond is told in the last ones.
STEPS_MAX: Final = 1000


def conclude(decision: Decision) -> None:
    """Conclude what happened from the user's time before an input to the user's time now."""
    own, rules, now = decision.own, decision.rules, decision.now
    found: list[StreakEntry | FreezesEntry] = []
    for frequency, track in own.streaks.items():
        if frequency == rules.frequency and rules.freezes.most:
            continue
        if track.through is not None and track.through < now.periods[frequency].previous:
            found += _Periods(decision, frequency, track).conclude([])
    if rules.freezes.most:
        since = decision.calendar.today(decision.since)
        shown = own.streaks.get(rules.frequency)
        days: list[date] = []
        if since is not now:
            days = list(freezes.earning_days(own, rules, since.day, now.day))
        if days or (shown is not None and shown.length):
            found += _Periods(decision, rules.frequency, shown).conclude(days)
    if found:
        for entry in found:
            decision.conclude(entry)
        decision.reschedules = True
    if rules.timed:
        time_triggers.conclude(decision)
    if rules.user_boosts:
        _change_boosts(decision)


def next_due(decision: Decision) -> Micros | None:
    """Return when time alone will next do something to the user, None for never."""
    own, rules, calendar = decision.own, decision.rules, decision.calendar
    found: list[Micros] = []
    track = own.streaks.get(rules.frequency)
    if track is not None and track.length and track.through is not None:
        found.append(calendar.deadline(track.through, rules.frequency))
    if rules.freezes.most:
        day = freezes.next_earning_day(own, rules, decision.now.day)
        if day is not None:
            found.append(calendar.midnight(day))
    if rules.timed:
        tick = time_triggers.next_tick(own, rules)
        if tick is not None:
            found.append(tick)
    if rules.user_boosts:
        found += [at for at, _ in boosts.changes_of_user(rules, decision.user, calendar)]
    # A date may begin twice where clocks are set back over midnight: it is over by then.
    return min([at for at in found if at > own.time], default=None)


def _change_boosts(decision: Decision) -> None:
    changes = [
        it
        for it in boosts.changes_of_user(decision.rules, decision.user, decision.calendar)
        if decision.since < it[0] <= decision.own.time
    ]
    # Those of one instant stay in the order of the file.
    changes.sort(key=lambda it: it[0])
    for _, entry in changes:
        decision.conclude(entry)


class _Periods:
    """The periods of one streak that are over, and the freezes earned in between, date by date.

    Nothing is concluded before all is known: what is kept alike one after the other is one entry.
    """

    def __init__(self, decision: Decision, frequency: Frequency, track: Track | None) -> None:
        self._decision = decision
        self._frequency: Frequency = frequency
        self._track = track
        self._is_shown = frequency == decision.rules.frequency
        self._through = track.through if track is not None and track.length else None
        self._freezes = 0
        if self._is_shown and decision.rules.freezes.most:
            self._freezes = decision.own.freezes
        self._found: list[StreakEntry | FreezesEntry] = []
        # The last entry of each kind, as long as what follows may be told in it.
        self._kept: StreakEntry | None = None
        self._earned: FreezesEntry | None = None

    def conclude(self, earning: list[date]) -> list[StreakEntry | FreezesEntry]:
        """Return all of it; `earning` are the dates, up to now, on which freezes are earned."""
        tz, frequency = self._decision.now.tz, self._frequency
        current = self._decision.now.periods[frequency].first
        index = 0
        while True:
            period: date | None = None
            if self._through is not None:
                period = next_period(self._through, frequency, tz)
                if period >= current:
                    period = None
            day = earning[index] if index < len(earning) else None
            # At the same midnight what was missed comes first: consumed before earned.
            if day is not None and (period is None or day <= last_date(period, frequency)):
                self._earn(day)
                index += 1
            elif period is not None:
                self._close(period)
            else:
                break
        if len(self._found) >= STEPS_MAX:
            if self._kept is not None and self._kept.freezes is not None:
                self._kept.freezes = self._freezes
            if self._earned is not None:
                self._earned.freezes = self._freezes
        return self._found

    def _close(self, period: date) -> None:
        track = self._track
        assert track is not None
        if is_paused(self._decision.own.pauses, period, self._frequency):
            self._keep(track, period, is_frozen=False)
        elif self._freezes:
            self._freezes -= 1
            self._keep(track, period, is_frozen=True)
        else:
            self._found.append(
                StreakEntry(
                    self._frequency,
                    "lost",
                    0,
                    None,
                    period,
                    None,
                    lost=track.length,
                    quiet=not self._is_shown,
                )
            )
            self._through = None

    def _keep(self, track: Track, period: date, *, is_frozen: bool) -> None:
        self._through = period
        entry = self._kept
        if entry is None or (
            (entry.change == "frozen") != is_frozen and len(self._found) < STEPS_MAX
        ):
            entry = StreakEntry(
                self._frequency,
                "frozen" if is_frozen else "paused",
                track.length,
                track.started,
                period,
                period,
                since=period,
                quiet=not is_frozen or not self._is_shown,
            )
            self._found.append(entry)
            self._kept = entry
        entry.period = entry.through = period
        if is_frozen:
            entry.consumed = (entry.consumed or 0) + 1
            entry.freezes = self._freezes

    def _earn(self, day: date) -> None:
        entry = freezes.earned(self._freezes, self._decision.rules, day)
        if entry is None:
            return
        self._freezes = entry.freezes
        if self._earned is not None and len(self._found) >= STEPS_MAX:
            entry.amount += self._earned.amount
            self._found.remove(self._earned)
        else:
            self._kept = None
        self._found.append(entry)
        self._earned = entry
