"""Read model: balances of points systems, and every award and deduction behind them."""

from datetime import datetime
from typing import NamedTuple

from projections.database import Connection, load_queries, send_rows
from projections.effects import Effects

_QUERIES = load_queries("points")


class Award(NamedTuple):
    """Points awarded or, negative, deducted by one trigger."""

    # The effect's id: the event's id and the place of the entry in its record.
    id: str
    trigger: str
    awarded: int
    # The balance after it.
    total: int
    at: datetime
    # Version of the definitions that it was judged by.
    definitions: int


async def apply(connection: Connection, effects: Effects) -> None:
    """Store every award, the balances that the batch ends with, and add to the days it touched."""
    balances: dict[tuple[str, str | None, str], tuple[int, str]] = {}
    days: dict[tuple[str, str | None, str, str], int] = {}
    awards: list[dict[str, object]] = []
    for effect in effects.points:
        of, place, entry = effect
        record = of.record
        tenant, user, system = record["tenant"], record["user"], entry["system"]
        balances[tenant, user, system] = (entry["total"], record["at"])
        day = (tenant, user, system, of.day)
        days[day] = days.get(day, 0) + entry["awarded"]
        awards.append(
            {
                "id": effect.id,
                "tenant": tenant,
                "user_id": user,
                "system": system,
                "trigger": entry["trigger"],
                "awarded": entry["awarded"],
                "total": entry["total"],
                "at": record["at"],
                "definitions": record["definitions"],
                "ledger_offset": of.offset,
                "index": place,
            }
        )
    await send_rows(
        connection,
        _QUERIES["apply"],
        [
            {"tenant": tenant, "user_id": user, "system": system, "total": total, "updated": at}
            for (tenant, user, system), (total, at) in balances.items()
        ],
    )
    await send_rows(connection, _QUERIES["apply_awards"], awards)
    await send_rows(
        connection,
        _QUERIES["apply_days"],
        [
            {"tenant": tenant, "user_id": user, "system": system, "day": day, "change": change}
            for (tenant, user, system, day), change in days.items()
        ],
    )


async def balance(connection: Connection, tenant: str, user: str, system: str) -> int | None:
    """Return a user's points in one system, None before the first award (OD-27)."""
    given = {"tenant": tenant, "user": user, "system": system}
    row = await (await connection.execute(_QUERIES["balance"], given)).fetchone()
    return row[0] if row else None


async def newest_awards(
    connection: Connection, tenant: str, user: str, system: str, limit: int
) -> list[Award]:
    """Return a user's last awards in one system, newest first."""
    given = {"tenant": tenant, "user": user, "system": system, "limit": limit}
    rows = await connection.execute(_QUERIES["newest"], given)
    return [Award(*row) for row in await rows.fetchall()]
