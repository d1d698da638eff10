"""The projector: follows the ledger into the read models, rows and positions in one transaction.

What the rows are is said by the read models; nothing in here looks into an entry.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka.errors import OffsetOutOfRangeError

from broker.connection import Connection as Kafka
from broker.definitions import DefinitionsReader
from broker.failpoints import reach
from broker.ledger import Batch, LedgerReader, Position
from broker.topics import end_offsets
from projections import achievements, definitions, levels, metrics, points, streaks, totals, users
from projections.database import (
    READ,
    Connection,
    Database,
    connect,
)
from projections.effects import Effects, effects_of
from projections.migrations import check_schema
from projections.outages import AwayError, keep_up, partitions_of
from projections.positions import (
    StalePositionError,
    add_positions,
    lock_positions,
    move_positions,
    positions,
)
from projections.profiles import ProfileFollower
from schemas.topics import Topics
from schemas.versions import Version

log = structlog.get_logger(__name__)

BATCH_RECORDS_MAX: Final = 5000
VERSION_WAIT_S_MAX: Final = 10.0
# Asking the broker for the ends of the ledger costs a round trip: not after every batch.
MEASURE_INTERVAL_S: Final = 1.0

Apply = Callable[[Connection, Effects], Awaitable[None]]

READ_MODELS: Final[tuple[Apply, ...]] = (
    definitions.apply,
    users.apply,
    totals.apply,
    streaks.apply,
    achievements.apply,
    points.apply,
    levels.apply,
)


class LedgerLostError(Exception):
    """The ledger no longer has the record that is due next: it was shortened or made anew."""


async def store(
    connection: Connection, batches: Mapping[int, Batch], versions: Iterable[Version] = ()
) -> None:
    """Store what batches (partition -> batch) led to, with the positions: all of it or nothing.

    Raises StalePositionError, and stores nothing, if a stored position is not where its batch
    begins: somebody has stored these records before.
    """
    effects = effects_of(
        (partition, offset, record)
        for partition, batch in batches.items()
        for offset, record in batch.records
    )
    async with connection.transaction():
        # Rows and positions are lost together if they are lost: there is no need to wait for disk.
        await connection.execute("SET LOCAL synchronous_commit TO off")
        await lock_positions(connection, batches)
        async with connection.pipeline():
            await definitions.add_versions(connection, versions)
            for apply in READ_MODELS:
                await apply(connection, effects)
            await move_positions(connection, batches)
        reach("projector.applied")


class Projector:
    """Keeps the read models up with the ledger."""

    def __init__(
        self,
        dsn: str,
        kafka: Kafka,
        topics: Topics,
        *,
        schema: str = READ,
        records_max: int = BATCH_RECORDS_MAX,
    ) -> None:
        """Take where to read from and where to store.

        A schema other than the live one is a shadow: profiles are not followed beside it.
        """
        self._dsn = dsn
        self._schema = schema
        self._kafka = kafka
        self._topics = topics
        self._records_max = records_max
        self._stored_versions: set[tuple[str, int]] = set()
        self._stored: dict[int, int] = {}
        self._current_at = datetime.now(UTC)
        self._measured = 0.0

    async def run(self) -> None:
        """Run until cancelled, over every outage of Kafka and Postgres.

        Raises what will not pass by itself: SchemaError, LedgerLostError, UnreadableRecordError.
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
        try:
            batches = await reader.read()
            while True:
                # The next records are fetched and read while Postgres stores these.
                ahead = asyncio.create_task(reader.read())
                try:
                    if batches:
                        await self._store(database, batches, versions)
                    await self._measure(reader, batches)
                    batches = await ahead
                except StalePositionError as error:
                    await _stop(ahead)
                    log.info("projector.overtaken", reason=str(error))
                    for partition, position in (await self.positions()).items():
                        reader.seek(partition, position)
                        self._stored[partition] = position.offset
                    batches = {}
                except BaseException:
                    await _stop(ahead)
                    raise
        except OffsetOutOfRangeError as error:
            raise LedgerLostError(
                f"the ledger lacks what is due next ({error}): if it was made anew, "
                "run `xp project --rebuild`"
            ) from error

    async def _store(
        self, database: Database, batches: Mapping[int, Batch], versions: DefinitionsReader
    ) -> None:
        started = time.perf_counter()
        missing = await self._missing_versions(batches, versions)
        async with database.connection() as connection:
            await store(connection, batches, missing)
        reach("projector.committed")
        self._stored_versions |= {(version.tenant, version.version) for version in missing}
        self._stored |= {partition: batch.after.offset for partition, batch in batches.items()}
        metrics.BATCH_SECONDS.observe(time.perf_counter() - started)
        metrics.RECORDS.inc(sum(len(batch.records) for batch in batches.values()))
        metrics.SKIPPED.inc(sum(batch.skipped for batch in batches.values()))

    async def _store_versions(self, database: Database, versions: DefinitionsReader) -> None:
        found = list(versions.all())
        async with database.connection() as connection:
            await definitions.add_versions(connection, found)
        self._stored_versions = {(version.tenant, version.version) for version in found}

    async def _missing_versions(
        self, batches: Mapping[int, Batch], versions: DefinitionsReader
    ) -> list[Version]:
        named: set[tuple[str, int]] = set()
        marked: set[tuple[str, int]] = set()
        for batch in batches.values():
            for _, record in batch.records:
                version = (record["tenant"], record["definitions"])
                named.add(version)
                if record["user"] is None:
                    marked.add(version)
        missing = []
        # Those of markers every time: a rebuild may have swapped the tables since they were stored.
        for tenant, number in sorted((named - self._stored_versions) | marked):
            if number:
                waiting = versions.wait_for(tenant, number)
                try:
                    missing.append(await asyncio.wait_for(waiting, VERSION_WAIT_S_MAX))
                except TimeoutError as error:
                    reason = f"version {number} of tenant {tenant!r} has not been published"
                    raise AwayError(reason) from error
        return missing

    async def _measure(self, reader: LedgerReader, batches: Mapping[int, Batch]) -> None:
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
        appended = [
            datetime.fromisoformat(batch.records[-1][1]["appended"])
            for batch in batches.values()
            if batch.records
        ]
        # After an idle hour the last record is an hour old, and yet nothing was missing until now.
        since = max([self._current_at, *appended])
        metrics.LAG_SECONDS.set(max(0.0, (datetime.now(UTC) - since).total_seconds()))


