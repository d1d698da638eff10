"""Boosts of a points system; in an older shape too, of single users and of any system."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from fastapi import Request

from contract.admin import boosts
from contract.admin.drafts import Draft, Outcome, Step, carried_out
from contract.collections import SYSTEMS, boosts_of
from contract.errors import RefusedItemError
from gateway.admin.changes import created
from gateway.admin.items import serve
from gateway.admin.kinds import Created, Described, Kind
from gateway.admin.requests import (
    TAGS,
    Ids,
    answers,
    items_of,
    new_router,
    object_body,
    read_json,
    split_ids,
)
from gateway.http.errors import ApiError
from gateway.http.responses import Json
from gateway.services import AdminContext, RequestContext
from projections.users import user
from schemas.definitions import Boost, Definitions
from schemas.versions import Version
from schemas.zones import local_date

router = new_router()


async def _show(
    context: RequestContext, version: Version, system: str, items: Sequence[Boost]
) -> list[boosts.AdminPointsBoost]:
    days = await _todays(context, version, items)
    return [boosts.show(version.tenant, system, it, days[it.key]) for it in items]


async def _todays(
    context: RequestContext, version: Version, items: Iterable[Boost]
) -> Mapping[str, date]:
    """Return the local date of each boost by its key: its user's, or that of the whole game."""
    default = version.definitions.settings.defaultTimeZone
    now = context.services.config.clock()
    zones: dict[str, str] = {}
    found = {}
    for boost in items:
        zone = default
        if boost.userId is not None:
            if boost.userId not in zones:
                async with context.services.database.connection() as connection:
                    known = await user(connection, version.tenant, boost.userId)
                zones[boost.userId] = (known.tz if known else None) or default
            zone = zones[boost.userId]
        found[boost.key] = local_date(now, zone)
    return found


async def _absent(context: RequestContext, users: Sequence[str]) -> frozenset[str]:
    """Return those of some users who do not exist."""
    absent = await _unknown(context, frozenset(users))
    # Who came to be a moment ago may not have reached the tables yet.
    if absent and await context.services.settled():
        absent = await _unknown(context, absent)
    return absent


async def _unknown(context: RequestContext, users: frozenset[str]) -> frozenset[str]:
    if not users:
        return users
    async with context.services.database.connection() as connection:
        return frozenset({it for it in users if await user(connection, context.tenant, it) is None})


BOOSTS: Final = Kind(
    "boosts",
    boosts_of,
    boosts.CREATE,
    boosts.CHANGE,
    boosts.create,
    boosts.change,
    _show,
    lambda item: item.get("userId"),
    _absent,
)
OLD_BOOSTS: Final = Kind(
    "boosts",
    boosts_of,
    boosts.CREATE_OLD,
    boosts.CHANGE,
    boosts.create_old,
    boosts.change,
    _show,
    lambda item: item["userId"],
    _absent,
)

serve(
    router,
    BOOSTS,
    Described(
        item=boosts.AdminPointsBoost,
        create=boosts.CreatePointsBoostRequestItem,
        change=boosts.PatchPointsBoostRequestItem,
        created=boosts.CreatePointsBoostsResponse,
        updated=boosts.PatchPointsBoostsResponse,
        deleted=boosts.DeletePointsBoostsResponse,
    ),
)


@router.post(
    "/points/boosts",
    operation_id="admin_points_boosts_create_old",
    tags=TAGS,
    summary="Create boosts of single users, in the older shape",
    status_code=201,
    deprecated=True,
    responses=answers(400, 404, 413, ok=(200, 201), model=boosts.CreatePointsBoostsResponse),
    openapi_extra=object_body(boosts.OldBoostsRequest),
)
async def old_boosts_create(
    context: AdminContext, request: Request
) -> Json[Created[boosts.AdminPointsBoost]]:
    """Make boosts of single users; the body names the points system by its key."""
    body = await read_json(request)
    items = items_of(body, "boosts")
    assert isinstance(body, dict), "it has the items under a field"
    version = await context.services.definitions.newest(context.tenant)
    for system in SYSTEMS.in_use(version.definitions):
        if system.key == body.get("systemKey"):
            system_id = SYSTEMS.id_of(context.tenant, system)
            return await created(context, OLD_BOOSTS, system_id, items)
    raise ApiError(404, "Points system not found by key")


@router.delete(
    "/points/boosts",
    operation_id="admin_points_boosts_delete_old",
    tags=TAGS,
    summary="Archive boosts of any points system, in the older shape",
    deprecated=True,
    responses=answers(404),
)
async def old_boosts_delete(
    context: AdminContext, ids: Ids
) -> Json[boosts.DeletePointsBoostsResponse]:
    """Archive boosts, whatever points system they are of."""
    wanted = split_ids(ids)

    def edit(game: Definitions) -> tuple[Definitions, Outcome[str]]:
        systems = [system.key for system in SYSTEMS.in_use(game)]
        return carried_out(context.tenant, game, [_removal(systems, it) for it in wanted])

    _, outcome = await context.services.definitions.change(context.tenant, edit)
    return Json({"deleted": [{"id": it} for it in outcome.done], "issues": outcome.issues})


def _removal(systems: Sequence[str], given_id: str) -> Step[str]:
    def do(draft: Draft) -> str:
        for system in systems:
            with contextlib.suppress(RefusedItemError):
                draft.archive(boosts_of(system), draft.find(boosts_of(system), given_id))
                return given_id
        raise RefusedItemError("Points boost not found or already archived")

    return Step({"boostId": given_id}, do, "warning")
