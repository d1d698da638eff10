"""Corrections: an earlier event counts with another value from here on, by new entries alone.

A correction is worked out as an event of the difference, at the time of the event that it corrects.
Where it takes away, the highest values so far go down with it, and what triggers had given for the
multiples that are no longer reached is taken back. Achievements and extended streaks stay
(semantics 5, OD-48).
"""

from decimal import Decimal

from processor.rules.boosts import boosted
from processor.rules.game import Game, MetricRule, TriggerRule, matches
from processor.rules.points import Effects, award, earned_boosts
from processor.rules.standing import Standing
from processor.rules.totals import peak_of
from schemas.entries import Entry, TotalEntry
from schemas.numbers import add, multiples, write


def lowered_peaks(
    before: Standing, rule: MetricRule, entry: TotalEntry, change: Decimal
) -> dict[str, str]:
    """Return the highest values so far as a lowering leaves them, by series.

    As if the event had had the lower value: the mark goes down as far, but not below the total.
    """
    totals = {rule.key: entry["total"]}
    for filter_id, subtotal in entry.get("subtotals", {}).items():
        totals[f"{rule.key}?{filter_id}"] = subtotal
    return {
        series: write(max(Decimal(total), Decimal(0), add(peak_of(before, series), change)))
        for series, total in totals.items()
    }


def taken_back(before: Standing, standing: Standing, game: Game, effects: Effects) -> list[Entry]:
    """Return what metric triggers take back for multiples that are no longer reached.

    Valued with the boosts of the corrected event's date; a deduction that is no longer due is given
    back. `before` holds the highest values before the correction, `standing` those after it.
    """
    found: list[Entry] = []
    for system in game.systems:
        balance = standing["points"].get(system.key)
        for trigger in system.triggers.get(effects.metric, ()):
            times = _uncrossed(before, standing, trigger, effects)
            if not times or not matches(trigger.user, standing["attributes"]):
                continue
            given = times * trigger.points
            boosts = earned_boosts(system, given, standing, effects.user, effects.day)
            entry = award(system, trigger.key, -boosted(given, boosts), balance)
            if entry is not None:
                balance = entry["total"]
                found.append(entry)
    return found


def _uncrossed(before: Standing, standing: Standing, trigger: TriggerRule, effects: Effects) -> int:
    if not matches(trigger.event, effects.attributes):
        return 0
    old, new = peak_of(before, trigger.series), peak_of(standing, trigger.series)
    return multiples(old, trigger.step) - multiples(new, trigger.step)
