"""Own data: which notifications users want, and by which channels. No rule asks for it.

Their streak settings are judged on: those are on the ledger, and read by `projections.streaks`.
"""

from collections.abc import Mapping, Sequence

import orjson

from projections.database import Connection, load_queries

_QUERIES = load_queries("preferences")


async def notifications_of(connection: Connection, tenant: str, user: str) -> dict[str, list[str]]:
    """Return a user's channels by kind of notification; a kind that was never set is missing."""
    given = {"tenant": tenant, "user": user}
    row = await (await connection.execute(_QUERIES["of_user"], given)).fetchone()
    return row[0] if row else {}


async def set_notifications(
    connection: Connection, tenant: str, user: str, channels: Mapping[str, Sequence[str]]
) -> dict[str, list[str]]:
    """Set the channels of these kinds, keep those of the others, and return all of them."""
    given = {
        "tenant": tenant,
        "user": user,
        "notifications": orjson.dumps({kind: list(by) for kind, by in channels.items()}).decode(),
    }
    row = await (await connection.execute(_QUERIES["set"], given)).fetchone()
    assert row is not None, "an INSERT with RETURNING returns its row"
    return dict(row[0])
