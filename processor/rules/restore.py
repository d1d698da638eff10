"""Restoring a lost streak: the greatest length lost within a window.

The rule: docs/reference/rules.md#restoring-a-streak.
"""

from datetime import date, timedelta
from typing import Final

from processor.rules import preferences
from processor.rules.decision import Decision
from processor.rules.left import Refused
from processor.rules.ruleset import Ruleset
from schemas.calendar import Today
from schemas.entries import StreakEntry
from schemas.periods import FREQUENCIES, Frequency, period_of

DAYS_BACK: Final = 90
NOTHING: Final = Refused("invalid", "No streak to restore")


def restore(decision: Decision) -> Refused | None:
    """Conclude the streaks that are given back, of each frequency; refused if the game's has none.

    A restored streak goes on as if the current period were open; it awards nothing.
    """
    own, rules, today = decision.own, decision.rules, decision.now
    if preferences.streak_rule_of(own, rules) is None:
        # One who has turned the streak off has none, and is notified of none.
        return NOTHING
    found: list[StreakEntry] = []
    for frequency in FREQUENCIES:
        track = own.streaks.get(frequency)
        if track is None or track.period is None:
            continue
        since = _window(frequency, rules, today)
        length, started = track.length, None
        for lost in track.past:
            if lost.period >= since and lost.length > length:
                length, started = lost.length, lost.started
        if started is None:
            continue
        through = today.periods[frequency].previous
        if track.through is not None and track.through > through:
            through = track.through
        entry = StreakEntry(frequency, "restored", length, started, track.period, through)
        if frequency != rules.frequency:
            entry.quiet = True
        found.append(entry)
    if not any(it.frequency == rules.frequency for it in found):
        return NOTHING
    for entry in found:
        decision.conclude(entry)
    decision.reschedules = True
    return None


def _window(frequency: Frequency, rules: Ruleset, today: Today) -> date:
    """Return the first date whose period a streak may have been kept in."""
    if frequency == "daily":
        return today.day - timedelta(days=DAYS_BACK)
    if frequency == "weekly":
        return period_of(date(today.day.year, 1, 1), "weekly", rules.week_start)
    return date(today.day.year - 1, 1, 1)
