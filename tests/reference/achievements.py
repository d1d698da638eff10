"""Achievements in the reference implementation: what completes them, and what has done so before.

Nothing may be imported but the standard library and this reference's own files.
"""

from __future__ import annotations

from decimal import Decimal

from reference.exact import to_decimal
from reference.rules import Counted, active, counted, is_for
from reference.turn import Turn


def complete_by_event(turn: Turn) -> None:
    """Complete what the event's metric or the streak has reached, and what follows from it."""
    for achievement in _open(turn, "metric"):
        if _reached_by_event(turn, achievement):
            complete(turn, achievement)
    if turn.reached is not None:
        for achievement in _open(turn, "streak"):
            if turn.reached >= achievement["streakLength"]:
                complete(turn, achievement)
    if turn.outcome.achievements:
        complete_composites(turn)


def complete_by_past(turn: Turn) -> None:
    """Complete all that the user qualifies for by what is known of the past."""
    for achievement in _open(turn, "metric"):
        what = counted(achievement)
        if is_whole(turn, what) and turn.user.total(what) >= _value(achievement):
            complete(turn, achievement)
    for achievement in _open(turn, "streak"):
        if turn.streak.longest >= achievement["streakLength"]:
            complete(turn, achievement)
    complete_composites(turn)


def complete_composites(turn: Turn) -> None:
    """Complete those whose parts are all held, which may complete others in turn."""
    grown = True
    while grown:
        grown = False
        for achievement in _open(turn, "achievement"):
            if set(achievement["achievements"]) <= set(turn.user.achievements):
                complete(turn, achievement)
                grown = True


def complete(turn: Turn, achievement: dict) -> None:
    """Complete one, at the time of the input."""
    turn.user.achievements[achievement["key"]] = turn.given.at
    turn.outcome.achievements.append(achievement["key"])


def _open(turn: Turn, kind: str) -> list[dict]:
    """Those of a kind that the user may complete and has not."""
    return [
        achievement
        for achievement in active(turn.rules.achievements)
        if achievement["trigger"] == kind
        and achievement["key"] not in turn.user.achievements
        and is_for(achievement, turn.user.attributes)
    ]


def is_whole(turn: Turn, what: Counted) -> bool:
    """Whether all that a user ever did is known for something that is counted."""
    return turn.rules.since[what] <= turn.user.known


def _reached_by_event(turn: Turn, achievement: dict) -> bool:
    what = counted(achievement)
    if what not in turn.moved or not is_whole(turn, what):
        return False
    if turn.deed is not None and turn.deed.correction and turn.deed.value < 0:
        return False
    return turn.moved[what][1] >= _value(achievement)


def _value(achievement: dict) -> Decimal:
    return to_decimal(achievement["metricValue"])
