"""The operations that read a whole points system, under /v1/points."""

from typing import Annotated

from fastapi import APIRouter, Query

from gateway import balances, contract
from gateway.answering import Shown, answer, ok
from gateway.checks import check_attributes
from gateway.entry import Key, LetIn, UserAttributes
from gateway.errors import Json
from projections.database import Connection
from schemas.versions import Version

router = APIRouter(prefix="/v1/points", tags=["Points"])


@router.get(
    "/{key}",
    operation_id="points_system",
    summary="Get a points system and its triggers",
    responses=ok(contract.PointsSystemResponse, 404),
)
async def points_system(door: LetIn, key: Key) -> Json:
    """Return the system and its active triggers."""

    async def read(_: Connection, version: Version) -> Shown:
        return balances.system(version, key)

    return await answer(door, read)


@router.get(
    "/{key}/summary",
    operation_id="points_summary",
    summary="Get how many users have how many points",
    responses=ok(list[contract.PointsRange], 404),
)
async def points_summary(door: LetIn, key: Key, attributes: UserAttributes) -> Json:
    """Return eleven ranges of balances, on request of users with certain attributes."""

    async def read(connection: Connection, version: Version) -> Shown:
        check_attributes("user", attributes or {}, version)
        return await balances.summary(connection, version, key, attributes)

    return await answer(door, read)


@router.get(
    "/{key}/boosts",
    operation_id="points_boosts",
    summary="Get the boosts of a points system",
    responses=ok(list[contract.PointsBoost], 404),
)
async def points_boosts(
    door: LetIn,
    key: Key,
    *,
    finished: Annotated[
        bool, Query(alias="includeFinished", description="Also those that are over.")
    ] = False,
) -> Json:
    """Return the boosts that are for more than one user."""
    now = door.parts.config.clock()

    async def read(_: Connection, version: Version) -> Shown:
        return balances.boosts(version, key, now, finished=finished)

    return await answer(door, read)


@router.get(
    "/{key}/levels",
    operation_id="points_levels",
    summary="Get the levels of a points system",
    responses=ok(list[contract.PointsLevel], 404),
)
async def points_levels(door: LetIn, key: Key) -> Json:
    """Return the levels, the lowest first."""

    async def read(_: Connection, version: Version) -> Shown:
        return balances.levels(version, key)

    return await answer(door, read)


@router.get(
    "/{key}/level-summary",
    operation_id="points_level_summary",
    summary="Get how many users are at each level",
    responses=ok(list[contract.PointsLevelUsers], 404),
)
async def points_level_summary(door: LetIn, key: Key) -> Json:
    """Return the levels, the lowest first, each with the users that are at it now."""

    async def read(connection: Connection, version: Version) -> Shown:
        return await balances.level_summary(connection, version, key)

    return await answer(door, read)
