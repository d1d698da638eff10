"""Levels (semantics 9): the highest whose threshold the balance has reached, up and down."""

from bisect import bisect_right

from processor.rules.game import Game, SystemRule
from processor.rules.standing import Standing
from schemas.entries import LevelEntry


def level_changes(before: Standing | None, standing: Standing, game: Game) -> list[LevelEntry]:
    """Return one change per system that an input as a whole moved to another level."""
    changed: list[LevelEntry] = []
    held = before["points"] if before else {}
    points = standing["points"]
    for system in game.systems:
        total = points.get(system.key)
        if total is None or total == held.get(system.key) or not system.levels:
            continue
        old = level_of(system, held.get(system.key))
        new = level_of(system, total)
        if old != new:
            changed.append(
                {
                    "kind": "level",
                    "system": system.key,
                    "before": old,
                    "after": new,
                    "total": total,
                }
            )
    return changed


def level_of(system: SystemRule, total: int | None) -> str | None:
    """Return the level at a balance; none before the first award (OD-27)."""
    if total is None:
        return None
    reached = bisect_right(system.levels, total, key=lambda level: level[0])
    return system.levels[reached - 1][1] if reached else None
