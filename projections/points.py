"""Read model: balances of points systems, and every award and deduction behind them.

How balances are spread over users and levels is counted when asked, from the balances themselves,
so that the figures are exact and edited levels hold at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

import orjson

from projections.database import Connection, Statement, load_queries
from projections.effects import Applied
from schemas.entries import PointsEntry
from schemas.periods import Frequency

_QUERIES = load_queries("points")

# Of the histogram, beside the range of those who have nothing.
RANGES: Final = 10


class Award(NamedTuple):
    """Points awarded or, negative, deducted: by one trigger, or by an operator."""

    # The effect's id: the event's id and the place of the entry in its record.
    id: str
    # None for what an operator granted or deducted.
    trigger: str | None
    awarded: int
    # The balance after it.
    total: int
    # When: for a time trigger the instant that fell due, of several equal ones the last.
    at: datetime
    # Version of the definitions that it was judged by.
    definitions: int
    # Keys of the boosts that multiplied it, in the order of the file; None without any.
    boosts: list[str] | None = None
    # How many times in a row a time trigger was due; None for every other award.
    times: int | None = None
    # Why an operator granted, deducted or corrected.
    reason: str | None = None


class Range(NamedTuple):
    """How many users have a balance between two, both included."""

    start: int
    end: int
    users: int


@dataclass(frozen=True, slots=True)
class Top:
    """A user among those with the most points."""

    user: str
    points: int
    # The longest streak that there was.
    longest: int
    totals: dict[str, Decimal]


class PointsChanges:
    """What a batch changes: every award, the balances that it ends with, what it adds to days."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._balances: dict[tuple[str, str, str], tuple[int, str]] = {}
        self._days: dict[tuple[str, str, str, date], int] = {}
        self._awards: list[dict[str, object]] = []

    def add(self, of: Applied, place: int, entry: PointsEntry) -> None:
        """Take an entry, and its index in its record; later ones come later."""
        tenant, user, system = of.tenant, of.user, entry.system
        awarded, total = entry.awarded, entry.total
        self._balances[tenant, user, system] = (total, of.at)
        day = (tenant, user, system, day_of(of, entry))
        self._days[day] = self._days.get(day, 0) + awarded
        row: dict[str, object] = {
            "id": of.effect(place),
            "tenant": tenant,
            "user_id": user,
            "system": system,
            "trigger": entry.trigger,
            "awarded": awarded,
            "total": total,
            "at": of.at if entry.at is None else entry.at,
            "definitions": of.definitions,
            "ledger_offset": of.offset,
            "index": place,
        }
        # What most awards do not have is not sent for them either.
        if entry.boosts:
            row["boosts"] = entry.boosts
        if entry.count is not None:
            row["count"] = entry.count
        if entry.reason is not None:
            row["reason"] = entry.reason
        self._awards.append(row)

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


def day_of(of: Applied, entry: PointsEntry) -> date:
    """Return the date under which summaries count an award.

    That is the date under which its record's total counts, which for a correction is that of the
    event it corrects. An award of a time trigger says itself when it was due, and counts in UTC;
    so does what comes with no total, such as a grant. A run of equal ones counts on its last day.
    """
    return of.day if entry.at is None else entry.at.astimezone(UTC).date()


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


async def point_days(
    connection: Connection, tenant: str, user: str, system: str, start: date, end: date
) -> list[tuple[date, int]]:
    """Return the net change of a user's points on each day between two, both included.

    Oldest first; a day on which nothing was awarded or deducted is missing. `day_of` says which
    day an award counts on.
    """
    given = {"tenant": tenant, "user": user, "system": system, "start": start, "end": end}
    return await (await connection.execute(_QUERIES["days"], given)).fetchall()


async def points_before(
    connection: Connection, tenant: str, user: str, system: str, start: date
) -> int:
    """Return what a user's points came to before a day: all changes on the days before it."""
    given = {"tenant": tenant, "user": user, "system": system, "start": start}
    row = await (await connection.execute(_QUERIES["before"], given)).fetchone()
    return row[0] if row else 0


async def balance_histogram(
    connection: Connection, tenant: str, system: str, attributes: Mapping[str, str] | None = None
) -> list[Range]:
    """Return how the balances of all users who have these attributes are spread: eleven ranges.

    The first is 0 to 0 and has the users who never had points too. The other ten are equal and
    reach from 1 to the highest balance rounded up to a power of ten, at least 10 (OD-38,
    OD-28). The highest balance is that of the users counted. Without users all ranges are empty.
    """
    given = {
        "tenant": tenant,
        "system": system,
        "attributes": orjson.dumps(dict(attributes or {})).decode(),
    }
    # Everybody is counted from the balances' index and the counters: no user is looked at.
    query = _QUERIES["spread_matching" if attributes else "spread"]
    rows = await (await connection.execute(query, given)).fetchall()
    users = {place: found for place, found, _ in rows}
    width = rows[0][2] if rows else 1
    ranges = [Range(0, 0, users.get(0, 0))]
    for place in range(1, RANGES + 1):
        found = users.get(place, 0)
        ranges.append(Range((place - 1) * width + 1, place * width, found))
    return ranges


async def users_per_level(
    connection: Connection, tenant: str, system: str, thresholds: Sequence[int]
) -> list[int]:
    """Return how many users are at each level: those whose highest reached threshold is its own.

    `thresholds` are the levels' points, each there once and in any order; the answer is in the same
    order. A user who never had points is at no level, whatever the lowest threshold (OD-27).
    """
    ascending = sorted(thresholds)
    given = {"tenant": tenant, "system": system, "thresholds": ascending}
    rows = await connection.execute(_QUERIES["levels"], given)
    users = {ascending[place - 1]: found for place, found in await rows.fetchall()}
    return [users.get(threshold, 0) for threshold in thresholds]


async def tops(
    connection: Connection, tenant: str, system: str, frequency: Frequency, limit: int = 10
) -> list[Top]:
    """Return the users with the highest balance, highest first; equal ones by their ids."""
    given = {"tenant": tenant, "system": system, "frequency": frequency, "limit": limit}
    rows = await connection.execute(_QUERIES["tops"], given)
    return [
        Top(user, points, longest, {key: Decimal(text) for key, text in totals.items()})
        for user, points, longest, totals in await rows.fetchall()
    ]
