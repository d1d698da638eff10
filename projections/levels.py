"""Read model: every change of level.

The level held now is not stored: it follows from the balance and the definitions in force, so that
edited levels hold at once.
"""

from datetime import datetime
from typing import NamedTuple

from projections.database import Connection, load_queries, send_rows
from projections.effects import Effects

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


async def apply(connection: Connection, effects: Effects) -> None:
    """Store every change of level."""
    rows = [
        {
            "id": effect.id,
            "tenant": effect.of.record["tenant"],
            "user_id": effect.of.record["user"],
            "system": effect.entry["system"],
            "before": effect.entry["before"],
            "after": effect.entry["after"],
            "total": effect.entry["total"],
            "at": effect.of.record["at"],
            "ledger_offset": effect.of.offset,
            "index": effect.place,
        }
        for effect in effects.levels
    ]
    await send_rows(connection, _QUERIES["apply"], rows)


async def level_changes(
    connection: Connection, tenant: str, user: str, system: str
) -> list[LevelChange]:
    """Return a user's changes of level in one system, oldest first."""
    given = {"tenant": tenant, "user": user, "system": system}
    rows = await connection.execute(_QUERIES["changes"], given)
    return [LevelChange(*row) for row in await rows.fetchall()]
