"""The operations of the Admin API under /admin/v1: who asks, what for, and with which status.

Names, paths and shapes are the contract's; the last three operations are ours. What they do stands
in `admin_items`, `admin_streaks` and `admin_ours`.
"""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by dependencies

from enum import Enum
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import TypeAdapter

from gateway import admin_contract, admin_items, admin_ours, admin_streaks, contract
from gateway.admin_contract import ITEMS_MAX
from gateway.admin_issues import items_of, read_json, split_ids
from gateway.admin_items import BOOSTS, LEVELS, TRIGGERS, Ways
from gateway.entry import Key, LetAdminIn, UserId, utf8
from gateway.errors import MEANINGS, Json

router = APIRouter(prefix="/admin/v1")

_TAGS: Final[list[str | Enum]] = ["Admin"]
_OURS: Final[list[str | Enum]] = ["Admin, beyond the contract"]
_SYSTEM: Final = "/points/{systemId}"

SystemId = Annotated[UUID, Path(alias="systemId", description="Id of the points system.")]
ItemId = Annotated[UUID, Path(alias="id")]
EventId = Annotated[str, Path(alias="id", description="Id of an event, such as `0-2-1655`.")]
Limit = Annotated[int, Query(ge=1, le=100)]
Skip = Annotated[int, Query(ge=0)]
Ids = Annotated[
    list[str],
    Query(description=f"Up to {ITEMS_MAX} ids, repeated or separated by commas.", min_length=1),
]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key")]
Responses = dict[int | str, dict[str, Any]]

# What the 413 of these operations means, which take more than an event may have.
_TOO_LARGE: Final = "The body is larger than 1 MiB."


def _responses(model: object, *statuses: int, ok: tuple[int, ...] = (200,)) -> Responses:
    documented: Responses = {
        status: {"model": model, "description": "Done." if status < 201 else "Something was made."}  # noqa: PLR2004  the status itself
        for status in ok
    }
    for status in sorted({401, 403, 422, 503, *statuses}):
        meaning = _TOO_LARGE if status == 413 else MEANINGS[status]  # noqa: PLR2004  the status itself
        documented[status] = {"model": contract.ErrorBody, "description": meaning}
    return documented


def _body(shape: object, field: str | None = None) -> dict[str, Any]:
    """Return the description of a request: a bare list of items, or one under a field."""
    items = {
        "type": "array",
        "items": _schema(shape),
        "minItems": 1,
        "maxItems": ITEMS_MAX,
    }
    schema: dict[str, Any] = items
    if field is not None:
        schema = {"type": "object", "properties": {field: items}, "required": [field]}
    return _required(schema)


