"""Read model: streaks as of each user's last event, and the periods that satisfied them.

What a streak is now follows from the row and the calendar: that is the reader's to work out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from psycopg.rows import class_row

from projections.database import Connection, Statement, load_queries
from projections.effects import Applied
from schemas.entries import Frequency, StreakEntry

_QUERIES = load_queries("streaks")


@dataclass(frozen=True, slots=True)
class Streak:
    """A user's streak of one frequency, as of the user's last event."""

    # 0 when lost.
    length: int
    longest: int
    # Local date of the event that started it, None when lost.
    started: date | None
    # First date of the last period that satisfied it, also after a loss.
    period: date
    # First date of the last period up to which it is kept, None when lost.
    through: date | None
    # When it last started or was extended.
    extended: datetime | None


class StreakPeriod(NamedTuple):
    """A period that satisfied the streak, and the length reached with it."""

    period: date
    length: int


class Gathered:
    """What a batch changes: the streaks that it ends with, and every period satisfied within it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._streaks: dict[tuple[str, str, Frequency], dict[str, object]] = {}
        self._longest: dict[tuple[str, str, Frequency], int] = {}
        self._periods: dict[tuple[str, str, Frequency, str], int] = {}

    def add(self, of: Applied, entry: StreakEntry) -> None:
        """Take an entry; later ones come later."""
        tenant, user, frequency = key = (of.tenant, of.user, entry["frequency"])
        period, length = entry["period"], entry["length"]
        row = self._streaks.get(key)
        if row is None:
            row = self._streaks[key] = {
                "tenant": tenant,
                "user_id": user,
                "frequency": frequency,
                "satisfied": None,
                "extended": None,
            }
        row["length"] = length
        row["started"] = entry["started"]
        row["period"] = period
        row["through"] = entry["through"]
        if entry["change"] in ("started", "extended"):
            row["satisfied"] = period
            row["extended"] = of.at
            self._periods[tenant, user, frequency, period] = length
        row["longest"] = self._longest[key] = max(self._longest.get(key, 0), length)

    def statements(self) -> Iterator[Statement]:
        """Yield what stores it."""
        yield Statement(_QUERIES["apply"], list(self._streaks.values()))
        periods = [
            {
                "tenant": tenant,
                "user_id": user,
                "frequency": frequency,
                "period": period,
                "length": length,
            }
            for (tenant, user, frequency, period), length in self._periods.items()
        ]
        yield Statement(_QUERIES["apply_periods"], periods)


async def streak(
    connection: Connection, tenant: str, user: str, frequency: Frequency
) -> Streak | None:
    """Return a user's streak of one frequency, None for a user who never had one."""
    async with connection.cursor(row_factory=class_row(Streak)) as cursor:
        given = {"tenant": tenant, "user": user, "frequency": frequency}
        await cursor.execute(_QUERIES["one"], given)
        return await cursor.fetchone()


async def streak_periods(
    connection: Connection, tenant: str, user: str, frequency: Frequency, since: date
) -> list[StreakPeriod]:
    """Return the satisfied periods from a date on, oldest first."""
    given = {"tenant": tenant, "user": user, "frequency": frequency, "since": since}
    rows = await connection.execute(_QUERIES["periods"], given)
    return [StreakPeriod(period, length) for period, length in await rows.fetchall()]
