"""Read model: completed achievements, and how many users completed each."""

from datetime import datetime
from typing import NamedTuple

from projections.database import Connection, load_queries, send_rows
from projections.effects import Effects

_QUERIES = load_queries("achievements")


class Completion(NamedTuple):
    """An achievement that a user completed."""

    achievement: str
    achieved_at: datetime
    event_id: str


async def apply(connection: Connection, effects: Effects) -> None:
    """Store completions and count them."""
    completions: dict[tuple[str, str | None, str], dict[str, object]] = {}
    for of, _, entry in effects.achievements:
        key = (of.record["tenant"], of.record["user"], entry["achievement"])
        completions.setdefault(
            key,
            {
                "tenant": key[0],
                "user_id": key[1],
                "achievement": key[2],
                "partition": of.partition,
                "achieved_at": of.record["at"],
                "event_id": of.record["id"],
            },
        )
    await send_rows(connection, _QUERIES["apply"], list(completions.values()))


async def completions_of(connection: Connection, tenant: str, user: str) -> list[Completion]:
    """Return what a user completed, in the order of completion."""
    rows = await connection.execute(_QUERIES["of_user"], {"tenant": tenant, "user": user})
    return [Completion(*row) for row in await rows.fetchall()]


async def completion_counts(connection: Connection, tenant: str) -> dict[str, int]:
    """Return how many users completed each achievement; those that nobody did are missing."""
    rows = await connection.execute(_QUERIES["counts"], {"tenant": tenant})
    return dict(await rows.fetchall())
