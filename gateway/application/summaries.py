"""Event summaries: what was added to a user's metric, or points, by day, week or month."""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by the dependencies UserId and Key

import re
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from pydantic import BeforeValidator

from contract.application.summaries import Asked, EventSummary, check_range, periods, summed
from contract.items import check_metric, check_system
from gateway.application.users import existing_user
from gateway.http.dependencies import Key, UserId
from gateway.http.responses import Json, Route, ok
from gateway.services import Context
from projections.database import Connection
from projections.points import point_days, points_before
from projections.totals import metric_days, total_before
from schemas.periods import Frequency
from schemas.strict import InCalendar
from schemas.versions import Version

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

router = APIRouter(prefix="/v1/users", tags=["Users"], route_class=Route)


def _plain(value: object) -> object:
    # Nothing else that could be read as a date: neither an instant nor a number of seconds.
    if isinstance(value, str) and _DATE.fullmatch(value):
        return value
    raise ValueError("must be a date, YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_plain, json_schema_input_type=date), InCalendar]


async def _range(
    aggregation: Annotated[Frequency, Query(description="How long the periods are.")],
    start: Annotated[Day, Query(alias="startDate", description="The first date.")],
    end: Annotated[
        Day, Query(alias="endDate", description="The last date, at most 400 days later.")
    ],
) -> Asked:
    asked = Asked(aggregation, start, end)
    check_range(asked)
    return asked


Range = Annotated[Asked, Depends(_range)]


@router.get(
    "/{id}/metrics/{key}/event-summary",
    operation_id="users_metric_event_summary",
    summary="Get what was added to a user's metric, by day, week or month",
    responses=ok(404),
)
async def users_metric_event_summary(
    context: Context, user_id: UserId, key: Key, asked: Range
) -> Json[list[EventSummary]]:
    """Return a row for each period, those in which nothing happened included."""
    return Json(await context.read(_of_metric, user_id, key, asked))


@router.get(
    "/{id}/points/{key}/event-summary",
    operation_id="users_points_event_summary",
    summary="Get what was added to a user's points, by day, week or month",
    responses=ok(404),
)
async def users_points_event_summary(
    context: Context, user_id: UserId, key: Key, asked: Range
) -> Json[list[EventSummary]]:
    """Return a row for each period, those in which nothing happened included."""
    return Json(await context.read(_of_points, user_id, key, asked))


async def _of_metric(
    connection: Connection, version: Version, user_id: str, key: str, asked: Asked
) -> list[EventSummary]:
    await existing_user(connection, version.tenant, user_id)
    check_metric(version, key)
    touched = periods(asked, version.definitions.settings.weekStart)
    start, end = touched[0][0], touched[-1][1]
    before = await total_before(connection, version.tenant, user_id, key, start)
    days = await metric_days(connection, version.tenant, user_id, key, start, end)
    return summed(touched, before, days)


async def _of_points(
    connection: Connection, version: Version, user_id: str, system: str, asked: Asked
) -> list[EventSummary]:
    await existing_user(connection, version.tenant, user_id)
    check_system(version, system)
    touched = periods(asked, version.definitions.settings.weekStart)
    start, end = touched[0][0], touched[-1][1]
    before = await points_before(connection, version.tenant, user_id, system, start)
    days = await point_days(connection, version.tenant, user_id, system, start, end)
    return summed(touched, before, days)
