"""Read model: totals of metrics, with what was added to them on each local day."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from projections.database import Connection, Statement, load_queries
from projections.effects import Applied
from schemas.entries import TotalEntry
from schemas.numbers import Number, add

_QUERIES = load_queries("totals")


class TotalChanges:
    """What a batch changes: the totals that it ends with, and what it adds to days."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._totals: dict[tuple[str, str, str], tuple[Number, str]] = {}
        self._days: dict[tuple[str, str, str, date], tuple[Number, int]] = {}

    def add(self, of: Applied, entry: TotalEntry) -> None:
        """Take an entry; later ones come later. A correction is no event of its day."""
        tenant, user, metric = of.tenant, of.user, entry.metric
        self._totals[tenant, user, metric] = (entry.total, of.at)
        day = (tenant, user, metric, entry.day)
        change, events = self._days.get(day, (0, 0))
        self._days[day] = (add(change, entry.change), events + of.events)

    def statements(self) -> Iterator[Statement]:
        """Yield what stores it."""
        totals = [
            {"tenant": tenant, "user_id": user, "metric": metric, "total": total, "updated": at}
            for (tenant, user, metric), (total, at) in self._totals.items()
        ]
        yield Statement(_QUERIES["apply"], totals)
        days = [
            {
                "tenant": tenant,
                "user_id": user,
                "metric": metric,
                "day": day,
                "change": change,
                "events": events,
            }
            for (tenant, user, metric, day), (change, events) in self._days.items()
        ]
        yield Statement(_QUERIES["apply_days"], days)


async def totals_of(connection: Connection, tenant: str, user: str) -> dict[str, Decimal]:
    """Return a user's totals by metric; a metric without events is not among them."""
    rows = await connection.execute(_QUERIES["of_user"], {"tenant": tenant, "user": user})
    return dict(await rows.fetchall())


async def total(connection: Connection, tenant: str, user: str, metric: str) -> Decimal:
    """Return a user's total of one metric, 0 without events."""
    given = {"tenant": tenant, "user": user, "metric": metric}
    row = await (await connection.execute(_QUERIES["one"], given)).fetchone()
    return row[0] if row else Decimal(0)


async def metric_days(
    connection: Connection, tenant: str, user: str, metric: str, start: date, end: date
) -> list[tuple[date, Decimal]]:
    """Return the net change of a user's total on each local day between two, both included.

    Oldest first; a day without events is missing. An event counts on its own day, and so does what
    a correction changed of it.
    """
    given = {"tenant": tenant, "user": user, "metric": metric, "start": start, "end": end}
    return await (await connection.execute(_QUERIES["days"], given)).fetchall()


async def total_before(
    connection: Connection, tenant: str, user: str, metric: str, start: date
) -> Decimal:
    """Return what a user's total came to before a day: all changes on the days before it."""
    given = {"tenant": tenant, "user": user, "metric": metric, "start": start}
    row = await (await connection.execute(_QUERIES["before"], given)).fetchone()
    return row[0] if row else Decimal(0)
