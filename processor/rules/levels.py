"""Levels: the highest whose threshold the balance has reached (docs/reference/rules.md#levels)."""

from bisect import bisect_right

from processor.rules.decision import Decision
from processor.rules.ruleset import SystemRule
from schemas.entries import LevelEntry
from schemas.text import LevelKey


def follow(decision: Decision) -> None:
    """Conclude one change per system that an input as a whole moved to another level."""
    balances = decision.balances
    for system in decision.rules.systems:
        if system.level_points and system.key in balances:
            before, total = balances[system.key], decision.own.points[system.key].total
            # How many levels are reached; none before the first award.
            old = 0 if before is None else bisect_right(system.level_points, before)
            new = bisect_right(system.level_points, total)
            if old != new:
                entry = LevelEntry(
                    system.key, _level(system, old), _level(system, new), total, decision.quiet
                )
                decision.conclude(entry)


def _level(system: SystemRule, reached: int) -> LevelKey | None:
    return system.level_keys[reached - 1] if reached else None


def level_at(system: SystemRule, total: int | None) -> LevelKey | None:
    """Return the level at a balance, up and down; none before the first award."""
    return None if total is None else _level(system, bisect_right(system.level_points, total))
