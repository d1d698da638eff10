"""Triggers of a points system."""

from collections.abc import Sequence

from contract.admin import triggers
from contract.collections import triggers_of
from gateway.admin.items import serve
from gateway.admin.kinds import Described, Kind
from gateway.admin.requests import new_router
from gateway.services import RequestContext
from schemas.definitions import Trigger
from schemas.versions import Version

router = new_router()


async def _show(
    _context: RequestContext, version: Version, system: str, items: Sequence[Trigger]
) -> list[triggers.AdminPointsTrigger]:
    return [triggers.show(version.tenant, system, it) for it in items]


serve(
    router,
    Kind(
        "triggers",
        triggers_of,
        triggers.CREATE,
        triggers.CHANGE,
        triggers.create,
        triggers.change,
        _show,
    ),
    Described(
        item=triggers.AdminPointsTrigger,
        create=triggers.CreatePointsTriggerRequestItem,
        change=triggers.PatchPointsTriggerRequestItem,
        created=triggers.CreatePointsTriggersResponse,
        updated=triggers.PatchPointsTriggersResponse,
        deleted=triggers.DeletePointsTriggersResponse,
    ),
)
