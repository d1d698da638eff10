"""The same five operations on boosts, triggers and levels of a points system: routes and reads."""

from types import GenericAlias
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request

from contract.admin.drafts import Draft
from contract.admin.values import Deleted
from contract.collections import system_by_id
from contract.errors import RefusedItemError
from gateway.admin.changes import changed, created, deleted
from gateway.admin.kinds import (
    ChangeT,
    Created,
    CreateT,
    Described,
    ItemT,
    Kind,
    ShownT,
    Updated,
)
from gateway.admin.requests import (
    TAGS,
    Ids,
    answers,
    items_body,
    items_of,
    read_json,
    split_ids,
)
from gateway.http.errors import ApiError
from gateway.http.responses import Json
from gateway.services import AdminContext, RequestContext

SystemId = Annotated[UUID, Path(alias="systemId", description="Id of the points system.")]
ItemId = Annotated[UUID, Path(alias="id")]
Limit = Annotated[int, Query(ge=1, le=100)]
Skip = Annotated[int, Query(ge=0)]

_SYSTEM: Final = "/points/{systemId}"


def serve(
    router: APIRouter, kind: Kind[ItemT, CreateT, ChangeT, ShownT], described: Described
) -> None:
    """Add the five operations on a kind of items."""
    many, one = f"{_SYSTEM}/{kind.name}", f"{_SYSTEM}/{kind.name}/{{id}}"
    name = f"admin_points_{kind.name}"

    @router.get(
        many,
        operation_id=f"{name}_list",
        tags=TAGS,
        summary=f"List the {kind.name} of a points system",
        responses=answers(404, model=GenericAlias(list, (described.item,))),
    )
    async def list_(
        context: AdminContext, system: SystemId, limit: Limit = 10, skip: Skip = 0
    ) -> Json[list[ShownT]]:
        return Json(await _listed(context, kind, str(system), limit, skip))

    @router.post(
        many,
        operation_id=f"{name}_create",
        tags=TAGS,
        summary=f"Create {kind.name} in a points system",
        status_code=201,
        responses=answers(400, 404, 413, ok=(200, 201), model=described.created),
        openapi_extra=items_body(described.create),
    )
    async def create_(
        context: AdminContext, system: SystemId, request: Request
    ) -> Json[Created[ShownT]]:
        return await created(context, kind, str(system), items_of(await read_json(request)))

    @router.patch(
        many,
        operation_id=f"{name}_update",
        tags=TAGS,
        summary=f"Change {kind.name} of a points system",
        responses=answers(400, 404, 413, model=described.updated),
        openapi_extra=items_body(described.change),
    )
    async def update_(
        context: AdminContext, system: SystemId, request: Request
    ) -> Json[Updated[ShownT]]:
        return await changed(context, kind, str(system), items_of(await read_json(request)))

    @router.delete(
        many,
        operation_id=f"{name}_delete",
        tags=TAGS,
        summary=f"Archive {kind.name} of a points system",
        responses=answers(404, model=described.deleted),
    )
    async def delete_(context: AdminContext, system: SystemId, ids: Ids) -> Json[Deleted]:
        return await deleted(context, kind, str(system), split_ids(ids))

    @router.get(
        one,
        operation_id=f"{name}_get",
        tags=TAGS,
        summary=f"Get one of the {kind.name} of a points system",
        responses=answers(404, model=described.item),
    )
    async def get_(context: AdminContext, system: SystemId, wanted: ItemId) -> Json[ShownT]:
        return Json(await _found(context, kind, str(system), str(wanted)))


async def _listed(
    context: RequestContext,
    kind: Kind[ItemT, CreateT, ChangeT, ShownT],
    system_id: str,
    limit: int,
    skip: int,
) -> list[ShownT]:
    """Return a page of the items in use, oldest first; UnknownItemError for no such system."""
    version = await context.services.definitions.newest(context.tenant)
    system = system_by_id(context.tenant, version.definitions, system_id).key
    page = kind.collection(system).in_use(version.definitions)[skip : skip + limit]
    return await kind.show(context, version, system, page)


async def _found(
    context: RequestContext,
    kind: Kind[ItemT, CreateT, ChangeT, ShownT],
    system_id: str,
    wanted: str,
) -> ShownT:
    """Return one item in use; ApiError 404 when there is none with this id."""
    version = await context.services.definitions.newest(context.tenant)
    system = system_by_id(context.tenant, version.definitions, system_id).key
    try:
        item = Draft(context.tenant, version.definitions).find(kind.collection(system), wanted)
    except RefusedItemError as error:
        raise ApiError(404, str(error)) from error
    return (await kind.show(context, version, system, [item]))[0]
