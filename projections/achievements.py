"""Read model: completed achievements, and how many users completed each."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from projections.database import Connection, Statement, load_queries
from projections.effects import Applied
from schemas.entries import AchievementEntry

_QUERIES = load_queries("achievements")


class Completion(NamedTuple):
    """An achievement that a user completed."""

    achievement: str
    achieved_at: datetime
    event_id: str


class AchievementChanges:
    """What a batch adds: the completions in it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._completions: dict[tuple[str, str, str], dict[str, object]] = {}

    def add(self, of: Applied, entry: AchievementEntry) -> None:
        """Take an entry; of a user's completions of one achievement the first stays."""
        key = (of.tenant, of.user, entry.achievement)
        if key not in self._completions:
            self._completions[key] = {
                "tenant": of.tenant,
                "user_id": of.user,
                "achievement": entry.achievement,
                "partition": of.partition,
                "achieved_at": of.at,
                "event_id": of.id,
            }

    def statements(self) -> Iterator[Statement]:
        """Yield what stores and counts them."""
        yield Statement(_QUERIES["apply"], list(self._completions.values()))


async def completions_of(connection: Connection, tenant: str, user: str) -> list[Completion]:
    """Return what a user completed, in the order of completion."""
    rows = await connection.execute(_QUERIES["of_user"], {"tenant": tenant, "user": user})
    return [Completion(*row) for row in await rows.fetchall()]


async def completion_counts(connection: Connection, tenant: str) -> dict[str, int]:
    """Return how many users completed each achievement; those that nobody did are missing."""
    rows = await connection.execute(_QUERIES["counts"], {"tenant": tenant})
    return dict(await rows.fetchall())
