"""The small job: one user's total, points and level, and the record that tells of them.

The same for every contender; SmallJob.java says it again in Java, benchmarks/small.yaml as a game.
Pure, and imports the standard library alone.
"""

from bisect import bisect_right
from typing import Any, Final, TypedDict

# Points from which each of the ten levels is held, as in benchmarks/small.yaml.
LEVELS: Final = (0, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)


class Standing(TypedDict):
    """What is kept of one user."""

    total: int
    points: int
    level: int


def judge(held: Standing | None, event: dict[str, Any]) -> Standing:
    """Return the standing after an event whose value is a whole number: a point for each of it."""
    total = (held["total"] if held else 0) + event["value"]
    points = (held["points"] if held else 0) + event["value"]
    return {"total": total, "points": points, "level": bisect_right(LEVELS, points)}


def told(event: dict[str, Any], standing: Standing) -> dict[str, Any]:
    """Return what is written for an event: the event, and what its user's standing then was."""
    return {**event, **standing}
