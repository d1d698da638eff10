"""Reads about a whole points system: its boosts and levels, and how its points are spread.

No HTTP in here but the errors; figures are counted from the balances, levels from the definitions.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.errors import ApiError
from gateway.reads import known_system
from projections import answers
from projections.database import Connection
from projections.points import balance_histogram, users_per_level
from schemas.versions import Version
from schemas.zones import local_date

Answer = dict[str, Any]


def system(version: Version, key: str) -> Answer:
    """Return a PointsSystemResponse; ApiError 404 for an unknown system."""
    known_system(version, key)
    return answers.points_system_with_triggers(version, key)


def boosts(version: Version, key: str, now: datetime, *, finished: bool) -> list[Answer]:
    """Return the PointsBoosts that are for more than one user; ApiError 404.

    Their status is that of the date in the game's own zone: each user has another.
    """
    known_system(version, key)
    day = local_date(now, version.definitions.settings.defaultTimeZone)
    return [
        answers.boost(version, key, item.key, day)
        for item in answers.system_item(version, key).boosts
        if item.userId is None
        and not item.archived
        and (finished or answers.boost_status(item, day) != "finished")
    ]


def levels(version: Version, key: str) -> list[Answer]:
    """Return the PointsLevels, lowest first; ApiError 404 for an unknown system."""
    known_system(version, key)
    return answers.levels(version, key)


async def level_summary(connection: Connection, version: Version, key: str) -> list[Answer]:
    """Return a PointsLevelSummaryResponse; ApiError 404, and 422 where there are no levels."""
    found = levels(version, key)
    if not found:
        raise ApiError(422, f"The points system {key!r} has no levels: define some first.")
    thresholds = [level["points"] for level in found]
    users = await users_per_level(connection, version.tenant, key, thresholds)
    return [{"level": level, "users": at} for level, at in zip(found, users, strict=True)]


async def summary(
    connection: Connection, version: Version, key: str, attributes: Mapping[str, str] | None
) -> list[Answer]:
    """Return a PointsSummaryResponse: eleven ranges of balances; ApiError 404.

    With attributes only the users who have all of them are counted.
    """
    known_system(version, key)
    ranges = await balance_histogram(connection, version.tenant, key, attributes)
    return [{"from": it.start, "to": it.end, "users": it.users} for it in ranges]
