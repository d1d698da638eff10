"""Adjustments of a user's points by hand, beyond the contract: inputs on the log."""

from fastapi import Request

from contract.admin.effects import Effects
from contract.admin.points import ADJUSTMENT, AdjustmentRequest
from gateway.admin.effects import answered, with_key
from gateway.admin.requests import (
    OURS,
    IdempotencyKey,
    answers,
    new_router,
    object_body,
    read_json,
    read_object,
)
from gateway.http.dependencies import Key, UserId, utf8
from gateway.http.responses import Json
from gateway.services import AdminContext

router = new_router()


@router.post(
    "/users/{id}/points/{key}/adjustments",
    operation_id="admin_users_points_adjust",
    tags=OURS,
    summary="Grant a user points, or deduct some",
    status_code=201,
    responses=answers(400, 404, 413, ok=(201, 202)),
    openapi_extra=object_body(AdjustmentRequest),
)
async def users_points_adjust(
    context: AdminContext,
    user: UserId,
    key: Key,
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> Json[Effects]:
    """Change a user's balance by hand, with a reason."""
    asked = read_object(ADJUSTMENT, await read_json(request))
    value = {
        "type": "adjustment",
        "system": key,
        "points": asked["points"],
        "reason": asked["reason"],
        **with_key(utf8(idempotency_key)),
    }
    return answered(user, await context.services.log.submit(context.tenant, user, value))
