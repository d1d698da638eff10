"""Read model: balances of points systems, and every award and deduction behind them."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from projections.database import Connection, Statement, load_queries
from projections.effects import Applied
from schemas.entries import PointsEntry

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


class Gathered:
    """What a batch changes: every award, the balances that it ends with, what it adds to days."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._balances: dict[tuple[str, str, str], tuple[int, str]] = {}
        self._days: dict[tuple[str, str, str, str], int] = {}
        self._awards: list[dict[str, object]] = []

    def add(self, of: Applied, place: int, entry: PointsEntry) -> None:
        """Take an entry, and its index in its record; later ones come later."""
        tenant, user, system = of.tenant, of.user, entry["system"]
        awarded, total = entry["awarded"], entry["total"]
        self._balances[tenant, user, system] = (total, of.at)
        day = (tenant, user, system, of.day)
        self._days[day] = self._days.get(day, 0) + awarded
        self._awards.append(
            {
                "id": of.effect(place),
                "tenant": tenant,
                "user_id": user,
                "system": system,
                "trigger": entry["trigger"],
                "awarded": awarded,
                "total": total,
                "at": of.at,
                "definitions": of.definitions,
                "ledger_offset": of.offset,
                "index": place,
            }
        )

    def statements(self) -> Iterator[Statement]:
        """Yield what stores it."""
        balances = [
            {"tenant": tenant, "user_id": user, "system": system, "total": total, "updated": at}
            for (tenant, user, system), (total, at) in self._balances.items()
        ]
        yield Statement(_QUERIES["apply"], balances)
        yield Statement(_QUERIES["apply_awards"], self._awards)
        days = [
            {"tenant": tenant, "user_id": user, "system": system, "day": day, "change": change}
            for (tenant, user, system, day), change in self._days.items()
        ]
        yield Statement(_QUERIES["apply_days"], days)


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
