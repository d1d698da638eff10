"""Points (semantics 7): which triggers an event sets off, and what each awards or deducts."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from processor.rules.boosts import boosted, boosts_for
from processor.rules.game import BoostRule, Game, MetricRule, SystemRule, TriggerRule, matches
from processor.rules.standing import Standing
from processor.rules.totals import peak_of, total_of
from schemas.entries import Entry, PointsEntry
from schemas.numbers import add, multiples


class Effects(NamedTuple):
    """What an event brought about, as far as triggers ask."""

    user: str
    # Local date of the event: that of the boosts.
    day: str
    # Empty for an input that is no metric event.
    metric: str
    attributes: Mapping[str, str]
    # Length of the streak if the event started or extended it.
    streak: int | None
    achievements: frozenset[str]


def awards_of_creation(standing: Standing, game: Game, user: str, day: str) -> list[Entry]:
    """Return the awards for a user's first event."""
    awarded: list[Entry] = []
    for system in game.systems:
        balance = standing["points"].get(system.key)
        for trigger in system.creation:
            if matches(trigger.user, standing["attributes"]):
                boosts = earned_boosts(system, trigger.points, standing, user, day)
                entry = award(system, trigger.key, trigger.points, balance, boosts)
                if entry:
                    balance = entry["total"]
                    awarded.append(entry)
    return awarded


def awards(before: Standing, standing: Standing, game: Game, effects: Effects) -> list[Entry]:
    """Return the awards of an event: by system, then in the order of the file (OD-23).

    `before` holds the totals before the event, `standing` those after it.
    """
    awarded: list[Entry] = []
    # Most events reach neither a streak length nor an achievement: their metric's triggers do.
    plain = effects.streak is None and not effects.achievements
    for system in game.systems:
        triggers = system.triggers.get(effects.metric, ()) if plain else system.all_triggers
        if not triggers:
            continue
        balance = standing["points"].get(system.key)
        for trigger in triggers:
            times = _times(before, standing, trigger, effects)
            if times and matches(trigger.user, standing["attributes"]):
                points = times * trigger.points
                boosts = earned_boosts(system, points, standing, effects.user, effects.day)
                entry = award(system, trigger.key, points, balance, boosts)
                if entry:
                    balance = entry["total"]
                    awarded.append(entry)
    return awarded


def award(
    system: SystemRule,
    trigger: str | None,
    points: int,
    balance: int | None,
    boosts: Sequence[BoostRule] = (),
) -> PointsEntry | None:
    """Return the award or deduction of points at a balance, None where it has no effect.

    It is boosted, and then goes as far as the cap (OD-18) or zero (OD-20) lets it.
    """
    held = balance or 0
    wanted = boosted(points, boosts)
    if wanted > 0:
        awarded = wanted if system.cap is None else max(0, min(wanted, system.cap - held))
    else:
        awarded = max(wanted, -held)
    if not awarded:
        return None
    entry: PointsEntry = {
        "kind": "points",
        "system": system.key,
        "trigger": trigger,
        "awarded": awarded,
        "total": held + awarded,
    }
    if boosts:
        entry["boosts"] = [boost.key for boost in boosts]
    return entry


def blocked(
    standing: Standing, game: Game, rule: MetricRule, value: Decimal, attributes: Mapping[str, str]
) -> str | None:
    """Return the system that has too few points for an event, None where it may count.

    The deductions of triggers with blockIfOutOfPoints count, against the balance before the event
    (OD-19). `standing` holds the totals before it.
    """
    for system in game.systems:
        left = standing["points"].get(system.key, 0)
        for trigger in system.triggers.get(rule.key, ()):
            if (
                trigger.blocks
                and trigger.points < 0
                and matches(trigger.event, attributes)
                and matches(trigger.user, standing["attributes"])
            ):
                total = add(total_of(standing, trigger.series), value)
                left += trigger.points * _crossed(
                    peak_of(standing, trigger.series), total, trigger.step
                )
                if left < 0:
                    return system.key
    return None


def _times(before: Standing, standing: Standing, trigger: TriggerRule, effects: Effects) -> int:
    if trigger.metric is not None:
        if trigger.metric != effects.metric or not matches(trigger.event, effects.attributes):
            return 0
        peak = peak_of(before, trigger.series)
        return _crossed(peak, total_of(standing, trigger.series), trigger.step)
    if trigger.streak is not None:
        return 1 if effects.streak and effects.streak % trigger.streak == 0 else 0
    return 1 if trigger.achievement in effects.achievements else 0


def _crossed(peak: Decimal, total: Decimal, step: int) -> int:
    # What was reached once is not awarded again after a fall (OD-21).
    return multiples(total, step) - multiples(peak, step) if total > peak else 0


def earned_boosts(
    system: SystemRule, points: int, standing: Standing, user: str, day: str
) -> Sequence[BoostRule]:
    """Return the boosts that multiply points on a local date: none of what is deducted."""
    if points < 0 or not system.boosts:
        return ()
    return boosts_for(system, user, standing["attributes"], day)
