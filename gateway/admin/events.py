"""Corrections of earlier events, beyond the contract: inputs on the log."""

from fastapi import Request

from broker.finder import find_record
from contract.admin.corrections import CORRECTION, CorrectionRequest, correction_of
from contract.admin.effects import Effects
from gateway.admin.effects import answered, with_key
from gateway.admin.requests import (
    OURS,
    EventId,
    IdempotencyKey,
    answers,
    new_router,
    object_body,
    read_json,
    read_object,
)
from gateway.http.dependencies import utf8
from gateway.http.errors import ApiError
from gateway.http.responses import Json
from gateway.services import AdminContext
from schemas.numbers import number

router = new_router()


@router.post(
    "/events/{id}/correction",
    operation_id="admin_events_correct",
    tags=OURS,
    summary="Correct an earlier event, or reverse it",
    status_code=201,
    responses=answers(400, 404, 413, ok=(201, 202)),
    openapi_extra=object_body(CorrectionRequest),
)
async def events_correct(
    context: AdminContext,
    event_id: EventId,
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> Json[Effects]:
    """Let an earlier event count with another value; null reverses it."""
    services, tenant, _ = context
    asked = read_object(CORRECTION, await read_json(request))
    record = await find_record(services.config.connection, services.config.topics, event_id)
    if record is None or record.tenant != tenant:
        raise ApiError(404, "There is no such event in the ledger.")
    value = {
        **correction_of(record),
        "reason": asked["reason"],
        **with_key(utf8(idempotency_key)),
    }
    if asked["value"] is not None:
        # Exact: the judge reads the number as it stands here.
        value["value"] = number(asked["value"])
    user = record.user
    assert user is not None, "a metric event is of a user"
    return answered(user, await services.log.submit(tenant, user, value))