async def _stop(task: "asyncio.Task[dict[int, Batch]]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def ledger_lag(dsn: str, kafka: Kafka, topics: Topics, *, schema: str = READ) -> int:
    """Return how many records of the ledger are not in the read models yet.

    Raises DatabaseUnreachableError, aiokafka's KafkaError when the broker is away, and AwayError
    when there is no such topic.
    """
    async with connect(dsn, schema) as connection:
        stored = await positions(connection)
    ends = await _ends(kafka, topics.ledger)
    return sum(max(0, end - stored.get(p, Position()).offset) for p, end in ends.items())


async def events_behind(dsn: str, kafka: Kafka, topics: Topics, *, epoch: int = 0) -> int:
    """Return how many of the published events have not reached the read models yet.

    Every event has one ledger record, so those are the events after the last record's source.
    Raises as `ledger_lag` does.
    """
    async with connect(dsn) as connection:
        stored = await positions(connection)
    behind = 0
    for partition, end in (await _ends(kafka, topics.events)).items():
        last = stored.get(partition, Position()).last
        judged = last.offset + 1 if last is not None and last.epoch == epoch else 0
        behind += max(0, end - judged)
    return behind


async def _ends(kafka: Kafka, topic: str) -> dict[int, int]:
    # A topic that is not there must not look like one that is read to its end.
    try:
        return await end_offsets(kafka, topic)
    except LookupError as error:
        raise AwayError(str(error)) from error
