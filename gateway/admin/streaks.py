"""Freezes, pauses and restored streaks of many users at once: inputs on the log.

See docs/reference/admin.md.
"""

import uuid
from collections.abc import Mapping, Sequence

from fastapi import Request

from contract.admin import streaks
from contract.admin.reading import Parsed, canonical, parse_items
from contract.admin.values import AdminIssue, issue
from contract.errors import RefusedItemError
from gateway.admin.inputs import Asked, issues_of, status_of, submit_all
from gateway.admin.requests import (
    TAGS,
    Ids,
    answers,
    items_body,
    items_of,
    new_router,
    read_json,
    split_ids,
)
from gateway.http.responses import Json
from gateway.services import AdminContext, RequestContext
from projections.protection import pause_owner

router = new_router()


@router.post(
    "/streaks/freezes",
    operation_id="admin_streaks_freezes_create",
    tags=TAGS,
    summary="Grant streak freezes",
    status_code=201,
    responses=answers(400, 413, ok=(200, 201)),
    openapi_extra=items_body(streaks.FreezeRequestItem, "freezes"),
)
async def streaks_freezes_create(
    context: AdminContext, request: Request
) -> Json[streaks.CreateStreakFreezesResponse]:
    """Grant a freeze for each item; the same user may be named several times."""
    raw = items_of(await read_json(request), "freezes")
    parsed, malformed = parse_items(streaks.FREEZE, raw)
    asked = [
        Asked({"userId": item["userId"], "index": index}, item["userId"], {"type": "freeze"})
        for index, item in parsed
    ]
    done = await submit_all(context, asked, severity="warning")
    return Json({"issues": issues_of(malformed, done)}, status_code=status_of(done))


@router.post(
    "/streaks/pauses",
    operation_id="admin_streaks_pauses_create",
    tags=TAGS,
    summary="Pause streaks",
    status_code=201,
    responses=answers(400, 413, ok=(200, 201)),
    openapi_extra=items_body(streaks.PauseRequestItem, "pauses"),
)
async def streaks_pauses_create(
    context: AdminContext, request: Request
) -> Json[streaks.CreateStreakPausesResponse]:
    """Keep streaks without activity between two dates, both included."""
    raw = items_of(await read_json(request), "pauses")
    parsed, malformed = parse_items(streaks.PAUSE, raw)
    done = await submit_all(context, [_pause(it) for it in parsed], severity="error")
    created: list[streaks.AdminStreakPause] = [
        {
            "id": it.asked.value["id"],
            "userId": it.asked.user,
            "start": it.asked.value["start"],
            "end": it.asked.value["end"],
            "status": "active",
        }
        for it in done
        if it.taken
    ]
    return Json(
        {"created": created, "issues": issues_of(malformed, done)}, status_code=status_of(done)
    )


def _pause(parsed: Parsed[streaks.PauseRequestItem]) -> Asked:
    index, item = parsed
    value = {
        "type": "pause",
        "id": str(uuid.uuid4()),
        "start": item["start"].isoformat(),
        "end": item["end"].isoformat(),
    }
    return Asked({"userId": item["userId"], "index": index}, item["userId"], value)


@router.delete(
    "/streaks/pauses",
    operation_id="admin_streaks_pauses_delete",
    tags=TAGS,
    summary="Remove pauses of streaks",
    responses=answers(),
)
async def streaks_pauses_delete(
    context: AdminContext, ids: Ids
) -> Json[streaks.DeleteStreakPausesResponse]:
    """Remove pauses by their ids."""
    wanted = split_ids(ids)
    owners = await _owners(context, wanted)
    malformed: list[AdminIssue] = []
    asked: list[Asked] = []
    for pause_id in wanted:
        owner = owners.get(pause_id)
        if isinstance(owner, RefusedItemError):
            malformed.append(issue(str(owner), {"id": pause_id}))
        elif owner is None:
            malformed.append(issue("Streak pause not found by ID", {"id": pause_id}))
        else:
            value = {"type": "pause_removal", "id": canonical(pause_id)}
            asked.append(Asked({"id": pause_id, "userId": owner}, owner, value))
    done = await submit_all(context, asked, severity="error")
    return Json(
        {
            "deleted": [{"id": it.asked.value["id"]} for it in done if it.taken],
            "issues": issues_of(malformed, done),
        }
    )


async def _owners(
    context: RequestContext, ids: Sequence[str]
) -> Mapping[str, str | RefusedItemError | None]:
    owners = {pause_id: await _owner(context, pause_id) for pause_id in ids}
    # What was made a moment ago may not have reached the tables yet.
    if None in owners.values() and await context.services.settled():
        owners = {
            pause_id: owner or await _owner(context, pause_id) for pause_id, owner in owners.items()
        }
    return owners


async def _owner(context: RequestContext, pause_id: str) -> str | RefusedItemError | None:
    try:
        wanted = canonical(pause_id)
    except RefusedItemError as refused:
        return refused
    async with context.services.database.connection() as connection:
        return await pause_owner(connection, context.tenant, wanted)


@router.post(
    "/streaks/restore",
    operation_id="admin_streaks_restore",
    tags=TAGS,
    summary="Give lost streaks back",
    status_code=201,
    responses=answers(400, 413, ok=(200, 201)),
    openapi_extra=items_body(streaks.RestoreRequestItem, "users"),
)
async def streaks_restore(
    context: AdminContext, request: Request
) -> Json[streaks.RestoreStreaksResponse]:
    """Give each user the longest streak back that was lost not too long ago."""
    raw = items_of(await read_json(request), "users")
    parsed, malformed = parse_items(streaks.RESTORE, raw)
    asked = [
        Asked({"userId": item["id"], "index": index}, item["id"], {"type": "restore"})
        for index, item in parsed
    ]
    done = await submit_all(context, asked, severity="warning")
    restored = [it.asked.user for it in done if it.taken and it.issue is None]
    return Json(
        {"restoredUsers": restored, "issues": issues_of(malformed, done)},
        status_code=status_of(done),
    )
