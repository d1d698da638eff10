"""Achievements: all there are, and those of a user. Completing one is in `completions`."""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by the dependency UserId

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from contract.application.achievements import (
    AchievementWithStatsResponse,
    UserAchievementWithStatsResponse,
    achievement_with_stats,
    user_achievement_with_stats,
    visible,
)
from contract.items import check_attributes
from gateway.application.users import existing_user
from gateway.http.dependencies import UserAttributes, UserId
from gateway.http.responses import Json, Route, ok
from gateway.services import Context
from projections.achievements import completion_counts, completions_of
from projections.database import Connection
from projections.users import user_count
from schemas.versions import Version

router = APIRouter(prefix="/v1", route_class=Route)


async def _incomplete(
    value: Annotated[
        str | None,
        Query(
            alias="includeIncomplete",
            description="`true` adds those that are not completed.",
            json_schema_extra={"enum": ["true"]},
        ),
    ] = None,
) -> bool:
    # Anything but the literal means completed only.
    return value == "true"


Incomplete = Annotated[bool, Depends(_incomplete)]


@router.get(
    "/achievements",
    operation_id="achievements_all",
    tags=["Achievements"],
    summary="Get all achievements",
    responses=ok(),
)
async def achievements_all(
    context: Context, attributes: UserAttributes
) -> Json[list[AchievementWithStatsResponse]]:
    """Return what can be completed, on request by a user with certain attributes."""
    return Json(await context.read(_every, attributes))


@router.get(
    "/users/{id}/achievements",
    operation_id="users_achievements",
    tags=["Users"],
    summary="Get a user's achievements",
    responses=ok(404),
)
async def users_achievements(
    context: Context, user_id: UserId, incomplete: Incomplete
) -> Json[list[UserAchievementWithStatsResponse]]:
    """Return the completed achievements, and on request the others, with how rare they are."""
    return Json(await context.read(_of_user, user_id, incomplete=incomplete))


async def _every(
    connection: Connection, version: Version, attributes: Mapping[str, str] | None
) -> list[AchievementWithStatsResponse]:
    """Return the achievements that anybody can complete, each with how rare it is.

    With attributes: those that a user who has these, and no others, can complete.
    """
    check_attributes("user", attributes or {}, version)
    counts = await completion_counts(connection, version.tenant)
    users = await user_count(connection, version.tenant)
    return [
        achievement_with_stats(version, item.key, counts.get(item.key, 0), users)
        for item in visible(version, ())
        if attributes is None or item.userAttributes.items() <= attributes.items()
    ]


async def _of_user(
    connection: Connection, version: Version, user_id: str, *, incomplete: bool
) -> list[UserAchievementWithStatsResponse]:
    """Return the completed achievements in the order of completion, then those not completed."""
    await existing_user(connection, version.tenant, user_id)
    achieved = await achieved_of(connection, version.tenant, user_id)
    shown = [item.key for item in visible(version, achieved)]
    keys = [key for key in achieved if key in shown]
    if incomplete:
        keys += [key for key in shown if key not in achieved]
    counts = await completion_counts(connection, version.tenant)
    users = await user_count(connection, version.tenant)
    return [
        user_achievement_with_stats(version, key, achieved.get(key), counts.get(key, 0), users)
        for key in keys
    ]


async def achieved_of(connection: Connection, tenant: str, user_id: str) -> dict[str, datetime]:
    """Return when a user completed what they did, in that order, by the achievements' keys."""
    rows = await completions_of(connection, tenant, user_id)
    return {row.achievement: row.achieved_at for row in rows}
