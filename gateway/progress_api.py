"""The operations that read how far a user has come, under /v1/users/{id}."""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by the dependencies UserId and Key

from typing import Annotated, Final

from fastapi import APIRouter, Query

from gateway import contract, reads, summaries
from gateway.answering import Shown, answer, ok
from gateway.entry import Incomplete, Key, LetIn, Range, UserId
from gateway.errors import Json
from projections.database import Connection
from schemas.versions import Version

HISTORY_DEFAULT: Final = 7
HISTORY_MAX: Final = 1000

router = APIRouter(prefix="/v1/users", tags=["Users"])


@router.get(
    "/{id}/metrics",
    operation_id="users_all_metrics",
    summary="Get a user's totals of all metrics",
    responses=ok(list[contract.MetricResponse], 404),
)
async def users_all_metrics(door: LetIn, user_id: UserId) -> Json:
    """Return the totals of all metrics in use."""

    async def read(connection: Connection, version: Version) -> Shown:
        await reads.known_user(connection, door.tenant, user_id)
        return await reads.metrics(connection, version, user_id)

    return await answer(door, read)


@router.get(
    "/{id}/metrics/{key}",
    operation_id="users_single_metric",
    summary="Get a user's total of one metric",
    responses=ok(contract.MetricResponse, 404),
)
async def users_single_metric(door: LetIn, user_id: UserId, key: Key) -> Json:
    """Return the total of one metric."""

    async def read(connection: Connection, version: Version) -> Shown:
        await reads.known_user(connection, door.tenant, user_id)
        return await reads.metric(connection, version, user_id, key)

    return await answer(door, read)


@router.get(
    "/{id}/metrics/{key}/event-summary",
    operation_id="users_metric_event_summary",
    summary="Get what was added to a user's metric, by day, week or month",
    responses=ok(list[contract.EventSummary], 404),
)
async def users_metric_event_summary(door: LetIn, user_id: UserId, key: Key, asked: Range) -> Json:
    """Return a row for each period, those in which nothing happened included."""

    async def read(connection: Connection, version: Version) -> Shown:
        await reads.known_user(connection, door.tenant, user_id)
        return await summaries.of_metric(connection, version, user_id, key, asked)

    return await answer(door, read)


@router.get(
    "/{id}/achievements",
    operation_id="users_achievements",
    summary="Get a user's achievements",
    responses=ok(list[contract.UserAchievementWithStatsResponse], 404),
)
async def users_achievements(door: LetIn, user_id: UserId, incomplete: Incomplete) -> Json:
    """Return the completed achievements, and on request the others, with how rare they are."""

    async def read(connection: Connection, version: Version) -> Shown:
        await reads.known_user(connection, door.tenant, user_id)
        return await reads.achievements(connection, version, user_id, incomplete=incomplete)

    return await answer(door, read)


@router.get(
    "/{id}/streak",
    operation_id="users_streak",
    summary="Get a user's streak",
    responses=ok(contract.StreakResponse, 404),
)
async def users_streak(
    door: LetIn,
    user_id: UserId,
    history: Annotated[
        int,
        Query(
            alias="historyPeriods",
            ge=1,
            le=HISTORY_MAX,
            description="How many periods of history, the current one included.",
        ),
    ] = HISTORY_DEFAULT,
) -> Json:
    """Return the streak of the game's frequency, with its history oldest first."""
    now = door.parts.config.clock()

    async def read(connection: Connection, version: Version) -> Shown:
        await reads.known_user(connection, door.tenant, user_id)
        return await reads.streak_answer(connection, version, user_id, now, history)

    return await answer(door, read)


@router.get(
    "/{id}/points/{key}",
    operation_id="users_points",
    summary="Get a user's points in a points system",
    responses=ok(contract.GetUserPointsResponse, 404),
)
async def users_points(
    door: LetIn,
    user_id: UserId,
    key: Key,
    awards: Annotated[int, Query(ge=1, le=100, description="How many of the newest awards.")] = 10,
) -> Json:
    """Return the balance, the level and the newest awards."""

    async def read(connection: Connection, version: Version) -> Shown:
        await reads.known_user(connection, door.tenant, user_id)
        return await reads.points(connection, version, user_id, key, awards)

    return await answer(door, read)


@router.get(
    "/{id}/points/{key}/boosts",
    operation_id="users_points_boosts",
    summary="Get the boosts that hold for a user now",
    responses=ok(list[contract.PointsBoost], 404),
)
async def users_points_boosts(door: LetIn, user_id: UserId, key: Key) -> Json:
    """Return the active boosts of everyone, of users with the same attributes and of the user."""
    now = door.parts.config.clock()

    async def read(connection: Connection, version: Version) -> Shown:
        found = await reads.known_user(connection, door.tenant, user_id)
        return reads.active_boosts(version, found, key, now)

    return await answer(door, read)


@router.get(
    "/{id}/points/{key}/event-summary",
    operation_id="users_points_event_summary",
    summary="Get what was added to a user's points, by day, week or month",
    responses=ok(list[contract.EventSummary], 404),
)
async def users_points_event_summary(door: LetIn, user_id: UserId, key: Key, asked: Range) -> Json:
    """Return a row for each period, those in which nothing happened included."""

    async def read(connection: Connection, version: Version) -> Shown:
        await reads.known_user(connection, door.tenant, user_id)
        return await summaries.of_points(connection, version, user_id, key, asked)

    return await answer(door, read)
