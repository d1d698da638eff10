"""Read the ledger and enqueue what webhooks are to be sent, exactly once per effect and webhook.

Position and rows move in one transaction, and only if the stored position is still the one that
was read from: two notifiers, a restart or a rebuild of the read models enqueue nothing twice. No
HTTP in here; sending is `notifier.dispatcher`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from broker.connection import Connection as Kafka
from broker.definitions import DefinitionsReader
from broker.failpoints import reach
from broker.ledger import Batch, LedgerReader, Position
from broker.patience import WAIT_MS
from broker.topics import partition_count
from notifier import deliveries, metrics, payloads
from notifier.deliveries import OUTAGES, New, Start
from notifier.effects import Found, find
from notifier.people import people
from projections.database import Connection, Database
from schemas.text import text_problem
from schemas.topics import Topics
from schemas.versions import Version

RECORDS_MAX: Final = 1000
# Nobody waits for a message as for an answer: what comes meanwhile is read together.
READ_EVERY_S: Final = 0.1
# How often a position is stored when nothing is to be enqueued: it costs a transaction each time.
# And for how long nothing must have come for it to be stored before.
STORE_EVERY_S: Final = 1.0
QUIET_MS: Final = 500
PROJECTION_POLL_S: Final = 0.05
RECOVERY_PAUSE_S: Final = 1.0
ENDS_TIMEOUT_S: Final = 2.0

log = structlog.get_logger(__name__)


class MovedError(Exception):
    """Another notifier has moved the position; discard what was read."""


class Outbox:
    """Follows the ledger for as long as `run` runs."""

    def __init__(
        self,
        kafka: Kafka,
        topics: Topics,
        database: Database,
        *,
        clock: Callable[[], datetime],
        enqueued: Callable[[], None],
    ) -> None:
        """Call `enqueued` whenever there is something new to be sent."""
        self._kafka = kafka
        self._topics = topics
        self._database = database
        self._clock = clock
        self._enqueued = enqueued
        self._reader: LedgerReader | None = None
        self._definitions: DefinitionsReader | None = None
        self._quiet_until: dict[int, int] = {}
        # Where the database stands, and where we stand: apart only where nothing was enqueued.
        self._stored: dict[int, Position] = {}
        self._handled: dict[int, Position] = {}
        self._stored_at = 0.0

    async def run(self) -> None:
        """Follow the ledger until cancelled; outages of Kafka and Postgres are waited out."""
        while True:
            try:
                await self._follow()
            except MovedError:
                log.info("outbox.overtaken")
            except (KafkaError, *OUTAGES) as error:
                log.warning("outbox.waits", error=str(error))
                await asyncio.sleep(RECOVERY_PAUSE_S)
            finally:
                self._reader = None

    async def caught_up(self) -> bool:
        """Tell whether everything in the ledger has been seen and its position stored.

        False also while Kafka does not say where the ledger ends.
        """
        if self._reader is None:
            return False
        try:
            # A reader that is closed meanwhile, to be opened anew after an outage, never answers.
            async with asyncio.timeout(ENDS_TIMEOUT_S):
                ends = await self._reader.ends()
        except (KafkaError, TimeoutError):
            return False
        return self._handled == self._stored and all(
            partition in self._stored and self._stored[partition].offset >= end
            for partition, end in ends.items()
        )

    async def _follow(self) -> None:
        starts = await self._starts()
        positions = {partition: start.position for partition, start in starts.items()}
        self._quiet_until = {partition: start.quiet_until for partition, start in starts.items()}
        self._stored = dict(positions)
        self._handled = dict(positions)
        async with (
            DefinitionsReader(self._kafka, self._topics.definitions) as definitions,
            LedgerReader(
                self._kafka, self._topics.ledger, positions, records_max=RECORDS_MAX
            ) as reader,
        ):
            self._definitions = definitions
            self._reader = reader
            while True:
                is_stored = self._handled == self._stored
                batches = await reader.read(WAIT_MS if is_stored else QUIET_MS)
                for partition, batch in batches.items():
                    await self._take(partition, batch)
                if not batches or time.monotonic() - self._stored_at > STORE_EVERY_S:
                    await self._store_all()
                if sum(len(it.records) + it.skipped for it in batches.values()) < RECORDS_MAX:
                    await asyncio.sleep(READ_EVERY_S)

    async def _starts(self) -> dict[int, Start]:
        """Return where to begin, partition by partition; a new notifier begins at the end."""
        partitions = range(await partition_count(self._kafka, self._topics.ledger))
        async with self._database.connection() as connection:
            known = await deliveries.positions(connection)
            missing = [partition for partition in partitions if partition not in known]
            if missing:
                # The chain can only be taken up where somebody has followed it to: the read models.
                # From there to the ledger's end it is followed in silence.
                projected = await deliveries.projected_positions(connection)
                at = {partition: projected.get(partition, Position()) for partition in missing}
                reader = LedgerReader(self._kafka, self._topics.ledger, at)
                async with reader:
                    ends = await reader.ends()
                for partition, position in at.items():
                    await deliveries.start(connection, partition, Start(position, ends[partition]))
                known = await deliveries.positions(connection)
        return {partition: known[partition] for partition in partitions}

    async def _take(self, partition: int, batch: Batch) -> None:
        loud_from = self._quiet_until[partition]
        found = [
            effect
            for offset, record in batch.records
            if offset >= loud_from
            for effect in find(record)
        ]
        if found:
            await self._projected(partition, batch.after.offset)
            await self._enqueue(partition, batch, found)
        self._handled[partition] = batch.after

    async def _projected(self, partition: int, offset: int) -> None:
        """Wait until the read models have got as far: a message names the user that they know."""
        while True:
            async with self._database.connection() as connection:
                if await deliveries.projected_offset(connection, partition) >= offset:
                    return
            await asyncio.sleep(PROJECTION_POLL_S)

    async def _enqueue(self, partition: int, batch: Batch, found: list[Found]) -> None:
        versions = await self._versions(found)
        async with self._database.connection() as connection, connection.transaction():
            await self._move(connection, partition, batch.after)
            tenants = {effect.record.tenant for effect in found}
            webhooks = await deliveries.subscribed(connection, payloads.LEVEL_CHANGED, tenants)
            wanted = [effect for effect in found if effect.record.tenant in webhooks]
            bodies = await _bodies(connection, wanted, versions)
            await deliveries.enqueue(
                connection,
                [
                    New(webhook_id, effect.id, payloads.LEVEL_CHANGED, effect.who[1], body)
                    for effect, body in bodies
                    for webhook_id in webhooks[effect.record.tenant]
                ],
                self._clock(),
            )
            reach("outbox.applied")
        reach("outbox.committed")
        self._stored[partition] = batch.after
        if bodies:
            metrics.ENQUEUED.labels(payloads.LEVEL_CHANGED).inc(len(bodies))
            self._enqueued()

    async def _versions(self, found: list[Found]) -> dict[tuple[str, int], Version]:
        """Return the definitions that the records were judged by, by tenant and number."""
        assert self._definitions is not None
        wanted = {(effect.record.tenant, effect.record.definitions) for effect in found}
        return {key: await self._definitions.wait_for(*key) for key in sorted(wanted)}

    async def _store_all(self) -> None:
        behind = [p for p, position in self._handled.items() if position != self._stored[p]]
        if behind:
            async with self._database.connection() as connection, connection.transaction():
                for partition in sorted(behind):
                    await self._move(connection, partition, self._handled[partition])
            self._stored.update({partition: self._handled[partition] for partition in behind})
        self._stored_at = time.monotonic()

    async def _move(self, connection: Connection, partition: int, position: Position) -> None:
        if await deliveries.lock_position(connection, partition) != self._stored[partition]:
            raise MovedError
        await deliveries.move_position(connection, partition, position)


async def _bodies(
    connection: Connection, wanted: list[Found], versions: Mapping[tuple[str, int], Version]
) -> list[tuple[Found, bytes]]:
    # Of an old ledger: a user whose id no table can hold is not in the read models either.
    storable = (effect.who for effect in wanted if text_problem(effect.who[1]) is None)
    known = await people(connection, storable)
    bodies = []
    for effect in wanted:
        person = known.get(effect.who)
        if person is None:
            # The read models are past this record and know no such user: it was forgotten.
            log.warning("outbox.user_gone", delivery=effect.id)
            continue
        version = versions[effect.record.tenant, effect.record.definitions]
        bodies.append((effect, payloads.level_changed(effect.entry, version, person)))
    return bodies
