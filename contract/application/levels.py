"""Levels: what is answered, and which one a balance holds."""

from collections.abc import Sequence

from typing_extensions import TypedDict

from contract.errors import UnfitError
from contract.items import level_item, system_item
from schemas.definitions import Level, id_of
from schemas.versions import Version


class PointsLevel(TypedDict):
    """A rank that is held from a balance on."""

    id: str
    key: str
    name: str
    description: str
    badgeUrl: str | None
    points: int


class PointsLevelUsers(TypedDict):
    """A level, and how many users are at it."""

    level: PointsLevel
    users: int


def level(version: Version, system: str, key: str | None) -> PointsLevel | None:
    """Return a PointsLevel; None for no level."""
    return None if key is None else _level(version, system, level_item(version, system, key))


def levels(version: Version, system: str) -> list[PointsLevel]:
    """Return the levels of a system from the lowest to the highest, none that is archived."""
    return [_level(version, system, item) for item in _ascending(version, system)]


def level_at(version: Version, system: str, total: int | None) -> PointsLevel | None:
    """Return the PointsLevel that a balance holds: the highest one reached (OD-26).

    None where no level is reached, and before a user's first award (OD-27: total None).
    """
    if total is None:
        return None
    reached = [item for item in _ascending(version, system) if item.points <= total]
    return _level(version, system, reached[-1]) if reached else None


def level_users(levels: Sequence[PointsLevel], users: Sequence[int]) -> list[PointsLevelUsers]:
    """Return each level with how many users are at it."""
    return [{"level": level, "users": at} for level, at in zip(levels, users, strict=True)]


def some_levels(version: Version, system: str) -> list[PointsLevel]:
    """Return the levels as `levels` does; UnfitError where there are none."""
    found = levels(version, system)
    if not found:
        raise UnfitError(f"The points system {system!r} has no levels: define some first.")
    return found


def _ascending(version: Version, system: str) -> list[Level]:
    kept = [item for item in system_item(version, system).levels if not item.archived]
    return sorted(kept, key=lambda item: (item.points, item.key))


def _level(version: Version, system: str, item: Level) -> PointsLevel:
    return {
        "id": id_of(version.tenant, "points", system, "levels", item.key),
        "key": item.key,
        "name": item.name,
        "description": item.description,
        "badgeUrl": item.badge.url if item.badge else None,
        "points": item.points,
    }
