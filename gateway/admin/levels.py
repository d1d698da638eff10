"""Levels of a points system."""

from collections.abc import Sequence

from contract.admin import levels
from contract.collections import levels_of
from gateway.admin.items import serve
from gateway.admin.kinds import Described, Kind
from gateway.admin.requests import new_router
from gateway.services import RequestContext
from schemas.definitions import Level
from schemas.versions import Version

router = new_router()


async def _show(
    _context: RequestContext, version: Version, system: str, items: Sequence[Level]
) -> list[levels.AdminPointsLevel]:
    return [levels.show(version.tenant, system, it) for it in items]


serve(
    router,
    Kind(
        "levels",
        levels_of,
        levels.CREATE,
        levels.CHANGE,
        levels.create,
        levels.change,
        _show,
    ),
    Described(
        item=levels.AdminPointsLevel,
        create=levels.CreatePointsLevelRequestItem,
        change=levels.PatchPointsLevelRequestItem,
        created=levels.CreatePointsLevelsResponse,
        updated=levels.PatchPointsLevelsResponse,
        deleted=levels.DeletePointsLevelsResponse,
    ),
)
