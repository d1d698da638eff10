"""Reads across users: those with the highest balance of a points system."""

from dataclasses import dataclass
from decimal import Decimal

from projections.database import Connection, load_queries
from schemas.periods import Frequency

_QUERIES = load_queries("tops")


@dataclass(frozen=True, slots=True)
class Top:
    """A user among those with the most points."""

    user: str
    points: int
    # The longest streak that there was.
    longest: int
    totals: dict[str, Decimal]


async def tops(
    connection: Connection, tenant: str, system: str, frequency: Frequency, limit: int = 10
) -> list[Top]:
    """Return the users with the highest balance, highest first; equal ones by their ids."""
    given = {"tenant": tenant, "system": system, "frequency": frequency, "limit": limit}
    rows = await connection.execute(_QUERIES["by_points"], given)
    return [
        Top(user, points, longest, {key: Decimal(text) for key, text in totals.items()})
        for user, points, longest, totals in await rows.fetchall()
    ]
