"""The operations of the Application API under /v1: who asks, what for, and with which status.

Answers are built elsewhere: a POST's from the ledger (`verdicts`), a GET's from the projections
(`reads`). Statuses beyond the contract are those of semantics OD-2 and OD-44.
"""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by the dependencies UserId and Key

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request

from gateway import contract, reads
from gateway.entry import Door, Incomplete, Key, LetIn, UserId, utf8
from gateway.errors import MEANINGS, ApiError, AwayError, Json
from gateway.events import Asked, post_event
from projections.database import Connection
from schemas.versions import Version

HISTORY_DEFAULT: Final = 7
HISTORY_MAX: Final = 1000

Shown = dict[str, Any] | list[dict[str, Any]]
Read = Callable[[Connection, Version], Awaitable[Shown]]


async def _answer(door: Door, read: Read) -> Json:
    """Answer a GET under the tenant's newest definitions."""
    version = door.parts.head(door.tenant)
    if version is None and await door.parts.refreshed():
        version = door.parts.head(door.tenant)
    if version is None:
        raise ApiError(404, f"The tenant {door.tenant!r} has no definitions: `xp apply` them.")
    try:
        async with door.parts.snapshot() as connection:
            return Json(await read(connection, version))
    except LookupError as error:
        # A row names what our definitions lack: they are behind it.
        if not await door.parts.refreshed():
            raise AwayError("The newest definitions are being read. Try again.") from error
    newer = door.parts.head(door.tenant) or version
    async with door.parts.snapshot() as connection:
        return Json(await read(connection, newer))


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"model": contract.ErrorBody, "description": MEANINGS[status]}
        for status in sorted({401, 403, 422, 503, *statuses})
    }


def _ok(model: object, *statuses: int) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model, "description": "Found."}, **_errors(404, *statuses)}


router = APIRouter(prefix="/v1")

_EVENT_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    201: {"model": contract.EventResponse, "description": "Judged: what the event led to."},
    202: {
        "model": contract.EventResponse,
        "description": "A replay of an idempotency key, which changes nothing; or, with the header "
        "XP-Verdict: pending, an event that the broker has and whose verdict did not come in time.",
    },
    **_errors(400, 404, 413),
}


@router.post(
    "/metrics/{key}/event",
    operation_id="metrics_event",
    tags=["Metrics"],
    summary="Send a metric event and get its verdict",
    status_code=201,
    responses=_EVENT_RESPONSES,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/EventRequest"}}
            },
        }
    },
)
async def metrics_event(
    door: LetIn,
    key: Key,
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Counts the event once, however often it is sent (1 to 255 characters).",
        ),
    ] = None,
) -> Json:
    """Put an event on the log and answer with what the judge made of it."""
    return await post_event(door.parts, Asked(door.tenant, key, utf8(idempotency_key), request))


@router.get(
    "/users/{id}",
    operation_id="users_get",
    tags=["Users"],
    summary="Get a user",
    responses=_ok(contract.User, 400),
)
async def users_get(door: LetIn, user_id: UserId) -> Json:
    """Return a user as they are known."""
    async with door.parts.snapshot() as connection:
        return Json(reads.user_answer(await reads.known_user(connection, door.tenant, user_id)))


@router.get(
    "/users/{id}/metrics",
    operation_id="users_all_metrics",
    tags=["Users"],
    summary="Get a user's totals of all metrics",
    responses=_ok(list[contract.MetricResponse]),
)
async def users_all_metrics(door: LetIn, user_id: UserId) -> Json:
    """Return the totals of all metrics in use."""

    async def read(connection: Connection, version: Version) -> Shown:
        await reads.known_user(connection, door.tenant, user_id)
        return await reads.metrics(connection, version, user_id)

    return await _answer(door, read)


@router.get(
    "/users/{id}/metrics/{key}",
    operation_id="users_single_metric",
    tags=["Users"],
    summary="Get a user's total of one metric",
    responses=_ok(contract.MetricResponse),
)
async def users_single_metric(door: LetIn, user_id: UserId, key: Key) -> Json:
    """Return the total of one metric."""

    async def read(connection: Connection, version: Version) -> Shown:
        await reads.known_user(connection, door.tenant, user_id)
        return await reads.metric(connection, version, user_id, key)

    return await _answer(door, read)


@router.get(
    "/users/{id}/achievements",
    operation_id="users_achievements",
    tags=["Users"],
    summary="Get a user's achievements",
    responses=_ok(list[contract.UserAchievementWithStatsResponse]),
)
async def users_achievements(door: LetIn, user_id: UserId, incomplete: Incomplete) -> Json:
    """Return the completed achievements, and on request the others, with how rare they are."""

    async def read(connection: Connection, version: Version) -> Shown:
        await reads.known_user(connection, door.tenant, user_id)
        return await reads.achievements(connection, version, user_id, incomplete=incomplete)

    return await _answer(door, read)


@router.get(
    "/users/{id}/streak",
    operation_id="users_streak",
    tags=["Users"],
    summary="Get a user's streak",
    responses=_ok(contract.StreakResponse),
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
        found = await reads.known_user(connection, door.tenant, user_id)
        return await reads.streak_answer(connection, version, found, now, history)

    return await _answer(door, read)


@router.get(
    "/users/{id}/points/{key}",
    operation_id="users_points",
    tags=["Users"],
    summary="Get a user's points in a points system",
    responses=_ok(contract.GetUserPointsResponse),
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

    return await _answer(door, read)
