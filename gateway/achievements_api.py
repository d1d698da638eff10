"""The operations on achievements and streaks that are under no user."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request

from gateway import contract, reads
from gateway.answering import Shown, answer, body_of, done, ok
from gateway.checks import check_attributes
from gateway.completions import complete
from gateway.entry import Key, LetIn, UserAttributes
from gateway.errors import Json
from projections.database import Connection
from schemas.versions import Version

USERS_MAX: Final = 100

router = APIRouter(prefix="/v1")


@router.get(
    "/achievements",
    operation_id="achievements_all",
    tags=["Achievements"],
    summary="Get all achievements",
    responses=ok(list[contract.AchievementWithStatsResponse]),
)
async def achievements_all(door: LetIn, attributes: UserAttributes) -> Json:
    """Return what can be completed, on request by a user with certain attributes."""

    async def read(connection: Connection, version: Version) -> Shown:
        check_attributes("user", attributes or {}, version)
        return await reads.every_achievement(connection, version, attributes)

    return await answer(door, read)


@router.post(
    "/achievements/{key}/complete",
    operation_id="achievements_complete",
    tags=["Achievements"],
    summary="Complete an achievement for a user",
    status_code=201,
    responses=done(contract.AchievementCompletionResponse, 201, 400, 404, 413, replay=True),
    openapi_extra=body_of("CompletionRequest"),
)
async def achievements_complete(door: LetIn, key: Key, request: Request) -> Json:
    """Put the completion on the log and answer with what the judge made of it."""
    return await complete(door.parts, door.tenant, key, request)


@router.get(
    "/streaks",
    operation_id="streaks_list",
    tags=["Streaks"],
    summary="Get the streaks of several users",
    responses=ok(list[contract.BulkStreak]),
)
async def streaks_list(
    door: LetIn,
    users: Annotated[
        list[str],
        Query(alias="userIds", max_length=USERS_MAX, description="Ids of at most 100 users."),
    ],
) -> Json:
    """Return the length of each user's streak, the longest first; 0 for who has none."""
    now = door.parts.config.clock()

    async def read(connection: Connection, version: Version) -> Shown:
        return await reads.bulk_streaks(connection, version, users, now)

    return await answer(door, read)
