"""Users: created, identified, changed, read.

A write is an input on the log, answered with what is known of the user after it. Personal fields
never enter the ledger and reach the tables on a way of their own, so the answer is made of what is
stored and of what was sent just now.
"""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by the dependency UserId

import contextlib
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from msgspec import UNSET

from contract.application import users
from contract.items import check_attributes
from gateway.http.dependencies import UserId
from gateway.http.errors import ApiError, NotReadyError
from gateway.http.requests import body_of, read_body, read_object, read_struct
from gateway.http.responses import Json, Route, done, ok, written
from gateway.services import Context, RequestContext, Services
from projections.database import Connection, DatabaseError
from projections.profiles import subscription_of
from projections.users import User, user
from schemas.entries import UserEntry
from schemas.inputs import EventUser
from schemas.inputs.explaining import sentence
from schemas.records import Record

router = APIRouter(prefix="/v1/users", tags=["Users"], route_class=Route)


@router.post(
    "",
    operation_id="users_create",
    summary="Create a user, or change what is known of one",
    status_code=201,
    responses=done(201, 400, 413),
    openapi_extra=body_of("UpsertedUser"),
)
async def users_create(context: Context, request: Request) -> Json[users.User]:
    """Identify the user of the body (OD-37: also one who is known is answered with 201)."""
    body = read_object(await read_body(request), "the id of a user")
    found = await _identify(context, body)
    return written(found.answer, 201, pending=found.pending)


@router.get(
    "/{id}",
    operation_id="users_get",
    summary="Get a user",
    responses=ok(400, 404),
)
async def users_get(context: Context, user_id: UserId) -> Json[users.User]:
    """Return a user as they are known."""
    async with context.services.snapshot() as connection:
        found = await existing_user(connection, context.tenant, user_id)
    return Json(users.user(users.person(found, found.subscribe_to_emails)))


@router.put(
    "/{id}",
    operation_id="users_identify",
    summary="Identify a user: create them, or change what is known of them",
    responses=done(200, 400, 413),
    openapi_extra=body_of("UpdatedUser"),
)
async def users_identify(context: Context, user_id: UserId, request: Request) -> Json[users.User]:
    """Identify the user of the path."""
    found = await _identify(context, await _user_body(request, user_id))
    return written(found.answer, 200, pending=found.pending)


@router.patch(
    "/{id}",
    operation_id="users_update",
    summary="Change what is known of a user",
    responses=done(200, 400, 404, 413),
    openapi_extra=body_of("UpdatedUser"),
)
async def users_update(context: Context, user_id: UserId, request: Request) -> Json[users.User]:
    """Do as PUT with a user who is known; 404 for one who is not."""
    body = await _user_body(request, user_id)
    if await known_by_now(context.services, context.tenant, user_id) is None:
        raise no_user()
    found = await _identify(context, body)
    return written(found.answer, 200, pending=found.pending)


async def _user_body(request: Request, user_id: str) -> dict[str, Any]:
    body = read_object(await read_body(request), "what is known of the user")
    if body.get("id", user_id) != user_id:
        raise ApiError(422, "id: must be the one of the path, or be left out.")
    return {**body, "id": user_id}


class Written(NamedTuple):
    """A user after a write."""

    answer: users.User
    # Whether the judge's word has not come in time: the broker has the input.
    pending: bool


async def _identify(context: RequestContext, body: dict[str, Any]) -> Written:
    """Create a user, or change what `body`, an UpsertedUser, gives; the rest stays as it is.

    Raises ApiError and ContractError: 413 and 422 for what the checks refuse, 503 when the broker
    or the database is away.
    """
    services, tenant, allowed = context
    given = read_struct(EventUser, body)
    allowed.check_user(given.id)
    check_fields(given, "")
    await check_given(services, tenant, given)
    async with services.snapshot() as connection:
        before = await user(connection, tenant, given.id)
        subscribed = await subscription_of(connection, tenant, given.id)
    record = await services.log.submit(tenant, given.id, {"type": "user", "user": body})
    if before is None and record is not None and not _created(record):
        # They came to be a moment before.
        with contextlib.suppress(DatabaseError, NotReadyError):
            before = await known_by_now(services, tenant, given.id)
    known = users.person(before, subscribed) if before else None
    now = services.config.clock()
    became = users.after(known, subscribed, given, record, now)
    return Written(users.user(became), record is None)


def check_fields(given: EventUser, path: str = "user.") -> None:
    """Refuse what is wrong with a user beyond the types of the fields; raises ApiError 422."""
    problems = list(given.problems(path))
    if problems:
        raise ApiError(422, sentence(problems))


async def check_given(services: Services, tenant: str, given: EventUser) -> None:
    """Check what a request says of its user: attribute keys and the email rule; 422."""
    keys = given.attributes or {}
    await services.definitions.checked(tenant, lambda head: check_attributes("user", keys, head))
    await check_email_on_file(services, tenant, given)


async def check_email_on_file(services: Services, tenant: str, given: EventUser) -> None:
    """Refuse a subscription of somebody of whom no address is known (OD-8); ApiError 422."""
    if given.subscribeToEmails is not True or given.email:
        return
    async with services.database.connection() as connection:
        known = await user(connection, tenant, given.id)
    # An address that the input itself clears is none.
    if given.email is not UNSET or known is None or not known.email:
        raise ApiError(
            422,
            "user.subscribeToEmails: is true, but no email address is known; send user.email too.",
        )


async def existing_user(connection: Connection, tenant: str, user_id: str) -> User:
    """Return a user; ApiError 404 for one who never did anything."""
    # Postgres has no text with a NUL in it, so nobody is called that.
    found = None if "\0" in user_id else await user(connection, tenant, user_id)
    if found is None:
        raise no_user()
    return found


async def known_by_now(services: Services, tenant: str, user_id: str) -> User | None:
    """Return a user, also one who came to be a moment ago; None for one who never did anything.

    Raises NotReadyError when the projection is too far behind the ledger to tell.
    """
    # Postgres has no text with a NUL in it, so nobody is called that.
    if "\0" in user_id:
        return None
    async with services.database.connection() as connection:
        found = await user(connection, tenant, user_id)
    if found is not None:
        return found
    if not await services.settled():
        raise NotReadyError("What is known of users is behind the events. Try again.")
    async with services.database.connection() as connection:
        return await user(connection, tenant, user_id)


def no_user() -> ApiError:
    """Return the error for a user who never did anything."""
    return ApiError(404, "There is no such user: a user comes to be with their first event.")


def _created(record: Record) -> bool:
    return any(isinstance(it, UserEntry) and it.created for it in record.entries)
