"""The notifier as a whole: the outbox and the dispatcher side by side, while this is the leader.

Only wiring and housekeeping in here: what is found is `outbox`, what is sent is `dispatcher`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from broker.connection import Connection
from notifier import deliveries, metrics
from notifier.deliveries import OUTAGES
from notifier.dispatcher import Dispatcher
from notifier.leader import LeaderLock, LeaderLockLostError
from notifier.outbox import Outbox
from notifier.retry import SCHEDULE
from notifier.webhooks import TIMEOUT_S, messenger
from projections.database import Database, DatabaseUnreachableError
from projections.migrations import check_schema
from schemas.topics import Topics

POOL_MAX: Final = 8
# As often as gauges are usually scraped.
COUNT_EVERY_S: Final = 15.0
PRUNE_EVERY_S: Final = 3600.0
DAY_S: Final = 24 * 60 * 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Config:
    """What a notifier needs to know."""

    connection: Connection
    topics: Topics
    # Address of Postgres: a direct one, not that of a transaction pooler.
    dsn: str = field(repr=False)
    # Seconds before each retry.
    schedule: tuple[float, ...] = SCHEDULE
    # Seconds that one attempt may take in all.
    timeout_s: float = TIMEOUT_S
    # Whether webhooks may go to addresses that are not of the open internet.
    allow_private: bool = False
    # PEM file of authorities to trust for https instead of the public ones.
    ca_file: str | None = None
    # Seconds for which the log of deliveries is kept once they are made or given up.
    keep_s: float = 7 * DAY_S


class Notifier:
    """Tells webhooks what the ledger says, for as long as `run` runs."""

    def __init__(
        self, config: Config, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        """Prepare; nothing is opened before `run`."""
        self._config = config
        self._clock = clock
        self._outbox: Outbox | None = None
        self._dispatcher: Dispatcher | None = None

    async def run(self) -> None:
        """Work until cancelled.

        Outages of Kafka and Postgres are waited out. Raises an ExceptionGroup with what no waiting
        mends: LookupError for a topic that does not exist, SchemaError for tables that are not this
        program's, UnreadableRecordError for a ledger that a newer program writes.
        """
        while True:
            lock = LeaderLock(self._config.dsn)
            try:
                await lock.acquire()
                await self._work(lock)
            except* LeaderLockLostError:
                log.warning("notifier.overtaken")
            except* DatabaseUnreachableError as group:
                log.warning("database.away", error=str(group.exceptions[0]))
            finally:
                self._outbox = self._dispatcher = None
                await lock.release()

    async def caught_up(self) -> bool:
        """Tell whether the ledger is read to its end and all that is due now has been sent.

        What waits for a retry does not count. False while another notifier is the leader, and while
        Kafka or Postgres is away.
        """
        if self._outbox is None or self._dispatcher is None:
            return False
        try:
            return await self._outbox.caught_up() and await self._dispatcher.idle()
        except OUTAGES:
            return False

    async def _work(self, lock: LeaderLock) -> None:
        config = self._config
        async with (
            Database(config.dsn, size_max=POOL_MAX) as database,
            messenger(
                allow_private=config.allow_private,
                timeout_s=config.timeout_s,
                ca_file=config.ca_file,
            ) as send,
        ):
            async with database.connection() as connection:
                await check_schema(connection)
            dispatcher = Dispatcher(database, send, schedule=config.schedule, clock=self._clock)
            outbox = Outbox(
                config.connection,
                config.topics,
                database,
                clock=self._clock,
                enqueued=dispatcher.wake,
            )
            self._outbox, self._dispatcher = outbox, dispatcher
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(lock.hold())
                tasks.create_task(outbox.run())
                tasks.create_task(dispatcher.run())
                tasks.create_task(self._count(database))
                tasks.create_task(self._prune(database))

    async def _count(self, database: Database) -> None:
        """Keep the gauges true."""
        while True:
            try:
                async with database.connection() as connection:
                    waiting = await deliveries.waiting(connection)
                metrics.PENDING.clear()
                metrics.FAILED.clear()
                for webhook_id, pending, failed in waiting:
                    metrics.PENDING.labels(webhook_id).set(pending)
                    metrics.FAILED.labels(webhook_id).set(failed)
            except OUTAGES as error:
                log.warning("deliveries.count_failed", error=str(error))
            await asyncio.sleep(COUNT_EVERY_S)

    async def _prune(self, database: Database) -> None:
        """Keep the log of deliveries as short as it is to be."""
        while True:
            try:
                before = self._clock() - timedelta(seconds=self._config.keep_s)
                async with database.connection() as connection:
                    removed = await deliveries.prune(connection, before)
                if removed:
                    log.info("deliveries.pruned", removed=removed)
            except OUTAGES as error:
                log.warning("deliveries.prune_failed", error=str(error))
            await asyncio.sleep(PRUNE_EVERY_S)
