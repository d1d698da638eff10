"""Read model: what keeps a user's streak besides activity, and what the user set of it.

Freezes at hand, pauses, and the user's own streak settings. What all of them together make of a
streak is read with it, in `projections.streaks`.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from msgspec import convert

from projections.database import Connection, Statement, load_queries
from projections.effects import Applied
from schemas.entries import Pause, PausesEntry, PreferencesEntry, StreakPreferences

_QUERIES = load_queries("protection")


class PauseRow(NamedTuple):
    """Local dates, both included, in which a user's streaks are kept without activity."""

    id: str
    start: date
    end: date


class ProtectionChanges:
    """What a batch changes: freezes, pauses and settings of each user as it ends with them."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._freezes: dict[tuple[str, str], int] = {}
        self._pauses: dict[tuple[str, str], Sequence[Pause]] = {}
        self._preferences: dict[tuple[str, str], StreakPreferences] = {}

    def add_freezes(self, of: Applied, freezes: int) -> None:
        """Take how many freezes there are after an entry; later ones come later."""
        self._freezes[of.tenant, of.user] = freezes

    def add_pauses(self, of: Applied, entry: PausesEntry) -> None:
        """Take an entry; it names all pauses that there are after it."""
        self._pauses[of.tenant, of.user] = entry.pauses

    def add_preferences(self, of: Applied, entry: PreferencesEntry) -> None:
        """Take an entry; it has all settings that there are after it."""
        self._preferences[of.tenant, of.user] = entry.streak

    def statements(self) -> Iterator[Statement]:
        """Yield what stores it."""
        freezes = [
            {"tenant": tenant, "user_id": user, "freezes": left}
            for (tenant, user), left in self._freezes.items()
        ]
        yield Statement(_QUERIES["apply_freezes"], freezes)
        pauses = [
            {"tenant": tenant, "user_id": user, "pauses": known}
            for (tenant, user), known in self._pauses.items()
        ]
        yield Statement(_QUERIES["apply_pauses"], pauses)
        preferences = [
            {"tenant": tenant, "user_id": user, "streak": streak}
            for (tenant, user), streak in self._preferences.items()
        ]
        yield Statement(_QUERIES["apply_preferences"], preferences)


async def freezes_of(connection: Connection, tenant: str, user: str) -> int | None:
    """Return how many streak freezes a user has, None for one who never had any."""
    given = {"tenant": tenant, "user": user}
    row = await (await connection.execute(_QUERIES["freezes"], given)).fetchone()
    return row[0] if row else None


async def pauses_of(connection: Connection, tenant: str, user: str) -> list[PauseRow]:
    """Return a user's pauses by their first date, those that are over included."""
    rows = await connection.execute(_QUERIES["pauses"], {"tenant": tenant, "user": user})
    return [PauseRow(*row) for row in await rows.fetchall()]


async def pause_owner(connection: Connection, tenant: str, pause: str) -> str | None:
    """Return the id of the user who has the pause of this id, None when nobody has."""
    given = {"tenant": tenant, "id": pause}
    row = await (await connection.execute(_QUERIES["pause_owner"], given)).fetchone()
    return row[0] if row else None


async def preferences_of(connection: Connection, tenant: str, user: str) -> StreakPreferences:
    """Return what a user set of the streak; nothing is in it that follows the game."""
    given = {"tenant": tenant, "user": user}
    row = await (await connection.execute(_QUERIES["preferences"], given)).fetchone()
    return convert(row[0], StreakPreferences) if row else StreakPreferences()