def _required(schema: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def _schema(shape: Any) -> dict[str, Any]:  # noqa: ANN401  any type of the contract
    """Return the JSON Schema of a type, with what it refers to put in its place."""
    schema = TypeAdapter(shape).json_schema()
    parts = schema.pop("$defs", {})

    def whole(node: Any) -> Any:  # noqa: ANN401  any part of a JSON document
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                return whole(parts[reference.rpartition("/")[2]])
            return {name: whole(part) for name, part in node.items()}
        return [whole(part) for part in node] if isinstance(node, list) else node

    found: dict[str, Any] = whole(schema)
    return found


def _serve_items(
    ways: Ways,
    *,
    item: object,
    create: object,
    change: object,
    created: object,
    updated: object,
    deleted: object,
) -> None:
    """Add the five operations on a kind of items."""
    many, one = f"{_SYSTEM}/{ways.kind}", f"{_SYSTEM}/{ways.kind}/{{id}}"
    name = f"admin_points_{ways.kind}"

    @router.get(
        many,
        operation_id=f"{name}_list",
        tags=_TAGS,
        summary=f"List the {ways.kind} of a points system",
        responses=_responses(list[item], 404),  # type: ignore[valid-type]  # a type by its value
    )
    async def list_(door: LetAdminIn, system: SystemId, limit: Limit = 10, skip: Skip = 0) -> Json:
        return await admin_items.listed(door, ways, str(system), limit, skip)

    @router.post(
        many,
        operation_id=f"{name}_create",
        tags=_TAGS,
        summary=f"Create {ways.kind} in a points system",
        status_code=201,
        responses=_responses(created, 400, 404, 413, ok=(200, 201)),
        openapi_extra=_body(create),
    )
    async def create_(door: LetAdminIn, system: SystemId, request: Request) -> Json:
        items = items_of(await read_json(request))
        return await admin_items.created(door, ways, str(system), items)

    @router.patch(
        many,
        operation_id=f"{name}_update",
        tags=_TAGS,
        summary=f"Change {ways.kind} of a points system",
        responses=_responses(updated, 400, 404, 413),
        openapi_extra=_body(change),
    )
    async def update_(door: LetAdminIn, system: SystemId, request: Request) -> Json:
        items = items_of(await read_json(request))
        return await admin_items.changed(door, ways, str(system), items)

    @router.delete(
        many,
        operation_id=f"{name}_delete",
        tags=_TAGS,
        summary=f"Archive {ways.kind} of a points system",
        responses=_responses(deleted, 404),
    )
    async def delete_(door: LetAdminIn, system: SystemId, ids: Ids) -> Json:
        return await admin_items.deleted(door, ways, str(system), split_ids(ids))

    @router.get(
        one,
        operation_id=f"{name}_get",
        tags=_TAGS,
        summary=f"Get one of the {ways.kind} of a points system",
        responses=_responses(item, 404),
    )
    async def get_(door: LetAdminIn, system: SystemId, wanted: ItemId) -> Json:
        return await admin_items.found(door, ways, str(system), str(wanted))


_serve_items(
    BOOSTS,
    item=admin_contract.AdminPointsBoost,
    create=admin_contract.CreatePointsBoostRequestItem,
    change=admin_contract.PatchPointsBoostRequestItem,
    created=admin_contract.CreatePointsBoostsResponse,
    updated=admin_contract.PatchPointsBoostsResponse,
    deleted=admin_contract.DeletePointsBoostsResponse,
)
_serve_items(
    TRIGGERS,
    item=admin_contract.AdminPointsTrigger,
    create=admin_contract.CreatePointsTriggerRequestItem,
    change=admin_contract.PatchPointsTriggerRequestItem,
    created=admin_contract.CreatePointsTriggersResponse,
    updated=admin_contract.PatchPointsTriggersResponse,
    deleted=admin_contract.DeletePointsTriggersResponse,
)
_serve_items(
    LEVELS,
    item=admin_contract.AdminPointsLevel,
    create=admin_contract.CreatePointsLevelRequestItem,
    change=admin_contract.PatchPointsLevelRequestItem,
    created=admin_contract.CreatePointsLevelsResponse,
    updated=admin_contract.PatchPointsLevelsResponse,
    deleted=admin_contract.DeletePointsLevelsResponse,
)


@router.post(
    "/points/boosts",
    operation_id="admin_points_boosts_create_old",
    tags=_TAGS,
    summary="Create boosts of single users, in the older shape",
    status_code=201,
    deprecated=True,
    responses=_responses(admin_contract.CreatePointsBoostsResponse, 400, 404, 413, ok=(200, 201)),
    openapi_extra=_required(_schema(admin_contract.OldBoostsRequest)),
)
async def old_boosts_create(door: LetAdminIn, request: Request) -> Json:
    """Make boosts of single users; the body names the points system by its key."""
    body = await read_json(request)
    items = items_of(body, "boosts")
    assert isinstance(body, dict), "it has the items under a field"
    return await admin_items.old_boosts_created(door, body.get("systemKey"), items)


@router.delete(
    "/points/boosts",
    operation_id="admin_points_boosts_delete_old",
    tags=_TAGS,
    summary="Archive boosts of any points system, in the older shape",
    deprecated=True,
    responses=_responses(admin_contract.DeletePointsBoostsResponse),
)
async def old_boosts_delete(door: LetAdminIn, ids: Ids) -> Json:
    """Archive boosts, whatever points system they are of."""
    return await admin_items.old_boosts_deleted(door, split_ids(ids))


@router.post(
    "/streaks/freezes",
    operation_id="admin_streaks_freezes_create",
    tags=_TAGS,
    summary="Grant streak freezes",
    status_code=201,
    responses=_responses(admin_contract.CreateStreakFreezesResponse, 400, 413, ok=(200, 201)),
    openapi_extra=_body(admin_contract.FreezeRequestItem, "freezes"),
)
async def streaks_freezes_create(door: LetAdminIn, request: Request) -> Json:
    """Grant a freeze for each item; the same user may be named several times."""
    items = items_of(await read_json(request), "freezes")
    return await admin_streaks.freezes_granted(door, items)


@router.post(
    "/streaks/pauses",
    operation_id="admin_streaks_pauses_create",
    tags=_TAGS,
    summary="Pause streaks",
    status_code=201,
    responses=_responses(admin_contract.CreateStreakPausesResponse, 400, 413, ok=(200, 201)),
    openapi_extra=_body(admin_contract.PauseRequestItem, "pauses"),
)
async def streaks_pauses_create(door: LetAdminIn, request: Request) -> Json:
    """Keep streaks without activity between two dates, both included."""
    items = items_of(await read_json(request), "pauses")
    return await admin_streaks.pauses_added(door, items)


@router.delete(
    "/streaks/pauses",
    operation_id="admin_streaks_pauses_delete",
    tags=_TAGS,
    summary="Remove pauses of streaks",
    responses=_responses(admin_contract.DeleteStreakPausesResponse),
)
async def streaks_pauses_delete(door: LetAdminIn, ids: Ids) -> Json:
    """Remove pauses by their ids."""
    return await admin_streaks.pauses_removed(door, split_ids(ids))


@router.post(
    "/streaks/restore",
    operation_id="admin_streaks_restore",
    tags=_TAGS,
    summary="Give lost streaks back",
    status_code=201,
    responses=_responses(admin_contract.RestoreStreaksResponse, 400, 413, ok=(200, 201)),
    openapi_extra=_body(admin_contract.RestoreRequestItem, "users"),
)
async def streaks_restore(door: LetAdminIn, request: Request) -> Json:
    """Give each user the longest streak back that was lost not too long ago."""
    items = items_of(await read_json(request), "users")
    return await admin_streaks.streaks_restored(door, items)


@router.post(
    "/events/{id}/correction",
    operation_id="admin_events_correct",
    tags=_OURS,
    summary="Correct an earlier event, or reverse it",
    status_code=201,
    responses=_responses(admin_contract.Effects, 400, 404, 413, ok=(201, 202)),
    openapi_extra=_required(_schema(admin_contract.CorrectionRequest)),
)
async def events_correct(
    door: LetAdminIn, event_id: EventId, request: Request, idempotency_key: IdempotencyKey = None
) -> Json:
    """Let an earlier event count with another value; null reverses it."""
    body = await read_json(request)
    return await admin_ours.event_corrected(door, event_id, body, utf8(idempotency_key))


@router.post(
    "/users/{id}/points/{key}/adjustments",
    operation_id="admin_users_points_adjust",
    tags=_OURS,
    summary="Grant a user points, or deduct some",
    status_code=201,
    responses=_responses(admin_contract.Effects, 400, 404, 413, ok=(201, 202)),
    openapi_extra=_required(_schema(admin_contract.AdjustmentRequest)),
)
async def users_points_adjust(
    door: LetAdminIn,
    user: UserId,
    key: Key,
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> Json:
    """Change a user's balance by hand, with a reason."""
    body = await read_json(request)
    return await admin_ours.points_adjusted(door, user, key, body, utf8(idempotency_key))


@router.patch(
    "/achievements/{key}",
    operation_id="admin_achievements_update",
    tags=_OURS,
    summary="Activate, lock or unlock an achievement",
    responses=_responses(admin_contract.AchievementStatus, 400, 404, 413),
    openapi_extra=_required(_schema(admin_contract.AchievementStatusRequest)),
)
async def achievements_update(door: LetAdminIn, key: Key, request: Request) -> Json:
    """Change the status of an achievement; users who already qualify are backfilled later."""
    return await admin_ours.achievement_status(door, key, await read_json(request))
