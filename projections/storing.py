"""Store what was gathered: rows and positions in one transaction, and on past what no row can hold.

A record that the tables cannot hold must not hold up all others for ever: it is found by storing
halves, and halves of halves, and set aside (`projections.set_aside`). All others are stored as if
it were not there, in the order of the ledger.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import psycopg
import structlog

from broker.failpoints import reach
from broker.ledger import Batch
from projections import definitions
from projections.changes import Changes, UnworkableError, singly
from projections.database import Connection, send_rows
from projections.positions import Move, lock_positions, move_positions
from projections.set_aside import set_aside
from schemas.records import event_id_of
from schemas.text import Reason
from schemas.versions import Version

# Classes of SQLSTATE that are about what was to be stored: data exceptions, such as a number out of
# range or a character that Postgres does not take; and limits of the program, such as a key that is
# too long for an index. The latter come as OperationalError, as a broken connection does, which is
# why classes are asked and not types. None of them: whatever passes by itself (08, 40, 53, 57, 58),
# and what tells of tables or of a program that are not as they should be (23, 42, XX).
_OF_DATA: Final = frozenset({"22", "54"})

log = structlog.get_logger(__name__)


async def store(connection: Connection, changes: Changes, versions: Iterable[Version] = ()) -> None:
    """Store what was gathered, with the positions: all of it or nothing.

    Raises StalePositionError, and stores nothing, if a stored position is not where what was
    gathered begins: somebody has stored these records before.
    """
    async with connection.transaction():
        # Rows and positions are lost together if they are lost: there is no need to wait for disk.
        await connection.execute("SET LOCAL synchronous_commit TO off")
        await lock_positions(connection, changes.moves)
        async with connection.pipeline():
            await definitions.add_versions(connection, versions)
            # Each is written while Postgres works on the one before.
            for statement in changes.statements():
                await send_rows(connection, *statement)
            await move_positions(connection, changes.moves)
        reach("projector.applied")


async def store_or_set_aside(
    connection: Connection, changes: Changes, versions: Sequence[Version] = ()
) -> int:
    """Store what was gathered but for the records that cannot be; return how many those are.

    They are set aside. Raises StalePositionError as `store` does; what came before the record at
    which that happened is stored then.
    """
    try:
        await store(connection, changes, versions)
    except (psycopg.Error, UnworkableError) as error:
        if _reason(error) is None:
            raise
    else:
        return 0
    # Were it a version that cannot be stored, every record would seem to be at fault.
    async with connection.transaction():
        await definitions.add_versions(connection, versions)
    return await _store_apart(connection, list(singly(changes.read)), versions)


async def _store_apart(
    connection: Connection, read: Sequence[tuple[int, Batch]], versions: Sequence[Version]
) -> int:
    """Store batches of one record each, in their order; return how many had to be set aside."""
    changes = Changes()
    for partition, batch in read:
        changes.add({partition: batch})
    try:
        await store(connection, changes, versions)
    except (psycopg.Error, UnworkableError) as error:
        reason = _reason(error)
        if reason is None or not any(batch.records for _, batch in read):
            raise
    else:
        return 0
    if len(read) == 1:
        await _set_aside(connection, *read[0], reason)
        return 1
    middle = len(read) // 2
    aside = await _store_apart(connection, read[:middle], versions)
    return aside + await _store_apart(connection, read[middle:], versions)


async def _set_aside(connection: Connection, partition: int, batch: Batch, reason: Reason) -> None:
    """Set the one record of a batch aside, with the position after it: both or neither."""
    ((offset, record),) = batch.records
    moves = {partition: Move(batch.before, batch.after, None)}
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit TO off")
        await lock_positions(connection, moves)
        await set_aside(connection, partition, offset, record, reason)
        await move_positions(connection, moves)
        reach("projector.applied")
    log.error(
        "projector.set_aside",
        partition=partition,
        offset=offset,
        event_id=event_id_of(record),
        reason=reason,
    )


def _reason(error: psycopg.Error | UnworkableError) -> Reason | None:
    """Return why a record cannot be stored, None if the error is about something else."""
    if isinstance(error, UnworkableError):
        return str(error)
    if error.sqlstate is None or error.sqlstate[:2] not in _OF_DATA:
        return None
    said = [error.diag.message_primary, error.diag.message_detail]
    return f"{error.sqlstate}: {'; '.join(it for it in said if it)}"
