"""Reads all that streaks as of now are made of, of many users at once. It stores nothing.

What a streak is follows from it and the calendar: that is the reader's to work out.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from msgspec import convert

from projections.database import Connection, load_queries
from schemas.entries import Pause, StreakPreferences
from schemas.periods import Frequency

_QUERIES = load_queries("current")
_NOTHING: Final = StreakPreferences()


class Current(NamedTuple):
    """A user's streak of one frequency as of the user's last record, and what keeps it."""

    user: str
    # The user's own time zone.
    tz: str | None
    # 0 when lost, and without one.
    length: int
    started: date | None
    # First date of the last period up to which it is kept, None when lost.
    through: date | None
    # When it last started or was extended.
    extended: datetime | None
    freezes: int
    preferences: StreakPreferences
    # By their first date, those that are over included.
    pauses: list[Pause]


async def current_streaks(
    connection: Connection, tenant: str, users: Sequence[str], frequency: Frequency
) -> list[Current]:
    """Return one for each user in the order given; nothing is in it of one who is unknown."""
    given = {"tenant": tenant, "users": list(users), "frequency": frequency}
    rows = await connection.execute(_QUERIES["of_users"], given)
    found = []
    for user, tz, length, started, through, extended, freezes, own, pauses in await rows.fetchall():
        found.append(
            Current(
                user,
                tz,
                length or 0,
                started,
                through,
                extended,
                freezes or 0,
                convert(own, StreakPreferences) if own is not None else _NOTHING,
                convert(pauses or [], list[Pause]),
            )
        )
    return found


async def current_streak(
    connection: Connection, tenant: str, user: str, frequency: Frequency
) -> Current:
    """Return the one of a user."""
    return (await current_streaks(connection, tenant, [user], frequency))[0]
