"""Points systems and users' points in them: what is answered."""

from collections.abc import Sequence

from typing_extensions import TypedDict

from contract.application.awards import Given, PointsAward, award
from contract.application.levels import PointsLevel, level_at
from contract.application.triggers import PointsTrigger, trigger
from contract.items import system_item
from schemas.definitions import id_of
from schemas.versions import Version


class PointsResponse(TypedDict):
    """A points system."""

    id: str
    key: str
    name: str
    description: str | None
    badgeUrl: str | None
    maxPoints: float | None


class PointsSystemResponse(TypedDict):
    """A points system and its active triggers."""

    id: str
    name: str
    description: str | None
    badgeUrl: str | None
    maxPoints: float | None
    triggers: list[PointsTrigger]


# The functional form, because `from` is a word of the language.
PointsRange = TypedDict("PointsRange", {"from": int, "to": int, "users": int})
PointsRange.__doc__ = "How many users have a balance between two, both included."


class GetUserPointsResponse(PointsResponse):
    """A user's points in a system, with the newest awards first."""

    total: int
    level: PointsLevel | None
    awards: list[PointsAward]


def points_system(version: Version, key: str) -> PointsResponse:
    """Return a PointsResponse: what a points system is, without anybody's balance."""
    system = system_item(version, key)
    return {
        "id": id_of(version.tenant, "points", key),
        "key": key,
        "name": system.name,
        "description": system.description,
        "badgeUrl": system.badge.url if system.badge else None,
        "maxPoints": system.maxPoints,
    }


def points_system_with_triggers(version: Version, key: str) -> PointsSystemResponse:
    """Return a PointsSystemResponse: a points system and its active triggers.

    The contract gives it no key.
    """
    system = points_system(version, key)
    return {
        "id": system["id"],
        "name": system["name"],
        "description": system["description"],
        "badgeUrl": system["badgeUrl"],
        "maxPoints": system["maxPoints"],
        "triggers": [
            trigger(version, key, item.key)
            for item in system_item(version, key).triggers
            if not item.archived and item.status == "active"
        ],
    }


def points_range(start: int, end: int, users: int) -> PointsRange:
    """Return a PointsRange."""
    return {"from": start, "to": end, "users": users}


def user_points(
    version: Version, key: str, total: int | None, awards: Sequence[Given]
) -> GetUserPointsResponse:
    """Return a user's points; `total` is None before the first award."""
    return {
        **points_system(version, key),
        "total": total or 0,
        "level": level_at(version, key, total),
        "awards": [award(version, key, given) for given in awards],
    }
