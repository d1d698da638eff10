"""Read model: totals of metrics, with what was added to them on each local day."""

from decimal import Decimal

from projections.database import Connection, load_queries, send_rows
from projections.effects import Effects
from schemas.numbers import ZERO, add, write

_QUERIES = load_queries("totals")


async def apply(connection: Connection, effects: Effects) -> None:
    """Store the totals that the batch ends with, and add to the days that it touched."""
    totals: dict[tuple[str, str | None, str], tuple[str, str]] = {}
    days: dict[tuple[str, str | None, str, str], tuple[Decimal, int]] = {}
    for of, _, entry in effects.totals:
        tenant, user, metric = of.record["tenant"], of.record["user"], entry["metric"]
        totals[tenant, user, metric] = (entry["total"], of.record["at"])
        day = (tenant, user, metric, entry["day"])
        change, events = days.get(day, (ZERO, 0))
        days[day] = (add(change, Decimal(entry["change"])), events + 1)
    await send_rows(
        connection,
        _QUERIES["apply"],
        [
            {"tenant": tenant, "user_id": user, "metric": metric, "total": total, "updated": at}
            for (tenant, user, metric), (total, at) in totals.items()
        ],
    )
    await send_rows(
        connection,
        _QUERIES["apply_days"],
        [
            {
                "tenant": tenant,
                "user_id": user,
                "metric": metric,
                "day": day,
                "change": write(change),
                "events": events,
            }
            for (tenant, user, metric, day), (change, events) in days.items()
        ],
    )


async def totals_of(connection: Connection, tenant: str, user: str) -> dict[str, Decimal]:
    """Return a user's totals by metric; a metric without events is not among them."""
    rows = await connection.execute(_QUERIES["of_user"], {"tenant": tenant, "user": user})
    return dict(await rows.fetchall())


async def total(connection: Connection, tenant: str, user: str, metric: str) -> Decimal:
    """Return a user's total of one metric, 0 without events."""
    given = {"tenant": tenant, "user": user, "metric": metric}
    row = await (await connection.execute(_QUERIES["one"], given)).fetchone()
    return row[0] if row else ZERO
