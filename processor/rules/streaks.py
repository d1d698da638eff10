"""Streaks: daily, weekly and monthly at once, in the user's time zone.

The rule: docs/reference/rules.md#streaks.

A track is alive in a period if it is kept up to the period before it. `through` says up to where
it is kept: a satisfied period moves it, and so does whatever protects a period that was missed.
What time alone does to a streak is in elapsed_time.
"""

from datetime import date

from processor.rules import preferences
from processor.rules.decision import Decision
from processor.rules.ruleset import Ruleset, StreakRule
from processor.rules.user_state import Track, UserState
from schemas.calendar import Today
from schemas.entries import ProgressEntry, StreakEntry
from schemas.numbers import Number, add
from schemas.periods import FREQUENCIES, Frequency, Period
from schemas.streak_state import StreakState, streak_state
from schemas.text import MetricKey


def carry(decision: Decision) -> None:
    """Conclude what a new time zone asks for: dates that it skipped never break a streak.

    The user's time was brought up to now under the old zone; `decision.now` is of the new one.
    """
    for frequency, track in decision.own.streaks.items():
        if not track.length or track.through is None or track.period is None:
            continue
        # Anew with every move: what was skipped on the way out is not skipped after the way back.
        # What was protected stays so: a second freeze for the same date would be one too many.
        kept = max(track.period, decision.now.periods[frequency].previous)
        if track.kept is not None and track.kept > kept:
            kept = track.kept
        if track.through != kept:
            decision.conclude(
                StreakEntry(
                    frequency,
                    "carried",
                    track.length,
                    track.started,
                    track.period,
                    kept,
                    quiet=True,
                )
            )


def count(decision: Decision, metric: MetricKey, value: Number) -> None:
    """Conclude what an event does to the streaks: extended, started, or a step towards it.

    A late event counts only where the period that it belongs to is the period that is open.
    """
    own = decision.own
    rule = decision.rules.streak
    if own.preferences is not None:
        rule = preferences.streak_rule_of(own, decision.rules)
    if rule is None:
        return
    now, day = decision.now, decision.day
    is_condition = metric in rule.least
    unsatisfied: dict[Frequency, tuple[date, Number]] = {}
    for frequency in FREQUENCIES:
        track = own.streaks.get(frequency)
        current = now.periods[frequency]
        changes: dict[MetricKey, Number] | None = None
        if track is not None:
            if track.period is not None and current.first <= track.period:
                # Neither a period twice, nor one before it after a move to the west.
                continue
            changes = track.changes.get(current.first)
        if not is_condition and not changes:
            # Neither does this event move it, nor did one before.
            continue
        if day != now.day and decision.calendar.of(day).periods[frequency].first != current.first:
            continue
        change = value
        if changes is not None and metric in changes:
            change = add(changes[metric], value)
        if _holds(rule, metric, change, changes):
            _extend(decision, frequency, track, current)
        elif is_condition:
            unsatisfied[frequency] = (current.first, change)
    if unsatisfied:
        decision.conclude(ProgressEntry(metric, unsatisfied))


def _holds(
    rule: StreakRule, metric: MetricKey, change: Number, changes: dict[MetricKey, Number] | None
) -> bool:
    for key, least in rule.least.items():
        if key == metric:
            reached = change >= least
        else:
            reached = changes is not None and changes.get(key, 0) >= least
        if reached != rule.every:
            # All are needed and one is missing, or one is enough and here it is.
            return not rule.every
    return rule.every


def _extend(decision: Decision, frequency: Frequency, track: Track | None, current: Period) -> None:
    first = current.first
    if (
        track is None
        or not track.length
        or track.through is None
        or track.through < current.previous
    ):
        entry = StreakEntry(frequency, "started", 1, decision.day, first, first)
    else:
        through = max(track.through, first)
        length = track.length + 1
        entry = StreakEntry(frequency, "extended", length, track.started, first, through)
    if frequency != decision.rules.frequency:
        entry.quiet = True
    else:
        decision.length = entry.length
    decision.conclude(entry)
    decision.reschedules = True


def state_of(own: UserState, rules: Ruleset, now: Today) -> StreakState:
    """Return the streak of the game's frequency as an answer shows it, at the user's time."""
    track = own.streaks.get(rules.frequency)
    has_freezes = rules.freezes.most > 0
    freezes = own.freezes if has_freezes else 0
    if track is None or preferences.streak_rule_of(own, rules) is None:
        state = StreakState(rules.frequency, 0)
    else:
        state = streak_state(
            rules.frequency, track.length, track.started, track.through, now, own.pauses, freezes
        )
    if has_freezes:
        state.freezes = freezes
    return state
