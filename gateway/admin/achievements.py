"""The status of an achievement, beyond the contract."""

from fastapi import Request

from contract.admin.achievements import (
    STATUS,
    AchievementStatus,
    AchievementStatusRequest,
    with_new_status,
)
from gateway.admin.requests import (
    OURS,
    answers,
    new_router,
    object_body,
    read_json,
    read_object,
)
from gateway.http.dependencies import Key
from gateway.http.responses import Json
from gateway.services import AdminContext

router = new_router()


@router.patch(
    "/achievements/{key}",
    operation_id="admin_achievements_update",
    tags=OURS,
    summary="Activate, lock or unlock an achievement",
    responses=answers(400, 404, 413),
    openapi_extra=object_body(AchievementStatusRequest),
)
async def achievements_update(
    context: AdminContext, key: Key, request: Request
) -> Json[AchievementStatus]:
    """Change the status of an achievement; users who already qualify are backfilled later."""
    services, tenant, _ = context
    asked = read_object(STATUS, await read_json(request))
    _, achievement = await services.definitions.change(
        tenant, lambda game: with_new_status(tenant, game, key, asked)
    )
    return Json(achievement)
