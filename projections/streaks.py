"""Read model: streaks as of each user's last record, and what happened in every period of them.

What a streak is now follows from its row, what keeps it besides activity (`protection`), and the
calendar: the rows are read here together, and the rest is the reader's to work out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from msgspec import convert
from psycopg.rows import class_row

from projections.database import Connection, Statement, load_queries
from projections.effects import Applied
from schemas.entries import Pause, StreakEntry, StreakPreferences
from schemas.periods import Frequency, previous_period

_QUERIES = load_queries("streaks")

# Of a long pause that is told at once, so many periods are kept: no read shows more.
KEPT_PERIODS_MAX: Final = 1000


@dataclass(frozen=True, slots=True)
class Streak:
    """A user's streak of one frequency, as of the user's last record."""

    # 0 when lost.
    length: int
    # The greatest length ever.
    longest: int
    # Local date of the event that started it, None when lost.
    started: date | None
    # First date of the last period that satisfied it, also after a loss.
    period: date
    # First date of the last period up to which it is kept, None when lost.
    through: date | None
    # When it last started or was extended.
    extended: datetime | None


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


class StreakPeriod(NamedTuple):
    """A period that was satisfied, or in which a freeze or a pause kept the streak."""

    # Its first date.
    period: date
    # The length reached with it.
    length: int
    # Whether a freeze, and whether a pause, took the place of activity.
    used_freeze: bool = False
    used_pause: bool = False


class _Period:
    """What a batch knows of one period."""

    def __init__(self) -> None:
        self.length = 0
        self.freeze = False
        self.pause = False


class StreakChanges:
    """What a batch changes: the streaks that it ends with, and every period decided within it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._streaks: dict[tuple[str, str, Frequency], dict[str, object]] = {}
        self._longest: dict[tuple[str, str, Frequency], int] = {}
        self._periods: dict[tuple[str, str, Frequency, date], _Period] = {}

    def add(self, of: Applied, entry: StreakEntry) -> None:
        """Take an entry; later ones come later."""
        tenant, user, frequency = key = (of.tenant, of.user, entry.frequency)
        period, length = entry.period, entry.length
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
        row["started"] = entry.started
        row["period"] = period
        row["through"] = entry.through
        change = entry.change
        if change in ("started", "extended"):
            row["satisfied"] = period
            row["extended"] = of.at
            self._period(key, period).length = length
        elif change == "frozen":
            for kept in _kept(entry):
                self._period(key, kept).freeze = True
                self._period(key, kept).length = length
        elif change == "paused":
            for kept in _kept(entry):
                self._period(key, kept).pause = True
                self._period(key, kept).length = length
        elif change == "restored" and period == entry.through:
            # Started anew before it was given back: that period has the whole length from now on.
            self._period(key, period).length = length
        row["longest"] = self._longest[key] = max(self._longest.get(key, 0), length)

    def _period(self, key: tuple[str, str, Frequency], period: date) -> _Period:
        whole = (*key, period)
        found = self._periods.get(whole)
        if found is None:
            found = self._periods[whole] = _Period()
        return found

    def statements(self) -> Iterator[Statement]:
        """Yield what stores it."""
        yield Statement(_QUERIES["apply"], list(self._streaks.values()))
        periods = [
            {
                "tenant": tenant,
                "user_id": user,
                "frequency": frequency,
                "period": period,
                "length": found.length,
                "used_freeze": found.freeze,
                "used_pause": found.pause,
            }
            for (tenant, user, frequency, period), found in self._periods.items()
        ]
        yield Statement(_QUERIES["apply_periods"], periods)


def _kept(entry: StreakEntry) -> Iterator[date]:
    """Yield the first dates of the periods that an entry says were kept, newest first."""
    frequency, period = entry.frequency, entry.period
    since = entry.since or period
    for _ in range(KEPT_PERIODS_MAX):
        yield period
        # A date that the user's zone skipped gets a row too, and no read ever asks for it.
        period = previous_period(period, frequency, "UTC")
        if period < since:
            return


async def streak(
    connection: Connection, tenant: str, user: str, frequency: Frequency
) -> Streak | None:
    """Return a user's streak of one frequency, None for a user who never had one."""
    async with connection.cursor(row_factory=class_row(Streak)) as cursor:
        given = {"tenant": tenant, "user": user, "frequency": frequency}
        await cursor.execute(_QUERIES["one"], given)
        return await cursor.fetchone()


async def streak_history(
    connection: Connection, tenant: str, user: str, frequency: Frequency, since: date
) -> list[StreakPeriod]:
    """Return the periods from a date on that were satisfied or kept, oldest first.

    `since` is the first date of a period. What is missing was neither: its length shows as 0.
    """
    given = {"tenant": tenant, "user": user, "frequency": frequency, "since": since}
    rows = await connection.execute(_QUERIES["periods"], given)
    return [StreakPeriod(*row) for row in await rows.fetchall()]


async def current_streaks(
    connection: Connection, tenant: str, users: Sequence[str], frequency: Frequency
) -> list[Current]:
    """Return one for each user in the order given; nothing is in it of one who is unknown."""
    given = {"tenant": tenant, "users": list(users), "frequency": frequency}
    rows = await connection.execute(_QUERIES["current"], given)
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
                convert(own, StreakPreferences) if own is not None else StreakPreferences(),
                convert(pauses or [], list[Pause]),
            )
        )
    return found


async def current_streak(
    connection: Connection, tenant: str, user: str, frequency: Frequency
) -> Current:
    """Return the one of a user."""
    return (await current_streaks(connection, tenant, [user], frequency))[0]
