"""Read model: users as the rules know them, and with their profiles for those who ask."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from msgspec import UNSET
from psycopg.rows import class_row

from projections.database import Connection, Statement, load_queries
from projections.effects import Applied
from schemas.entries import UserEntry

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
        self.created = first.at
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


class UserChanges:
    """What a batch changes: new users, changes of known ones, and when each was last seen."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._changes: dict[tuple[str, str], _Change] = {}

    def see(self, of: Applied) -> None:
        """Take note of a record of a user; it comes before the record's entries."""
        change = self._changes.get((of.tenant, of.user))
        if change is None:
            self._changes[of.tenant, of.user] = _Change(of)
        else:
            change.see(of.at)

    def add(self, of: Applied, entry: UserEntry) -> None:
        """Take an entry; later ones come later."""
        change = self._changes[of.tenant, of.user]
        change.updated = of.at
        if entry.tz is not UNSET:
            change.tz = (entry.tz,)
        change.attributes |= entry.attributes

    def statements(self) -> Iterator[Statement]:
        """Yield what stores and counts them."""
        rows = [change.row(tenant, user) for (tenant, user), change in self._changes.items()]
        yield Statement(_QUERIES["apply"], rows)


async def user(connection: Connection, tenant: str, user_id: str) -> User | None:
    """Return a user, None for one who never did anything."""
    async with connection.cursor(row_factory=class_row(User)) as cursor:
        await cursor.execute(_QUERIES["one"], {"tenant": tenant, "user": user_id})
        return await cursor.fetchone()


async def user_count(connection: Connection, tenant: str) -> int:
    """Return how many users a tenant has."""
    row = await (await connection.execute(_QUERIES["count"], {"tenant": tenant})).fetchone()
    return row[0] if row else 0
