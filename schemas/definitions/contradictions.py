"""What contradicts itself, or could never happen, in definitions of which each field is right."""

from collections.abc import Iterator

from schemas.definitions.achievements import parts_of
from schemas.definitions.circles import in_circles
from schemas.definitions.paths import Path, Problem
from schemas.definitions.points import PointsSystem
from schemas.definitions.streak import Streak
from schemas.definitions.whole import Definitions


def contradictions(game: Definitions) -> Iterator[Problem]:
    """Yield what contradicts something else."""
    seen: set[str] = set()
    for index, condition in enumerate(game.streak.metrics):
        if condition.metric in seen:
            path: Path = ("streak", "metrics", index, "metric")
            yield Problem(path, f"the metric {condition.metric!r} is a condition already")
        seen.add(condition.metric)
    for index, metric in enumerate(game.metrics):
        if metric.unitType == "currency" and not _is_currency(metric.units):
            where: Path = ("metrics", index, "units")
            yield Problem(where, "a currency needs a code of three letters, such as USD")
    yield from _freezes(game.streak)
    yield from _circles(game)
    for index, system in enumerate(game.points):
        yield from _levels(("points", index), system)
        yield from _boosts(("points", index), system)


def _freezes(streak: Streak) -> Iterator[Problem]:
    if streak.initialFreezes > streak.maxFreezes:
        message = f"more freezes than maxFreezes ({streak.maxFreezes}) allows"
        yield Problem(("streak", "initialFreezes"), message)
    interval, amount = streak.freezeAutoEarnInterval, streak.freezeAutoEarnAmount
    if (interval is None) != (amount is None):
        missing = "freezeAutoEarnInterval" if interval is None else "freezeAutoEarnAmount"
        message = "freezeAutoEarnInterval and freezeAutoEarnAmount need each other"
        yield Problem(("streak", missing), message)
    elif interval is not None and not streak.maxFreezes:
        message = "freezes cannot be earned where maxFreezes is 0"
        yield Problem(("streak", "freezeAutoEarnInterval"), message)


def _circles(game: Definitions) -> Iterator[Problem]:
    circles = in_circles({it.key: parts_of(it) for it in game.achievements})
    for index, item in enumerate(game.achievements):
        if item.key in circles:
            path: Path = ("achievements", index, "achievements")
            yield Problem(path, "it is a part of itself, and could never be completed")


def _boosts(path: Path, system: PointsSystem) -> Iterator[Problem]:
    for index, boost in enumerate(system.boosts):
        here = (*path, "boosts", index)
        if boost.userId is not None and boost.userAttributes:
            message = "a boost is for one user or for those with attributes, not both"
            yield Problem((*here, "userAttributes"), message)
        if boost.multiplier == 1:
            yield Problem((*here, "multiplier"), "a multiplier of 1 changes nothing")
        if boost.end is not None and boost.end < boost.start:
            yield Problem((*here, "end"), "it ends before it starts")


def _levels(path: Path, system: PointsSystem) -> Iterator[Problem]:
    seen: dict[int, str] = {}
    for index, level in enumerate(system.levels):
        if level.archived:
            continue
        if level.points in seen:
            message = (
                f"the level {seen[level.points]!r} is reached at {level.points} points already"
            )
            yield Problem((*path, "levels", index, "points"), message)
        seen[level.points] = level.key


def _is_currency(units: str) -> bool:
    return len(units) == 3 and units.isascii() and units.isalpha() and units.isupper()  # noqa: PLR2004  ISO 4217 codes have three letters
