"""A user's own streak settings: off, other conditions, another evaluation.

The rule: docs/reference/rules.md#preferences.
"""

from processor.rules.decision import Decision
from processor.rules.left import UNCHANGED, Refused, Unchanged
from processor.rules.ruleset import Ruleset, StreakRule
from processor.rules.user_state import UserState
from schemas.entries import (
    PreferencesEntry,
    StreakEntry,
    StreakMetricPreference,
    StreakPreferences,
)
from schemas.inputs.streaks import StreakPreferencesIn
from schemas.text import MetricKey

NOTHING_SET = StreakPreferences()


def streak_rule_of(own: UserState, rules: Ruleset) -> StreakRule | None:
    """Return the conditions of a user's streak, None where there can be none."""
    mine = own.preferences
    if mine is None:
        return rules.streak
    if not rules.streak_enabled or mine.enabled is False:
        return None
    if not rules.personalization or (mine.metrics is None and mine.evaluationMode is None):
        return rules.streak
    least = dict(rules.streak.least) if rules.streak is not None else {}
    if mine.metrics is not None:
        least = {it.metric: it.threshold for it in mine.metrics if it.metric in rules.plans}
    every = rules.streak_every
    if mine.evaluationMode is not None:
        every = mine.evaluationMode == "AND"
    return StreakRule(least, every=every) if least else None


def problem(given: StreakPreferencesIn, rules: Ruleset) -> Refused | None:
    """Return why a user cannot have these settings, None if they can."""
    if given.evaluationMode is None and given.metrics is None:
        return None
    if not rules.personalization:
        reason = "personalization of streaks is not enabled: only `enabled` may be set"
        return Refused("invalid", reason)
    seen: set[MetricKey] = set()
    for it in given.metrics or ():
        if it.metric not in rules.plans:
            known = ", ".join(sorted(rules.plans)) or "none"
            return Refused("invalid", f"there is no metric {it.metric!r} (known: {known})")
        if it.metric in seen:
            return Refused("invalid", f"the metric {it.metric!r} is a condition already")
        if it.threshold <= 0:
            return Refused("invalid", "a threshold must be greater than 0")
        seen.add(it.metric)
    return None


def change(decision: Decision, given: StreakPreferencesIn) -> Unchanged | None:
    """Conclude what setting them leads to: UNCHANGED where they are set already.

    A streak that is turned off is gone, and nobody is notified.
    """
    before = decision.own.preferences or NOTHING_SET
    metrics = before.metrics
    if given.metrics is not None:
        metrics = tuple([StreakMetricPreference(it.metric, it.threshold) for it in given.metrics])
    merged = StreakPreferences(
        before.enabled if given.enabled is None else given.enabled,
        before.evaluationMode if given.evaluationMode is None else given.evaluationMode,
        metrics,
    )
    if merged == before:
        return UNCHANGED
    decision.conclude(PreferencesEntry(merged))
    if merged.enabled is False:
        _end_streaks(decision)
    decision.reschedules = True
    return None


def _end_streaks(decision: Decision) -> None:
    for frequency, track in decision.own.streaks.items():
        if track.through is not None:
            decision.conclude(
                StreakEntry(
                    frequency,
                    "lost",
                    0,
                    None,
                    track.through,
                    None,
                    lost=track.length,
                    quiet=True,
                )
            )
