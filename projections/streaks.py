"""Read model: streaks as of each user's last event, and the periods that satisfied them.

What a streak is now follows from the row and the calendar: that is the reader's to work out.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from psycopg.rows import class_row

from projections.database import Connection, load_queries, send_rows
from projections.effects import Effects
from schemas.entries import Frequency

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


async def apply(connection: Connection, effects: Effects) -> None:
    """Store the streaks that the batch ends with, and every period satisfied within it."""
    streaks: dict[tuple[str, str | None, Frequency], dict[str, object]] = {}
    longest: dict[tuple[str, str | None, Frequency], int] = {}
    periods: dict[tuple[str, str | None, Frequency, str], int] = {}
    for of, _, entry in effects.streaks:
        key = (of.record["tenant"], of.record["user"], entry["frequency"])
        row = streaks.get(key)
        if row is None:
            row = streaks[key] = {
                "tenant": key[0],
                "user_id": key[1],
                "frequency": key[2],
                "satisfied": None,
                "extended": None,
            }
        row["length"] = entry["length"]
        row["started"] = entry["started"]
        row["period"] = entry["period"]
        row["through"] = entry["through"]
        if entry["change"] in ("started", "extended"):
            row["satisfied"] = entry["period"]
            row["extended"] = of.record["at"]
            periods[(*key, entry["period"])] = entry["length"]
        row["longest"] = longest[key] = max(longest.get(key, 0), entry["length"])
    await send_rows(connection, _QUERIES["apply"], list(streaks.values()))
    await send_rows(
        connection,
        _QUERIES["apply_periods"],
        [
            {
                "tenant": tenant,
                "user_id": user,
                "frequency": frequency,
                "period": period,
                "length": length,
            }
            for (tenant, user, frequency, period), length in periods.items()
        ],
    )


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
