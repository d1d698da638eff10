"""Read model: users as the rules know them, and with their profiles for those who ask."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from projections.database import Connection, load_queries, send_rows
from projections.effects import Applied, Effects

_QUERIES = load_queries("users")


@dataclass(frozen=True, slots=True)
class User:
    """A user: what the rules know of them, and their profile."""

    id: str
    tz: str | None
    attributes: dict[str, str]
    created: datetime
    updated: datetime
    # The latest event time: the user's time.
    last_seen: datetime
    name: str | None
    email: str | None
    device_tokens: list[str] | None
    subscribe_to_emails: bool


class _Change:
    """What a batch changes of one user, from the first of its events on."""

    def __init__(self, first: Applied) -> None:
        self.partition = first.partition
        self.created = first.record["at"]
        self.updated: str | None = None
        self.tz: tuple[str | None] | None = None
        self.attributes: dict[str, str | None] = {}
        self.last_seen = self.created
        self._latest = datetime.fromisoformat(self.created)

    def see(self, at: str) -> None:
        instant = datetime.fromisoformat(at)
        if instant > self._latest:
            self._latest, self.last_seen = instant, at

    def row(self, tenant: str, user: str) -> dict[str, object]:
        return {
            "tenant": tenant,
            "user_id": user,
            "partition": self.partition,
            "tz_given": self.tz is not None,
            "tz": self.tz[0] if self.tz else None,
            "attributes": self.attributes or None,
            "created": self.created,
            "updated": self.updated,
            "last_seen": self.last_seen,
        }


async def apply(connection: Connection, effects: Effects) -> None:
    """Store new users, their changes, and when each was last seen."""
    changes: dict[tuple[str, str], _Change] = {}
    for applied in effects.seen:
        record = applied.record
        key = (record["tenant"], record["user"] or "")
        change = changes.get(key)
        if change is None:
            changes[key] = _Change(applied)
        else:
            change.see(record["at"])
    for of, _, entry in effects.users:
        change = changes[of.record["tenant"], of.record["user"] or ""]
        change.updated = of.record["at"]
        if "tz" in entry:
            change.tz = (entry["tz"],)
        change.attributes |= entry.get("attributes", {})
    rows = [change.row(tenant, user) for (tenant, user), change in changes.items()]
    await send_rows(connection, _QUERIES["apply"], rows)


async def user(connection: Connection, tenant: str, user_id: str) -> User | None:
    """Return a user, None for one who never did anything."""
    async with connection.cursor(row_factory=class_row(User)) as cursor:
        await cursor.execute(_QUERIES["one"], {"tenant": tenant, "user": user_id})
        return await cursor.fetchone()


async def user_count(connection: Connection, tenant: str) -> int:
    """Return how many users a tenant has."""
    row = await (await connection.execute(_QUERIES["count"], {"tenant": tenant})).fetchone()
    return row[0] if row else 0
