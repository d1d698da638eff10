"""Points: whole systems with their boosts, levels and balances, and a user's points in one."""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by the dependencies UserId and Key

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from contract.application.awards import Given
from contract.application.boosts import PointsBoost, boosts_in_force, shared_boosts
from contract.application.levels import (
    PointsLevel,
    PointsLevelUsers,
    level_users,
    levels,
    some_levels,
)
from contract.application.points import (
    GetUserPointsResponse,
    PointsRange,
    PointsSystemResponse,
    points_range,
    points_system_with_triggers,
    user_points,
)
from contract.items import check_attributes, check_system
from gateway.application.users import existing_user
from gateway.http.dependencies import Key, UserAttributes, UserId
from gateway.http.responses import Json, Route, ok
from gateway.services import Context
from projections.database import Connection
from projections.points import balance, balance_histogram, newest_awards, users_per_level
from schemas.versions import Version
from schemas.zones import local_date

router = APIRouter(prefix="/v1", route_class=Route)


@router.get(
    "/users/{id}/points/{key}",
    operation_id="users_points",
    tags=["Users"],
    summary="Get a user's points in a points system",
    responses=ok(404),
)
async def users_points(
    context: Context,
    user_id: UserId,
    key: Key,
    awards: Annotated[int, Query(ge=1, le=100, description="How many of the newest awards.")] = 10,
) -> Json[GetUserPointsResponse]:
    """Return the balance, the level and the newest awards."""
    return Json(await context.read(_of_user, user_id, key, awards))


@router.get(
    "/users/{id}/points/{key}/boosts",
    operation_id="users_points_boosts",
    tags=["Users"],
    summary="Get the boosts that hold for a user now",
    responses=ok(404),
)
async def users_points_boosts(
    context: Context, user_id: UserId, key: Key
) -> Json[list[PointsBoost]]:
    """Return the active boosts of everyone, of users with the same attributes and of the user."""
    return Json(await context.read(_boosts_of_user, user_id, key, context.services.config.clock()))


@router.get(
    "/points/{key}",
    operation_id="points_system",
    tags=["Points"],
    summary="Get a points system and its triggers",
    responses=ok(404),
)
async def points_system(context: Context, key: Key) -> Json[PointsSystemResponse]:
    """Return the system and its active triggers."""
    return Json(await context.read(_system, key))


@router.get(
    "/points/{key}/summary",
    operation_id="points_summary",
    tags=["Points"],
    summary="Get how many users have how many points",
    responses=ok(404),
)
async def points_summary(
    context: Context, key: Key, attributes: UserAttributes
) -> Json[list[PointsRange]]:
    """Return eleven ranges of balances, on request of users with certain attributes."""
    return Json(await context.read(_summary, key, attributes))


@router.get(
    "/points/{key}/boosts",
    operation_id="points_boosts",
    tags=["Points"],
    summary="Get the boosts of a points system",
    responses=ok(404),
)
async def points_boosts(
    context: Context,
    key: Key,
    *,
    finished: Annotated[
        bool, Query(alias="includeFinished", description="Also those that are over.")
    ] = False,
) -> Json[list[PointsBoost]]:
    """Return the boosts that are for more than one user."""
    now = context.services.config.clock()
    return Json(await context.read(_boosts, key, now, finished=finished))


@router.get(
    "/points/{key}/levels",
    operation_id="points_levels",
    tags=["Points"],
    summary="Get the levels of a points system",
    responses=ok(404),
)
async def points_levels(context: Context, key: Key) -> Json[list[PointsLevel]]:
    """Return the levels, the lowest first."""
    return Json(await context.read(_levels, key))


@router.get(
    "/points/{key}/level-summary",
    operation_id="points_level_summary",
    tags=["Points"],
    summary="Get how many users are at each level",
    responses=ok(404),
)
async def points_level_summary(context: Context, key: Key) -> Json[list[PointsLevelUsers]]:
    """Return the levels, the lowest first, each with the users that are at it now."""
    return Json(await context.read(_level_summary, key))


async def _of_user(
    connection: Connection, version: Version, user_id: str, system: str, awards: int
) -> GetUserPointsResponse:
    await existing_user(connection, version.tenant, user_id)
    check_system(version, system)
    held = await balance(connection, version.tenant, user_id, system)
    rows = await newest_awards(connection, version.tenant, user_id, system, awards)
    given = [Given(row.id, row.awarded, row.total, row.at, row.trigger, row.boosts) for row in rows]
    return user_points(version, system, held, given)


async def _boosts_of_user(
    connection: Connection, version: Version, user_id: str, system: str, now: datetime
) -> list[PointsBoost]:
    found = await existing_user(connection, version.tenant, user_id)
    check_system(version, system)
    day = local_date(now, found.tz or version.definitions.settings.defaultTimeZone)
    return boosts_in_force(version, system, found.id, found.attributes, day)


async def _system(_: Connection, version: Version, key: str) -> PointsSystemResponse:
    check_system(version, key)
    return points_system_with_triggers(version, key)


async def _summary(
    connection: Connection, version: Version, key: str, attributes: Mapping[str, str] | None
) -> list[PointsRange]:
    """Return eleven ranges; with attributes only the users who have all of them are counted."""
    check_attributes("user", attributes or {}, version)
    check_system(version, key)
    ranges = await balance_histogram(connection, version.tenant, key, attributes)
    return [points_range(it.start, it.end, it.users) for it in ranges]


async def _boosts(
    _: Connection, version: Version, key: str, now: datetime, *, finished: bool
) -> list[PointsBoost]:
    check_system(version, key)
    # Their status is that of the date in the game's own zone: each user has another.
    day = local_date(now, version.definitions.settings.defaultTimeZone)
    return shared_boosts(version, key, day, finished=finished)


async def _levels(_: Connection, version: Version, key: str) -> list[PointsLevel]:
    check_system(version, key)
    return levels(version, key)


async def _level_summary(
    connection: Connection, version: Version, key: str
) -> list[PointsLevelUsers]:
    check_system(version, key)
    found = some_levels(version, key)
    thresholds = [level["points"] for level in found]
    users = await users_per_level(connection, version.tenant, key, thresholds)
    return level_users(found, users)
