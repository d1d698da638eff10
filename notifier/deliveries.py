"""The outbox: what is to be sent, what came of it, and how far the ledger has been read for it.

Everything in here is a query on a connection that the caller opened, and part of the caller's
transaction. No ledger, no HTTP and no decision about retries in here.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from broker.ledger import Position
from projections.database import Connection, DatabaseUnreachableError, parse_queries
from schemas.records import Link

SQL: Final = Path(__file__).parent / "sql"
QUERIES: Final = parse_queries((SQL / "deliveries.sql").read_text(encoding="utf-8"))

# What a query raises while Postgres is away, or while `read` is being exchanged for another.
OUTAGES: Final = (DatabaseUnreachableError, psycopg.Error, OSError)

State = Literal["pending", "delivered", "failed"]
# Tenant and user.
Who = tuple[str, str]


class Start(NamedTuple):
    """Where this notifier stands in one partition, and before which offset it tells nobody."""

    position: Position
    quiet_until: int


@dataclass(frozen=True, slots=True)
class Pending:
    """One delivery that is due, and where it goes."""

    id: str
    user_id: str
    body: bytes = field(repr=False)
    # Attempts made so far.
    attempts: int
    url: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class New:
    """One delivery to be enqueued."""

    webhook_id: UUID
    id: str
    type: str
    user_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt led to."""

    state: State
    error: str | None
    next_attempt: datetime
    # When it was delivered or given up, None while it is neither.
    finished: datetime | None


async def positions(connection: Connection) -> dict[int, Start]:
    """Return where this notifier stands, by partition; empty for a new one."""
    rows = await (await connection.execute(QUERIES["positions"])).fetchall()
    return {row[0]: Start(_position(*row[1:5]), row[5]) for row in rows}


async def projected_positions(connection: Connection) -> dict[int, Position]:
    """Return where the read models stand, by partition."""
    rows = await (await connection.execute(QUERIES["projected_positions"])).fetchall()
    return {row[0]: _position(*row[1:]) for row in rows}


async def start(connection: Connection, partition: int, at: Start) -> None:
    """Store where a new notifier begins in a partition; one that has begun there keeps its own."""
    await connection.execute(
        QUERIES["start_position"],
        {"partition": partition, "quiet_until": at.quiet_until, **_columns(at.position)},
    )


async def lock_position(connection: Connection, partition: int) -> Position | None:
    """Return a partition's position and keep it from others until the transaction ends."""
    cursor = await connection.execute(QUERIES["lock_position"], {"partition": partition})
    row = await cursor.fetchone()
    return None if row is None else _position(*row)


async def move_position(connection: Connection, partition: int, position: Position) -> None:
    """Store a partition's position: in the transaction that enqueues what was found up to it."""
    await connection.execute(
        QUERIES["move_position"], {"partition": partition, **_columns(position)}
    )


async def projected_offset(connection: Connection, partition: int) -> int:
    """Return the offset that the read models read next in a partition."""
    cursor = await connection.execute(QUERIES["projected_offset"], {"partition": partition})
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def subscribed(
    connection: Connection, kind: str, tenants: Collection[str]
) -> dict[str, list[UUID]]:
    """Return the webhooks that want a type of message, by tenant."""
    cursor = await connection.execute(
        QUERIES["subscribed"], {"type": kind, "tenants": sorted(tenants)}
    )
    found: dict[str, list[UUID]] = {}
    for webhook_id, tenant in await cursor.fetchall():
        found.setdefault(tenant, []).append(webhook_id)
    return found


async def enqueue(connection: Connection, deliveries: Iterable[New], now: datetime) -> None:
    """Add deliveries, due at once; one that is there already stays as it is."""
    async with connection.cursor() as cursor:
        await cursor.executemany(
            QUERIES["enqueue"],
            [
                {
                    "webhook_id": delivery.webhook_id,
                    "id": delivery.id,
                    "type": delivery.type,
                    "user_id": delivery.user_id,
                    "body": delivery.body,
                    "now": now,
                }
                for delivery in deliveries
            ],
        )


async def due(connection: Connection, now: datetime) -> list[UUID]:
    """Return the webhooks that have something to be sent now."""
    rows = await (await connection.execute(QUERIES["due"], {"now": now})).fetchall()
    return [row[0] for row in rows]


async def next_pending(
    connection: Connection, webhook_id: UUID, now: datetime, taken: Mapping[str, str]
) -> Pending | None:
    """Return the next delivery that is due to a webhook, None when there is none.

    `taken` (delivery id -> user) is what is being sent: neither that, nor another to those users.
    """
    async with connection.cursor(row_factory=class_row(Pending)) as cursor:
        await cursor.execute(
            QUERIES["next"],
            {
                "webhook_id": webhook_id,
                "now": now,
                "ids": list(taken),
                "users": list(taken.values()),
            },
        )
        return await cursor.fetchone()


async def record(
    connection: Connection, webhook_id: UUID, pending: Pending, result: Result
) -> None:
    """Store what an attempt led to; nothing, if another has stored that attempt before."""
    await connection.execute(
        QUERIES["record"],
        {
            "webhook_id": webhook_id,
            "id": pending.id,
            "attempts": pending.attempts + 1,
            "state": result.state,
            "error": result.error,
            "next_attempt": result.next_attempt,
            "finished": result.finished,
        },
    )


async def prune(connection: Connection, before: datetime) -> int:
    """Remove what was delivered or given up before an instant; return how many."""
    return (await connection.execute(QUERIES["prune"], {"before": before})).rowcount


async def waiting(connection: Connection) -> list[tuple[str, int, int]]:
    """Return (webhook id, pending, failed) of every webhook that has either."""
    rows = await (await connection.execute(QUERIES["waiting"])).fetchall()
    return [(row[0], row[1], row[2]) for row in rows]


def _position(
    next_offset: int, epoch: int | None, source_offset: int | None, lane: str | None
) -> Position:
    if epoch is None or source_offset is None or lane is None:
        return Position(next_offset)
    return Position(next_offset, Link(epoch, source_offset, lane))


def _columns(position: Position) -> dict[str, Any]:
    last = position.last
    return {
        "next_offset": position.offset,
        "epoch": last.epoch if last else None,
        "source_offset": last.offset if last else None,
        "lane": last.lane if last else None,
    }
