"""Records of the ledger that the tables cannot hold: set aside with the reason, to be looked at.

None should ever come: every door refuses what Postgres does not take. But a ledger may be older
than a limit, or a program may have had a bug, and the truth stays as it is. Such a record has no
row in any read model; the position moves on past it in the transaction that sets it aside, and a
rebuild tries it again.

What is missing then is what that record alone would have added. Later records of the user mend
what a row has as a whole: totals, balances, the streak as it is, freezes, pauses and settings are
right again with the next record that moves them. What is summed or listed stays without it: the
changes of days (of a metric and of points), the awards, the changes of level, the completed
achievements and how many completed them, the periods of a streak, the corrections of an event, the
attributes and the time zone of a user, and when the user came to be.
"""

from datetime import datetime
from typing import NamedTuple

from projections.database import Connection, load_queries
from schemas.codec import write_record
from schemas.records import Record, event_id_of
from schemas.text import EventId, Reason, TenantKey, UserId

_QUERIES = load_queries("set_aside")


class SetAside(NamedTuple):
    """A record that was set aside."""

    partition: int
    ledger_offset: int
    event_id: EventId
    tenant: TenantKey
    # None for what is of a whole partition.
    user: UserId | None
    # SQLSTATE and words of Postgres, or what could not be worked out.
    reason: Reason
    # The record in JSON, in the shape of this program's version.
    record: str
    at: datetime


async def set_aside(
    connection: Connection, partition: int, offset: int, record: Record, reason: Reason
) -> None:
    """Add the row of a record; the caller moves the position in the same transaction."""
    row = {
        "partition": partition,
        "ledger_offset": offset,
        "event_id": _storable(event_id_of(record)),
        "tenant": _storable(record.tenant),
        "user_id": None if record.user is None else _storable(record.user),
        "reason": _storable(reason),
        # In JSON every character that Postgres does not take is written as an escape.
        "record": write_record(record).decode(),
    }
    await connection.execute(_QUERIES["add"], row)


async def set_aside_count(connection: Connection) -> int:
    """Return how many records are set aside."""
    row = await (await connection.execute(_QUERIES["count"])).fetchone()
    return row[0] if row else 0


async def first_set_aside(connection: Connection, limit: int) -> list[SetAside]:
    """Return those that were set aside first."""
    rows = await connection.execute(_QUERIES["first"], {"limit": limit})
    return [SetAside(*row) for row in await rows.fetchall()]


def _storable(text: str) -> str:
    r"""Return a text with U+0000, which Postgres does not take, written as \u0000."""
    return text.replace("\0", "\\u0000")
