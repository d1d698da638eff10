"""Points: which triggers an input sets off, and what each awards.

The rule: docs/reference/rules.md#points.
"""

from collections.abc import Mapping, Sequence
from typing import assert_never

from processor.rules.attributes import matches
from processor.rules.boosts import boosted, boosts_for
from processor.rules.decision import Decision
from processor.rules.left import Refused
from processor.rules.ruleset import BoostRule, MetricPlan, SystemRule
from processor.rules.triggers import (
    AchievementTriggerRule,
    InputTriggerRule,
    MetricTriggerRule,
    StreakTriggerRule,
)
from processor.rules.user_state import Balance, UserState
from schemas.entries import PointsEntry
from schemas.numbers import WHOLE_MAX, Number, add, multiples
from schemas.text import AttributeKey, AttributeText, SystemKey, TriggerKey


def of_creation(decision: Decision) -> Refused | None:
    """Conclude the awards for a user's first event."""
    for system in decision.rules.creation:
        for trigger in system.creation:
            if matches(trigger.user, decision.own.attributes):
                refused = award(decision, system, trigger.key, trigger.points)
                if refused is not None:
                    return refused
    return None


def of_input(decision: Decision) -> Refused | None:
    """Conclude the awards of what the input brought about: by system, in the order of the file."""
    for plan in decision.plans:
        for trigger in plan.triggers:
            times = _times(decision, trigger)
            if times and (not trigger.user or matches(trigger.user, decision.own.attributes)):
                points = times * trigger.points
                refused = award(decision, plan.system, trigger.key, points)
                if refused is not None:
                    return refused
    return None


def _times(decision: Decision, trigger: InputTriggerRule) -> int:
    if isinstance(trigger, MetricTriggerRule):
        move = decision.moves.get(trigger.series)
        # Without a move the event does not match the trigger's filter.
        return 0 if move is None else crossed(move.peak, move.total, trigger.step)
    if isinstance(trigger, StreakTriggerRule):
        length = decision.length
        return 1 if length and length % trigger.length == 0 else 0
    if isinstance(trigger, AchievementTriggerRule):
        return 1 if trigger.achievement in decision.completed else 0
    assert_never(trigger)


def crossed(peak: Number, total: Number, step: int) -> int:
    """Return how many multiples of a step a total has passed that no value had reached before."""
    # What was reached once is not awarded again after a fall.
    if total <= peak:
        return 0
    if isinstance(total, int) and isinstance(peak, int):
        return total // step - peak // step
    return multiples(total, step) - multiples(peak, step)


def award(
    decision: Decision, system: SystemRule, trigger: TriggerKey | None, points: int
) -> Refused | None:
    """Conclude an award or deduction: boosted, then as far as the cap or zero lets it."""
    if not system.boosts or points <= 0:
        return award_exactly(decision, system, trigger, points)
    boosts = boosts_for(system, decision.user, decision.own, decision.day)
    return award_exactly(decision, system, trigger, boosted(points, boosts), boosts)


def award_exactly(
    decision: Decision,
    system: SystemRule,
    trigger: TriggerKey | None,
    points: int,
    boosts: Sequence[BoostRule] = (),
) -> Refused | None:
    """Conclude an award or deduction as far as the cap or zero lets it; without effect, nothing."""
    known = decision.own.points.get(system.key)
    awarded = effective(system, known, points)
    if not awarded:
        return None
    # More than readers can have exactly, now or as a sum of any days.
    if abs(awarded) + (0 if known is None else known.moved) > WHOLE_MAX:
        return Refused(
            "invalid",
            f"the points of the user in {system.key!r} would have moved by more than {WHOLE_MAX} "
            "in all: smaller values or points are needed",
        )
    total = awarded if known is None else known.total + awarded
    if system.key not in decision.balances:
        decision.balances[system.key] = None if known is None else known.total
    entry = PointsEntry(system.key, trigger, awarded, total)
    if boosts:
        entry.boosts = tuple([it.key for it in boosts])
    if decision.reason is not None:
        entry.reason = decision.reason
    if decision.quiet:
        entry.quiet = True
    decision.conclude(entry)
    return None


def effective(system: SystemRule, known: Balance | None, points: int) -> int:
    """Return what is left of points: the cap on the balance and zero are its bounds."""
    held = 0 if known is None else known.total
    if points <= 0:
        return max(points, -held)
    return points if system.cap is None else max(0, min(points, system.cap - held))


def blocked(
    decision: Decision,
    plan: MetricPlan,
    value: Number,
    attributes: Mapping[AttributeKey, AttributeText],
) -> Refused | None:
    """Return a refusal where an event would take more points than there are, None where it may.

    The deductions of triggers with blockIfOutOfPoints count, against the balance before the event.
    """
    own = decision.own
    for blocking in plan.blocking:
        left = balance_of(own, blocking.system)
        for trigger in blocking.triggers:
            if not (
                _counts_in(plan, trigger, attributes) and matches(trigger.user, own.attributes)
            ):
                continue
            known = own.series.get(trigger.series)
            peak = known.peak if known is not None else 0
            total = add(known.total, value) if known is not None else value
            left += trigger.points * crossed(peak, total, trigger.step)
            if left < 0:
                reason = f"the user has too few points in {blocking.system!r} for this event"
                return Refused("blocked", reason)
    return None


def _counts_in(
    plan: MetricPlan,
    trigger: MetricTriggerRule,
    attributes: Mapping[AttributeKey, AttributeText],
) -> bool:
    for it in plan.filters:
        if it.series == trigger.series:
            return matches(it.wanted, attributes)
    # The whole metric, without a filter.
    return True


def balance_of(own: UserState, system: SystemKey) -> int:
    """Return a balance; 0 before the first award."""
    known = own.points.get(system)
    return known.total if known is not None else 0
