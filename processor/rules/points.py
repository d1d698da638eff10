"""Points (semantics 7): which triggers an event sets off, and what each awards or deducts."""

from collections.abc import Mapping
from typing import NamedTuple

from processor.rules.game import Game, SystemRule, TriggerRule, matches
from processor.rules.standing import Standing
from processor.rules.totals import peak_of, total_of
from schemas.entries import Entry, PointsEntry
from schemas.numbers import multiples


class Effects(NamedTuple):
    """What an event brought about, as far as triggers ask."""

    metric: str
    attributes: Mapping[str, str]
    # Length of the streak if the event started or extended it.
    streak: int | None
    achievements: frozenset[str]


def awards_of_creation(standing: Standing, game: Game) -> list[Entry]:
    """Return the awards for a user's first event."""
    awarded: list[Entry] = []
    for system in game.systems:
        balance = standing["points"].get(system.key)
        for trigger in system.creation:
            if matches(trigger.user, standing["attributes"]):
                entry = _award(system, trigger, trigger.points, balance)
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
                entry = _award(system, trigger, times * trigger.points, balance)
                if entry:
                    balance = entry["total"]
                    awarded.append(entry)
    return awarded


def _times(before: Standing, standing: Standing, trigger: TriggerRule, effects: Effects) -> int:
    if trigger.metric is not None:
        if trigger.metric != effects.metric or not matches(trigger.event, effects.attributes):
            return 0
        # What was reached once is not awarded again after a fall (OD-21).
        peak = peak_of(before, trigger.series)
        total = total_of(standing, trigger.series)
        if total <= peak:
            return 0
        return multiples(total, trigger.step) - multiples(peak, trigger.step)
    if trigger.streak is not None:
        return 1 if effects.streak and effects.streak % trigger.streak == 0 else 0
    return 1 if trigger.achievement in effects.achievements else 0


def _award(
    system: SystemRule, trigger: TriggerRule, points: int, balance: int | None
) -> PointsEntry | None:
    # An award without effect is no award: neither at the cap (OD-18) nor at zero (OD-20).
    held = balance or 0
    if points > 0:
        awarded = points if system.cap is None else max(0, min(points, system.cap - held))
    else:
        awarded = max(points, -held)
    if not awarded:
        return None
    return {
        "kind": "points",
        "system": system.key,
        "trigger": trigger.key,
        "awarded": awarded,
        "total": held + awarded,
    }
