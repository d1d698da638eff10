"""The operations on users and their preferences, under /v1/users."""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by the dependency UserId

from typing import Any

from fastapi import APIRouter, Request

from gateway import contract, preferences, reads, users
from gateway.answering import Shown, answer, body_of, done, ok, written
from gateway.bodies import read_body
from gateway.checks import read_object
from gateway.entry import LetIn, UserId
from gateway.errors import ApiError, Json
from projections.database import Connection
from schemas.versions import Version

router = APIRouter(prefix="/v1/users", tags=["Users"])


@router.post(
    "",
    operation_id="users_create",
    summary="Create a user, or change what is known of one",
    status_code=201,
    responses=done(contract.User, 201, 400, 413),
    openapi_extra=body_of("UpsertedUser"),
)
async def users_create(door: LetIn, request: Request) -> Json:
    """Identify the user of the body (OD-37: also one who is known is answered with 201)."""
    body = read_object(await read_body(request), "the id of a user")
    found = await users.identify(door.parts, door.tenant, body)
    return written(found.answer, 201, pending=found.pending)


@router.get(
    "/{id}",
    operation_id="users_get",
    summary="Get a user",
    responses=ok(contract.User, 400, 404),
)
async def users_get(door: LetIn, user_id: UserId) -> Json:
    """Return a user as they are known."""
    async with door.parts.snapshot() as connection:
        return Json(reads.user_answer(await reads.known_user(connection, door.tenant, user_id)))


@router.put(
    "/{id}",
    operation_id="users_identify",
    summary="Identify a user: create them, or change what is known of them",
    responses=done(contract.User, 200, 400, 413),
    openapi_extra=body_of("UpdatedUser"),
)
async def users_identify(door: LetIn, user_id: UserId, request: Request) -> Json:
    """Identify the user of the path."""
    body = await _user_body(request, user_id)
    found = await users.identify(door.parts, door.tenant, body)
    return written(found.answer, 200, pending=found.pending)


@router.patch(
    "/{id}",
    operation_id="users_update",
    summary="Change what is known of a user",
    responses=done(contract.User, 200, 400, 404, 413),
    openapi_extra=body_of("UpdatedUser"),
)
async def users_update(door: LetIn, user_id: UserId, request: Request) -> Json:
    """Do as PUT with a user who is known; 404 for one who is not."""
    body = await _user_body(request, user_id)
    found = await users.update(door.parts, door.tenant, user_id, body)
    return written(found.answer, 200, pending=found.pending)


async def _user_body(request: Request, user_id: str) -> dict[str, Any]:
    body = read_object(await read_body(request), "what is known of the user")
    if body.get("id", user_id) != user_id:
        raise ApiError(422, "id: must be the one of the path, or be left out.")
    return {**body, "id": user_id}


@router.get(
    "/{id}/preferences",
    operation_id="users_get_preferences",
    summary="Get a user's preferences",
    responses=ok(contract.UserPreferencesResponse, 404),
)
async def users_get_preferences(door: LetIn, user_id: UserId) -> Json:
    """Return what the user set, of the streak and of notifications."""

    async def read(connection: Connection, version: Version) -> Shown:
        return await preferences.preferences(connection, version, user_id)

    return await answer(door, read)


@router.patch(
    "/{id}/preferences",
    operation_id="users_update_preferences",
    summary="Change a user's preferences",
    responses=done(contract.UserPreferencesResponse, 200, 400, 404, 413),
    openapi_extra=body_of("UpdateUserPreferencesRequest"),
)
async def users_update_preferences(door: LetIn, user_id: UserId, request: Request) -> Json:
    """Set what is given; the rest stays."""
    body = read_object(await read_body(request), "notifications and streak")
    found = await preferences.update(door.parts, door.tenant, user_id, body)
    return written(found.answer, 200, pending=found.pending)
