"""Read model: every change of level.

The level held now is not stored: it follows from the balance and the definitions in force, so that
edited levels hold at once.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from projections.database import Connection, Statement, load_queries
from projections.effects import Applied
from schemas.entries import LevelEntry

_QUERIES = load_queries("levels")


class LevelChange(NamedTuple):
    """A user's move from one level to another, up or down; None is no level."""

    # The effect's id: the event's id and the place of the entry in its record.
    id: str
    before: str | None
    after: str | None
    # The balance that led to it.
    total: int
    at: datetime


class LevelChanges:
    """What a batch adds: every change of level."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._changes: list[dict[str, object]] = []

    def add(self, of: Applied, place: int, entry: LevelEntry) -> None:
        """Take an entry, and its index in its record."""
        self._changes.append(
            {
                "id": of.effect(place),
                "tenant": of.tenant,
                "user_id": of.user,
                "system": entry.system,
                "before": entry.before,
                "after": entry.after,
                "total": entry.total,
                "at": of.at,
                "ledger_offset": of.offset,
                "index": place,
            }
        )

    def statements(self) -> Iterator[Statement]:
        """Yield what stores it."""
        yield Statement(_QUERIES["apply"], self._changes)


async def level_changes(
    connection: Connection, tenant: str, user: str, system: str
) -> list[LevelChange]:
    """Return a user's changes of level in one system, oldest first."""
    given = {"tenant": tenant, "user": user, "system": system}
    rows = await connection.execute(_QUERIES["changes"], given)
    return [LevelChange(*row) for row in await rows.fetchall()]
