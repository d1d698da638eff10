"""Points in the reference implementation: what sets triggers off, and what an award comes to.

Nothing may be imported but the standard library and this reference's own files.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from reference.checking import RefusedError
from reference.exact import boosted, multiples, to_decimal
from reference.people import Award
from reference.rules import active, counted, is_for, live
from reference.turn import Turn, day_of


def award(
    turn: Turn,
    system: dict,
    trigger: str | None,
    points: int,
    day: date,
    tick: datetime | None = None,
) -> None:
    """Write an award into the ledger, as far as boosts, cap and floor make one of it.

    `day` is the date whose boosts hold; an operator's points (no trigger) are not boosted. `tick`
    is when a time trigger fell due.
    """
    boosts = _boosts(turn, system, day) if trigger is not None else []
    _write(turn, system, trigger, points, boosts, tick)


def _write(
    turn: Turn,
    system: dict,
    trigger: str | None,
    points: int,
    boosts: list[dict],
    tick: datetime | None = None,
) -> None:
    balance = turn.user.points.get(system["key"], 0)
    if points < 0:
        boosts = []
    else:
        points = boosted(points, boosts)
    total = _bounded(system, balance, points)
    if total == balance:
        return
    keys = tuple(boost["key"] for boost in boosts)
    row = Award(system["key"], trigger, total - balance, total, keys, tick)
    turn.user.points[system["key"]] = total
    turn.user.awards += (row,)
    turn.outcome.awards.append(row)


def _bounded(system: dict, balance: int, points: int) -> int:
    if points < 0:
        return max(balance + points, 0)
    cap = system.get("maxPoints")
    # A balance that is above a lowered cap stays where it is.
    return balance + points if cap is None else max(balance, min(balance + points, cap))


def _boosts(turn: Turn, system: dict, day: date) -> list[dict]:
    """The boosts of a system that hold for the user on a date."""
    return [
        boost
        for boost in live(system.get("boosts"))
        if boost["start"] <= day
        and (boost.get("end") is None or day <= boost["end"])
        and boost.get("userId") in (None, turn.user.id)
        and is_for(boost, turn.user.attributes)
    ]


def award_creation(turn: Turn) -> None:
    """What is awarded once, for a user who has come to be."""
    for system in turn.rules.systems:
        for trigger in active(system.get("triggers")):
            if trigger["type"] == "user_creation" and is_for(trigger, turn.user.attributes):
                award(turn, system, trigger["key"], trigger["points"], day_of(turn))


def award_points(turn: Turn) -> None:
    """What all other triggers award for the input, but those of time."""
    for system, trigger in _triggers(turn):
        times = _times_triggered(turn, trigger)
        if times:
            award(turn, system, trigger["key"], times * trigger["points"], day_of(turn))


def refuse_if_out_of_points(turn: Turn) -> None:
    """Refuse the event whose deductions would take more than there is, where triggers say so."""
    for system in turn.rules.systems:
        balance = turn.user.points.get(system["key"], 0)
        taken = 0
        for trigger in active(system.get("triggers")):
            if (
                trigger["type"] == "metric"
                and trigger["points"] < 0
                and trigger.get("blockIfOutOfPoints")
                and is_for(trigger, turn.user.attributes)
            ):
                taken -= _multiples_crossed(turn, trigger) * trigger["points"]
        if taken > balance:
            raise RefusedError("blocked", "out of points")


def take_back(turn: Turn) -> None:
    """Take back what triggers gave for multiples that a correction has given up."""
    for system, trigger in _triggers(turn):
        if trigger["type"] != "metric" or counted(trigger) not in turn.moved:
            continue
        before, _, after = turn.moved[counted(trigger)]
        threshold = to_decimal(trigger["metricThreshold"])
        times = multiples(before, threshold) - multiples(after, threshold)
        if times <= 0:
            continue
        given = times * trigger["points"]
        if given > 0:
            given = boosted(given, _boosts(turn, system, day_of(turn)))
        # Valued as it was awarded; what is given back of a deduction is not boosted either.
        _write(turn, system, trigger["key"], -given, [])


def _triggers(turn: Turn) -> Iterator[tuple[dict, dict]]:
    """The active triggers that are for the user, by system and in the order of the file."""
    for system in turn.rules.systems:
        for trigger in active(system.get("triggers")):
            if is_for(trigger, turn.user.attributes):
                yield system, trigger


def _times_triggered(turn: Turn, trigger: dict) -> int:
    """How often the input fires a trigger; creation and time triggers had their turn before."""
    if trigger["type"] == "metric":
        return _multiples_crossed(turn, trigger)
    if trigger["type"] == "streak":
        return int(turn.reached is not None and turn.reached % trigger["streakLength"] == 0)
    if trigger["type"] == "achievement":
        return int(trigger["achievement"] in turn.outcome.achievements)
    return 0


def _multiples_crossed(turn: Turn, trigger: dict) -> int:
    if counted(trigger) not in turn.moved:
        return 0
    peak, total, _ = turn.moved[counted(trigger)]
    threshold = to_decimal(trigger["metricThreshold"])
    if total <= max(peak, Decimal(0)):
        return 0
    return multiples(total, threshold) - multiples(peak, threshold)
