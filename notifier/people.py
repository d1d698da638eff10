"""The users that messages are about, as the read models and their own data know them."""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.rows import dict_row

from contract.application.users import Person
from notifier.deliveries import QUERIES, Who
from projections.database import Connection


async def people(connection: Connection, who: Iterable[Who]) -> Mapping[Who, Person]:
    """Return all that is known of users, by tenant and user; who is unknown is missing."""
    wanted = sorted(set(who))
    parameters = {
        "tenants": [tenant for tenant, _ in wanted],
        "users": [user for _, user in wanted],
    }
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(QUERIES["users"], parameters)
        users = await cursor.fetchall()
        await cursor.execute(QUERIES["profiles"], parameters)
        profiles = {(row["tenant"], row["user_id"]): row for row in await cursor.fetchall()}
    return {
        (row["tenant"], row["user_id"]): _person(row, profiles.get((row["tenant"], row["user_id"])))
        for row in users
    }


def _person(row: Mapping[str, Any], profile: Mapping[str, Any] | None) -> Person:
    known = profile or {}
    return Person(
        row["user_id"],
        row["tz"],
        row["attributes"],
        row["created"],
        max(row["updated"], known["updated"]) if profile else row["updated"],
        known.get("name"),
        known.get("email"),
        known.get("device_tokens"),
        known.get("subscribe_to_emails"),
    )
