"""Corrections: an earlier event counts with another value from here on, by new entries alone.

The rule: docs/reference/rules.md#corrections.

A correction is worked out as an event of the difference, at the time of the event that it corrects.
Where it takes away, the highest values so far go down with it, and what triggers had given for the
multiples that are no longer reached is taken back. Achievements and extended streaks stay.
"""

from processor.rules.attributes import matches
from processor.rules.boosts import boosted, boosts_for
from processor.rules.decision import Decision
from processor.rules.left import Refused
from processor.rules.points import award_exactly
from processor.rules.triggers import MetricTriggerRule
from schemas.entries import TotalEntry
from schemas.numbers import Number, add, multiples


def lower_peaks(decision: Decision, entry: TotalEntry, change: Number) -> None:
    """Add the highest values so far, as a lowering leaves them, to the entry of the total.

    As if the event had had the lower value: the mark goes down as far, but not below the total.
    """
    for series, move in decision.moves.items():
        entry.peaks[series] = max(move.total, 0, add(move.peak, change))


def take_back(decision: Decision) -> Refused | None:
    """Conclude what metric triggers take back for multiples that are no longer reached.

    Valued with the boosts of the corrected event's date; a deduction that is no longer due is given
    back.
    """
    own = decision.own
    for plan in decision.plans:
        for trigger in plan.triggers:
            if not isinstance(trigger, MetricTriggerRule):
                continue
            move = decision.moves.get(trigger.series)
            if move is None or not matches(trigger.user, own.attributes):
                continue
            lowered = own.series[trigger.series].peak
            times = multiples(move.peak, trigger.step) - multiples(lowered, trigger.step)
            # What was deducted was not boosted; of nothing nothing is concluded.
            held = boosts_for(plan.system, decision.user, own, decision.day)
            back = -boosted(times * trigger.points, held)
            refused = award_exactly(decision, plan.system, trigger.key, back)
            if refused is not None:
                return refused
    return None
