"""Where the ledger has been read to: rows that move in one transaction with what they led to."""

from collections.abc import Mapping
from typing import NamedTuple

from psycopg import AsyncCursor

from broker.ledger import Position
from projections.database import Connection, load_queries, send_rows
from projections.migrations import check_format
from schemas.records import Link

_QUERIES = load_queries("positions")


class Move(NamedTuple):
    """How a batch moves the position of one partition."""

    before: Position
    after: Position
    # Append time of the last record in it that the chain rule admitted, in ISO 8601.
    appended: str | None


class StalePositionError(Exception):
    """Somebody else has moved the positions: what was read starts from where nobody is any more."""


async def positions(connection: Connection) -> dict[int, Position]:
    """Return the position of every partition that was ever read."""
    return await _positions(await connection.execute(_QUERIES["all"]))


async def add_positions(connection: Connection, partitions: int) -> dict[int, Position]:
    """Return the position of every partition, at the ledger's start where there was none."""
    await connection.execute(_QUERIES["add"], {"partitions": partitions})
    return await positions(connection)


async def lock_positions(connection: Connection, moves: Mapping[int, Move]) -> None:
    """Hold the positions of these partitions until the transaction ends.

    Raises StalePositionError if one is not where its move begins, ReadFormatError if the tables
    have been replaced by those of another version of the program.
    """
    async with connection.pipeline():
        await connection.execute(_QUERIES["hold_schema"])
        found = await connection.execute(_QUERIES["format"])
        rows = await connection.execute(_QUERIES["lock"], {"partitions": list(moves)})
    row = await found.fetchone()
    check_format(row[0] if row else None)
    locked = await _positions(rows)
    for partition, move in moves.items():
        if locked.get(partition) != move.before:
            raise StalePositionError(
                f"ledger partition {partition}: read from {move.before}, "
                f"stored is {locked.get(partition)}"
            )


async def move_positions(connection: Connection, moves: Mapping[int, Move]) -> None:
    """Set the positions to the ends of their moves."""
    rows = []
    for partition, move in moves.items():
        last = move.after.last
        rows.append(
            {
                "partition": partition,
                "next_offset": move.after.offset,
                "epoch": last.epoch if last else None,
                "source_offset": last.offset if last else None,
                "lane": last.lane if last else None,
                "appended": move.appended,
            }
        )
    await send_rows(connection, _QUERIES["move"], rows)


async def _positions(rows: AsyncCursor[tuple[int, int, int, int, str]]) -> dict[int, Position]:
    return {
        partition: Position(offset, Link(epoch, source, lane) if epoch is not None else None)
        for partition, offset, epoch, source, lane in await rows.fetchall()
    }
