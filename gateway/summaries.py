"""Event summaries: what was added by day, week or month (docs/reference/decisions.md, OD-6).

Days are local dates of the user, as the read models count them. A week or a month that the range
only touches is shown whole: a row says the same whatever range it was asked for in.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from gateway import reads
from gateway.errors import ApiError
from projections.database import Connection
from projections.points import point_days, points_before
from projections.totals import metric_days, total_before
from schemas.numbers import Number, add
from schemas.periods import Frequency, WeekStart, last_date, period_of
from schemas.versions import Version
from schemas.zones import ONE_DAY

SPAN_MAX: Final = timedelta(days=400)

Answer = dict[str, Any]


class Asked(NamedTuple):
    """Of which periods a summary is to be."""

    aggregation: Frequency
    # The first date and the last one, both included.
    start: date
    end: date


def check_range(asked: Asked) -> None:
    """Refuse a range that is empty, a single day or too long (OD-6); ApiError 422."""
    if asked.start >= asked.end:
        raise ApiError(422, "startDate: must lie before endDate.")
    if asked.end - asked.start > SPAN_MAX:
        raise ApiError(422, f"endDate: at most {SPAN_MAX.days} days after startDate.")


async def of_metric(
    connection: Connection, version: Version, user_id: str, key: str, asked: Asked
) -> list[Answer]:
    """Return the summary of a user's metric; ApiError 404 for an unknown metric."""
    reads.known_metric(version, key)
    periods = _periods(version, asked)
    start, end = periods[0][0], periods[-1][1]
    before = await total_before(connection, version.tenant, user_id, key, start)
    days = await metric_days(connection, version.tenant, user_id, key, start, end)
    return summed(periods, before, days)


async def of_points(
    connection: Connection, version: Version, user_id: str, system: str, asked: Asked
) -> list[Answer]:
    """Return the summary of a user's points in a system; ApiError 404 for an unknown system."""
    reads.known_system(version, system)
    periods = _periods(version, asked)
    start, end = periods[0][0], periods[-1][1]
    before = await points_before(connection, version.tenant, user_id, system, start)
    days = await point_days(connection, version.tenant, user_id, system, start, end)
    return summed(periods, before, days)


def _periods(version: Version, asked: Asked) -> list[tuple[date, date]]:
    return periods(asked, version.definitions.settings.weekStart)


def periods(asked: Asked, week_start: WeekStart) -> list[tuple[date, date]]:
    """Return first and last date of every period that the range touches, oldest first."""
    found = []
    first = period_of(asked.start, asked.aggregation, week_start)
    while first <= asked.end:
        last = last_date(first, asked.aggregation)
        found.append((first, last))
        first = last + ONE_DAY
    return found


def summed(
    periods: Iterable[tuple[date, date]], before: Number, days: Iterable[tuple[date, Number]]
) -> list[Answer]:
    """Return a row for each period: its first date, the total at its end, and its net change.

    `before` is the total before the first period, `days` what changed within them, oldest first.
    """
    left = list(days)
    total, at = before, 0
    rows: list[Answer] = []
    for first, last in periods:
        change: Number = 0
        while at < len(left) and left[at][0] <= last:
            change = add(change, left[at][1])
            at += 1
        total = add(total, change)
        rows.append({"date": first.isoformat(), "total": float(total), "change": float(change)})
    return rows
