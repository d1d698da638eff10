"""The projector: follows the ledger into the read models, rows and positions in one transaction.

What the rows are is said by the read models; nothing in here looks into an entry.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from aiokafka.errors import OffsetOutOfRangeError

from broker.connection import Connection as Kafka
from broker.definitions import DefinitionsReader
from broker.failpoints import reach
from broker.ledger import Batch, LedgerReader, Position
from projections import definitions, metrics
from projections.changes import Changes
from projections.database import READ, Database, connect
from projections.lag import ledger_lag
from projections.migrations import check_schema
from projections.outages import AwayError, keep_up, partitions_of
from projections.positions import StalePositionError, add_positions, positions
from projections.profiles import ProfileFollower
from projections.storing import store_or_set_aside
from schemas.codec import UnreadableVersionError
from schemas.topics import Topics
from schemas.versions import Version

log = structlog.get_logger(__name__)

# How many records are read at a time, and how many are changes at most while Postgres is busy.
READ_RECORDS_MAX: Final = 500
GATHERED_RECORDS_MAX: Final = 10_000
VERSION_WAIT_S_MAX: Final = 10.0
# Of many events in a row: a transaction, or a read, for each costs more than waiting this long.
STORE_EVERY_S: Final = 0.05
READ_EVERY_S: Final = 0.05
# Asking the broker for the ends of the ledger costs a round trip: not after every batch.
MEASURE_INTERVAL_S: Final = 1.0


class LedgerLostError(Exception):
    """The ledger no longer has the record that is due next: it was shortened or made anew."""


class Projector:
    """Keeps the read models up with the ledger."""

    def __init__(
        self,
        dsn: str,
        kafka: Kafka,
        topics: Topics,
        *,
        schema: str = READ,
        records_max: int = READ_RECORDS_MAX,
    ) -> None:
        """Take where to read from and where to store.

        A schema other than the live one is a shadow: profiles are not followed beside it. At most
        `records_max` records are read at a time.
        """
        self._dsn = dsn
        self._schema = schema
        self._kafka = kafka
        self._topics = topics
        self._records_max = records_max
        self._stored_versions: set[tuple[str, int]] = set()
        self._stored: dict[int, int] = {}
        self._current_at = datetime.now(UTC)
        # Append time of the last record stored.
        self._appended: str | None = None
        self._measured = 0.0

    async def run(self) -> None:
        """Run until cancelled, over every outage of Kafka and Postgres.

        Raises what will not pass by itself: SchemaError, LedgerLostError, UnreadableRecordError. A
        record that cannot be read is never passed over: who knows what it says. One that can be
        read and not be stored is set aside.
        """
        async with Database(self._dsn, schema=self._schema, size_max=3) as database:
            following = [keep_up("ledger", lambda: self._follow(database))]
            if self._schema == READ:
                follower = ProfileFollower(database, self._kafka, self._topics.profiles)
                following.append(keep_up("profiles", follower.follow))
            tasks = [asyncio.create_task(follow) for follow in following]
            try:
                # None ends but by an error that does not pass; no group, so that it comes bare.
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def positions(self) -> dict[int, Position]:
        """Return the stored position of every partition. Raises DatabaseUnreachableError."""
        async with connect(self._dsn, self._schema) as connection:
            return await positions(connection)

    async def lag(self) -> int:
        """Return how many records of the ledger are not stored yet."""
        return await ledger_lag(self._dsn, self._kafka, self._topics, schema=self._schema)

    async def _follow(self, database: Database) -> None:
        if self._schema == READ:
            async with database.connection() as connection:
                await check_schema(connection)
        partitions = await partitions_of(self._kafka, self._topics.ledger)
        async with database.connection() as connection:
            start = await add_positions(connection, partitions)
        self._stored = {partition: position.offset for partition, position in start.items()}
        async with (
            DefinitionsReader(self._kafka, self._topics.definitions) as versions,
            LedgerReader(
                self._kafka, self._topics.ledger, start, records_max=self._records_max
            ) as reader,
        ):
            await self._store_versions(database, versions)
            log.info("projector.started", schema=self._schema, partitions=partitions)
            await self._follow_from(database, reader, versions)

    async def _follow_from(
        self, database: Database, reader: LedgerReader, versions: DefinitionsReader
    ) -> None:
        changes = Changes()
        reading: asyncio.Task[dict[int, Batch]] | None = None
        storing: asyncio.Task[None] | None = None
        rest_s = 0.0
        try:
            while True:
                # Reading goes on while Postgres stores: what comes meanwhile is stored together,
                # and what comes when nothing is under way is stored at once.
                if storing is None and changes.moves:
                    storing = asyncio.create_task(self._store(database, changes, versions))
                    changes = Changes()
                if reading is None and changes.records < GATHERED_RECORDS_MAX:
                    reading = asyncio.create_task(_read(reader, rest_s))
                tasks = [task for task in (reading, storing) if task is not None]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                if reading is not None and reading.done():
                    batches, reading = reading.result(), None
                    changes.add(batches)
                    rest_s = self._rest_s(batches)
                if storing is not None and storing.done():
                    stored, storing = storing, None
                    try:
                        stored.result()
                    except StalePositionError as error:
                        log.info("projector.overtaken", reason=str(error))
                        await _stop(reading)
                        changes, reading = Changes(), None
                        await self._seek(reader)
                await self._measure(reader)
        except OffsetOutOfRangeError as error:
            raise LedgerLostError(
                f"the ledger lacks what is due next ({error}): if it was made anew, "
                "run `xp project --rebuild`"
            ) from error
        finally:
            await _stop(reading)
            await _stop(storing)

    def _rest_s(self, batches: Mapping[int, Batch]) -> float:
        """Return for how many seconds reading rests after these: not at all when far behind."""
        read = sum(len(batch.records) + batch.skipped for batch in batches.values())
        return READ_EVERY_S if 0 < read < self._records_max else 0.0

    async def _seek(self, reader: LedgerReader) -> None:
        for partition, position in (await self.positions()).items():
            reader.seek(partition, position)
            self._stored[partition] = position.offset

    async def _store(
        self, database: Database, changes: Changes, versions: DefinitionsReader
    ) -> None:
        started = time.perf_counter()
        missing = await self._missing_versions(changes, versions)
        async with database.connection() as connection:
            aside = await store_or_set_aside(connection, changes, missing)
        reach("projector.committed")
        self._stored_versions |= {(version.tenant, version.version) for version in missing}
        for partition, move in changes.moves.items():
            self._stored[partition] = move.after.offset
            self._appended = move.appended or self._appended
        metrics.BATCH_SECONDS.observe(time.perf_counter() - started)
        metrics.RECORDS.inc(changes.records - aside)
        metrics.SET_ASIDE.inc(aside)
        metrics.SKIPPED.inc(changes.skipped)
        # Counts as busy a little longer: what comes meanwhile is stored together.
        await asyncio.sleep(started + STORE_EVERY_S - time.perf_counter())

    async def _store_versions(self, database: Database, versions: DefinitionsReader) -> None:
        found = list(versions.all())
        async with database.connection() as connection:
            await definitions.add_versions(connection, found)
        self._stored_versions = {(version.tenant, version.version) for version in found}

    async def _missing_versions(
        self, changes: Changes, versions: DefinitionsReader
    ) -> list[Version]:
        missing = []
        # Those of markers every time: a rebuild may have swapped the tables since they were stored.
        for tenant, number in sorted((changes.named - self._stored_versions) | changes.marked):
            if number:
                waiting = versions.wait_for(tenant, number)
                try:
                    missing.append(await asyncio.wait_for(waiting, VERSION_WAIT_S_MAX))
                except UnreadableVersionError:
                    # A newer worker judged by it. Records say all there is to know without it;
                    # a projector that can read it stores it when it starts.
                    continue
                except TimeoutError as error:
                    reason = f"version {number} of tenant {tenant!r} has not been published"
                    raise AwayError(reason) from error
        return missing

    async def _measure(self, reader: LedgerReader) -> None:
        now = time.monotonic()
        if now - self._measured < MEASURE_INTERVAL_S:
            return
        self._measured = now
        ends = await reader.ends()
        lag = sum(max(0, end - self._stored[partition]) for partition, end in ends.items())
        metrics.LAG_RECORDS.set(lag)
        if lag == 0:
            self._current_at = datetime.now(UTC)
            metrics.LAG_SECONDS.set(0)
            return
        # After an idle hour the last record is an hour old, and yet nothing was missing until now.
        since = self._current_at
        if self._appended is not None:
            since = max(since, datetime.fromisoformat(self._appended))
        metrics.LAG_SECONDS.set(max(0.0, (datetime.now(UTC) - since).total_seconds()))


async def _read(reader: LedgerReader, rest_s: float) -> dict[int, Batch]:
    await asyncio.sleep(rest_s)
    return await reader.read()


async def _stop(task: asyncio.Task[Any] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
