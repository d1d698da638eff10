"""Build the read models anew, beside those that are live, and swap the two by rename.

The live schema answers until the swap, and is left as it is by a rebuild that dies on the way. The
schema `own` is never touched.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

import psycopg
import structlog
from psycopg import Rollback, sql

from broker.connection import Connection as Kafka
from broker.ledger import Position
from projections.database import READ, Connection, DatabaseError, connect
from projections.migrations import check_own, create_read
from projections.positions import positions
from projections.runner import Projector
from schemas.topics import Topics

SHADOW: Final = "read_next"
REPLACED: Final = "read_old"

_LOCK_REBUILD: Final = 7_311_002

log = structlog.get_logger(__name__)


class RebuildRunningError(DatabaseError):
    """Another rebuild is under way on this database."""


class Progress(NamedTuple):
    """How far a rebuild has come, in ledger records over all partitions."""

    read: int
    lag: int


class _Limits(NamedTuple):
    """Records that may be missing when a swap is tried, and seconds for which it may hold up."""

    lag: int
    hold_s: float


async def rebuild(
    dsn: str,
    kafka: Kafka,
    topics: Topics,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    lag_max: int = 1000,
    hold_s_max: float = 30.0,
) -> None:
    """Rebuild the schema `read` from record zero, and return when it is the live one.

    The swap is tried once no more than `lag_max` records are missing; the live projector waits
    meanwhile, at most `hold_s_max`. Raises RebuildRunningError, SchemaError,
    DatabaseUnreachableError, and what ends a projector.
    """
    limits = _Limits(lag_max, hold_s_max)
    async with connect(dsn) as connection:
        row = await (
            await connection.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK_REBUILD])
        ).fetchone()
        if not row or not row[0]:
            raise RebuildRunningError("another rebuild is under way")
        try:
            await _rebuild(
                connection, Projector(dsn, kafka, topics, schema=SHADOW), progress, limits
            )
        finally:
            # A closed connection lets go of it too, but only once its backend has noticed.
            with suppress(psycopg.Error):
                await connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_REBUILD])


async def _rebuild(
    connection: Connection,
    projector: Projector,
    progress: Callable[[Progress], None],
    limits: _Limits,
) -> None:
    await check_own(connection)
    # What a rebuild left behind that was killed.
    await _drop(connection, SHADOW)
    await _drop(connection, REPLACED)
    await create_read(connection, SHADOW)
    running = asyncio.create_task(projector.run())
    try:
        await _catch_up(projector, running, progress, limits.lag)
        await _analyze(connection)
        while not await _swapped(connection, projector, running, limits.hold_s):
            log.info("rebuild.postponed")
            await _catch_up(projector, running, progress, limits.lag)
    finally:
        await _stop(running)
    await _drop(connection, REPLACED)
    log.info("rebuild.done")


async def _catch_up(
    projector: Projector,
    running: "asyncio.Task[None]",
    progress: Callable[[Progress], None],
    lag_max: int,
) -> None:
    while True:
        _raise_if_ended(running)
        stored = await projector.positions()
        lag = await projector.lag()
        progress(Progress(sum(position.offset for position in stored.values()), lag))
        if stored and lag <= lag_max:
            return
        await asyncio.sleep(0.5)


async def _swapped(
    connection: Connection, projector: Projector, running: "asyncio.Task[None]", hold_s_max: float
) -> bool:
    """Swap the schemas; return False, with nothing changed, if the shadow is not up in time."""
    async with connection.transaction() as transaction:
        # From here on the live projector waits, so that its positions stand still.
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"xp.{READ}"]
        )
        is_live = await _exists(connection, READ)
        live = await positions(connection) if is_live else {}
        try:
            async with asyncio.timeout(hold_s_max):
                await _reach(projector, running, live)
        except TimeoutError as error:
            raise Rollback(transaction) from error
        await _stop(running)
        if is_live:
            await _rename(connection, READ, REPLACED)
        await _rename(connection, SHADOW, READ)
        return True
    return False


async def _reach(
    projector: Projector, running: "asyncio.Task[None]", live: dict[int, Position]
) -> None:
    while True:
        shadow = await projector.positions()
        if all(shadow.get(p, Position()).offset >= at.offset for p, at in live.items()):
            return
        _raise_if_ended(running)
        await asyncio.sleep(0.05)


def _raise_if_ended(running: "asyncio.Task[None]") -> None:
    if running.done():
        running.result()


async def _stop(running: "asyncio.Task[None]") -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _analyze(connection: Connection) -> None:
    # Fresh tables without statistics would be read by bad plans for a while after the swap.
    rows = await connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s", [SHADOW]
    )
    for (table,) in await rows.fetchall():
        await connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(SHADOW, table)))


async def _exists(connection: Connection, schema: str) -> bool:
    row = await (await connection.execute("SELECT to_regnamespace(%s)", [schema])).fetchone()
    return row is not None and row[0] is not None


async def _rename(connection: Connection, schema: str, name: str) -> None:
    await connection.execute(
        sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(schema), sql.Identifier(name))
    )


async def _drop(connection: Connection, schema: str) -> None:
    await connection.execute(
        sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema))
    )
