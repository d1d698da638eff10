"""What inputs of known users other than metric events mean: of operators, the clock, the backfill.

Each is concluded by the rules in the files beside. What is to be refused or left unchanged without
looking at time is told first.
"""

from typing import assert_never

from processor.rules import (
    achievements,
    corrections,
    elapsed_time,
    freezes,
    pauses,
    points,
    preferences,
    restore,
    streaks,
    totals,
)
from processor.rules.decision import Decision
from processor.rules.left import UNCHANGED, Refused, Unchanged
from schemas.entries import BackfillEntry, CorrectionEntry
from schemas.inputs import (
    Adjustment,
    Backfill,
    Correction,
    Due,
    FreezeGrant,
    OfKnown,
    PauseAddition,
    PauseRemoval,
    Preferences,
    StreakRestoration,
)
from schemas.instants import instant, read_instant
from schemas.numbers import Number, add, negated
from schemas.zones import local_date

Left = Refused | Unchanged | None


def conclude(  # noqa: PLR0911  one case for each kind of input
    decision: Decision, given: OfKnown, corrected: Number | None
) -> Left:
    """Conclude an input of a user who is known; None when something was concluded.

    `corrected` is the value that the event of a correction has come to by earlier ones, None while
    that is as it came.
    """
    match given:
        case Due():
            return _due(decision, given)
        case Adjustment():
            return _adjustment(decision, given)
        case Correction():
            return _correction(decision, given, given.was if corrected is None else corrected)
        case Backfill():
            return _backfill(decision, given)
        case FreezeGrant():
            elapsed_time.conclude(decision)
            return freezes.grant(decision)
        case PauseAddition():
            if pauses.is_known(decision.own, given.id):
                return UNCHANGED
            elapsed_time.conclude(decision)
            return pauses.add(decision, given)
        case PauseRemoval():
            if not pauses.is_known(decision.own, given.id):
                return UNCHANGED
            elapsed_time.conclude(decision)
            pauses.remove(decision, given.id)
            return None
        case StreakRestoration():
            elapsed_time.conclude(decision)
            return restore.restore(decision)
        case Preferences():
            elapsed_time.conclude(decision)
            refused = preferences.problem(given.streak, decision.rules)
            return refused or preferences.change(decision, given.streak)
        case _:
            assert_never(given)


def _due(decision: Decision, given: Due) -> Left:
    due = decision.own.due
    if due is None or due > read_instant(given.at):
        return UNCHANGED
    elapsed_time.conclude(decision)
    return None


def _adjustment(decision: Decision, given: Adjustment) -> Left:
    system = next((it for it in decision.rules.systems if it.key == given.system), None)
    if system is None:
        known = ", ".join(it.key for it in decision.rules.systems) or "none"
        reason = f"there is no points system {given.system!r} (known: {known})"
        return Refused("not_found", reason)
    elapsed_time.conclude(decision)
    decision.reason = given.reason
    if points.effective(system, decision.own.points.get(system.key), given.points) == 0:
        limit = "0" if given.points < 0 else f"its maximum, {system.cap}"
        return Refused("invalid", f"the balance is at {limit} already")
    # What an operator gives is not boosted.
    return points.award_exactly(decision, system, None, given.points)


def _correction(decision: Decision, given: Correction, value: Number) -> Left:
    plan = decision.rules.plans.get(given.metric)
    if plan is None:
        return Refused("not_found", f"there is no metric {given.metric!r} any more")
    wanted = 0 if given.value is None else given.value
    if wanted == value:
        return UNCHANGED
    elapsed_time.conclude(decision)
    change = add(wanted, negated(value))
    decision.conclude(CorrectionEntry(given.event, value, wanted, given.reason))
    at = instant(read_instant(given.at))
    decision.day = given.day or local_date(at, decision.now.tz)
    decision.plans = plan.full
    total = totals.moved(decision, plan, change, given.attributes)
    if change < 0:
        corrections.lower_peaks(decision, total, change)
    decision.conclude(total)
    streaks.count(decision, plan.metric, change)
    if change > 0:
        achievements.by_metric(decision, plan)
    if decision.length is not None:
        achievements.by_streak(decision, decision.length)
    if decision.completed:
        achievements.by_others(decision)
    decision.reason = given.reason
    refused = corrections.take_back(decision) if change < 0 else None
    return refused or points.of_input(decision)


def _backfill(decision: Decision, given: Backfill) -> Left:
    if decision.own.known >= given.version:
        return UNCHANGED
    elapsed_time.conclude(decision)
    series = totals.merged_series(decision.own, decision.rules, given)
    decision.conclude(BackfillEntry(given.version, series))
    decision.reschedules = True
    decision.quiet = True
    achievements.by_past(decision)
    decision.plans = decision.rules.general
    return points.of_input(decision)
