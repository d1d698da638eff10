"""POST /achievements/{key}/complete: the input on the log, answered with the ledger's verdict."""

from datetime import datetime

from fastapi import APIRouter, Request
from msgspec import Struct

from contract.application.achievements import AchievementCompletionResponse, completion
from contract.items import check_api_achievement
from gateway.application.users import check_fields, check_given
from gateway.http.dependencies import Key
from gateway.http.requests import body_of, read_body, read_object, read_struct
from gateway.http.responses import PENDING, Json, Route, done
from gateway.services import Context, Services
from projections.achievements import completions_of
from projections.database import DatabaseError
from schemas.inputs import EventUser
from schemas.instants import instant
from schemas.records import time_of

router = APIRouter(prefix="/v1", route_class=Route)


class Completion(Struct, forbid_unknown_fields=True):
    """The body of a request."""

    user: EventUser


@router.post(
    "/achievements/{key}/complete",
    operation_id="achievements_complete",
    tags=["Achievements"],
    summary="Complete an achievement for a user",
    status_code=201,
    responses=done(201, 400, 404, 413, replay=True),
    openapi_extra=body_of("CompletionRequest"),
)
async def achievements_complete(
    context: Context, key: Key, request: Request
) -> Json[AchievementCompletionResponse]:
    """Put the completion on the log and answer with what the judge made of it."""
    services, tenant, allowed = context
    body = read_object(await read_body(request), "user")
    given = read_struct(Completion, body).user
    allowed.check_user(given.id)
    check_fields(given)
    await services.definitions.checked(tenant, lambda head: check_api_achievement(head, key))
    await check_given(services, tenant, given)
    value = {"type": "achievement", "user": body["user"], "achievement": key}
    record = await services.log.submit(tenant, given.id, value)
    if record is None:
        at = await _achieved_at(services, tenant, given.id, key)
        version = services.definitions.head(tenant)
        assert version is not None, "the achievement was found in a version"
        late = completion(version, given.id, key, at, None)
        return Json(late, status_code=202, headers=PENDING)
    judged = services.definitions.version(tenant, record.definitions)
    assert judged is not None, "a completion that counts was judged by a version"
    if record.outcome == "replayed":
        at = await _achieved_at(services, tenant, given.id, key)
        if at is None and await services.settled():
            at = await _achieved_at(services, tenant, given.id, key)
        return Json(completion(judged, given.id, key, at, None), status_code=202)
    at = instant(time_of(record))
    return Json(completion(judged, given.id, key, at, record), status_code=201)


async def _achieved_at(services: Services, tenant: str, user_id: str, key: str) -> datetime | None:
    try:
        async with services.database.connection() as connection:
            rows = await completions_of(connection, tenant, user_id)
    except DatabaseError:
        # The broker has the request: what the tables would add is left out.
        return None
    return next((row.achieved_at for row in rows if row.achievement == key), None)
