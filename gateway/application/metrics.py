"""A user's totals of metrics."""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by the dependencies UserId and Key

from decimal import Decimal

from fastapi import APIRouter

from contract.application.metrics import MetricResponse, metric
from contract.items import check_metric
from gateway.application.achievements import achieved_of
from gateway.application.users import existing_user
from gateway.http.dependencies import Key, UserId
from gateway.http.responses import Json, Route, ok
from gateway.services import Context
from projections.database import Connection
from projections.totals import total, totals_of
from schemas.versions import Version

router = APIRouter(prefix="/v1/users", tags=["Users"], route_class=Route)


@router.get(
    "/{id}/metrics",
    operation_id="users_all_metrics",
    summary="Get a user's totals of all metrics",
    responses=ok(404),
)
async def users_all_metrics(context: Context, user_id: UserId) -> Json[list[MetricResponse]]:
    """Return the totals of all metrics in use."""
    return Json(await context.read(_all, user_id))


@router.get(
    "/{id}/metrics/{key}",
    operation_id="users_single_metric",
    summary="Get a user's total of one metric",
    responses=ok(404),
)
async def users_single_metric(context: Context, user_id: UserId, key: Key) -> Json[MetricResponse]:
    """Return the total of one metric."""
    return Json(await context.read(_one, user_id, key))


async def _all(connection: Connection, version: Version, user_id: str) -> list[MetricResponse]:
    await existing_user(connection, version.tenant, user_id)
    achieved = await achieved_of(connection, version.tenant, user_id)
    totals = await totals_of(connection, version.tenant, user_id)
    return [
        metric(version, item.key, totals.get(item.key, Decimal(0)), achieved)
        for item in version.definitions.metrics
        if not item.archived
    ]


async def _one(connection: Connection, version: Version, user_id: str, key: str) -> MetricResponse:
    await existing_user(connection, version.tenant, user_id)
    check_metric(version, key)
    achieved = await achieved_of(connection, version.tenant, user_id)
    return metric(version, key, await total(connection, version.tenant, user_id, key), achieved)
