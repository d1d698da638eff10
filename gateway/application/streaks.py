"""Streaks: a user's with its history, and those of several users."""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by the dependency UserId

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query

from contract.application.streaks import (
    BulkStreak,
    StreakResponse,
    bulk_streak,
    periods_shown,
    streak,
    today_of,
)
from gateway.application.users import existing_user
from gateway.http.dependencies import UserId
from gateway.http.responses import Json, Route, ok
from gateway.services import Context
from projections.database import Connection
from projections.streaks import current_streak, current_streaks, streak_history
from schemas.versions import Version

USERS_MAX: Final = 100
HISTORY_DEFAULT: Final = 7
HISTORY_MAX: Final = 1000

router = APIRouter(prefix="/v1", route_class=Route)


@router.get(
    "/streaks",
    operation_id="streaks_list",
    tags=["Streaks"],
    summary="Get the streaks of several users",
    responses=ok(),
)
async def streaks_list(
    context: Context,
    users: Annotated[
        list[str],
        Query(alias="userIds", max_length=USERS_MAX, description="Ids of at most 100 users."),
    ],
) -> Json[list[BulkStreak]]:
    """Return the length of each user's streak, the longest first; 0 for who has none."""
    for user in users:
        context.allowed.check_user(user)
    return Json(await context.read(_of_several, users, context.services.config.clock()))


@router.get(
    "/users/{id}/streak",
    operation_id="users_streak",
    tags=["Users"],
    summary="Get a user's streak",
    responses=ok(404),
)
async def users_streak(
    context: Context,
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
) -> Json[StreakResponse]:
    """Return the streak of the game's frequency, with its history oldest first."""
    return Json(await context.read(_of_user, user_id, context.services.config.clock(), history))


async def _of_several(
    connection: Connection, version: Version, users: Sequence[str], now: datetime
) -> list[BulkStreak]:
    frequency = version.definitions.streak.frequency
    # Postgres has no text with a NUL in it, so nobody is called that.
    real = [user_id for user_id in dict.fromkeys(users) if "\0" not in user_id]
    found = await current_streaks(connection, version.tenant, real, frequency)
    rows = {it.user: it for it in found}
    shown = [bulk_streak(version, it, rows.get(it), now) for it in dict.fromkeys(users)]
    return sorted(shown, key=lambda it: -it["streakLength"])


async def _of_user(
    connection: Connection, version: Version, user_id: str, now: datetime, history: int
) -> StreakResponse:
    await existing_user(connection, version.tenant, user_id)
    frequency = version.definitions.streak.frequency
    row = await current_streak(connection, version.tenant, user_id, frequency)
    shown = periods_shown(version, today_of(version, row, now), history)
    rows = await streak_history(connection, version.tenant, user_id, frequency, shown[0])
    return streak(version, row, shown, {it.period: it for it in rows}, now)
