"""What the handlers share: the database, the broker's ends, definitions, keys; and their upkeep.

The background tasks reconnect by themselves; a handler that needs what is not there yet gets
AwayError and answers 503. No route and no shape in here.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from broker.apply import OvertakenError, next_version, put_in_force
from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.ledger import Position
from gateway import metrics
from gateway.appender import Appender
from gateway.errors import ApiError, AwayError
from gateway.keys import KeyRing
from gateway.receipts import Receipts
from projections.database import Connection as DatabaseConnection
from projections.database import Database
from projections.positions import positions
from schemas.codec import UnreadableVersionError, VersionTooLargeError
from schemas.definitions import Definitions
from schemas.records import Record
from schemas.topics import Topics
from schemas.versions import Version

PAUSE_S: Final = 0.5
# At most so often are definitions read because a request names something unknown.
REFRESH_EVERY_S: Final = 1.0
DATABASE_WAIT_S: Final = 2.0
# How often somebody else's change of definitions may come before ours.
CHANGE_ATTEMPTS: Final = 5
UNREADABLE_RETRY_S: Final = 60

log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """All that the door needs to know; it reads no environment."""

    connection: Connection
    dsn: str
    topics: Topics = field(default_factory=Topics)
    host: str = "127.0.0.1"
    # 0 takes any free one.
    port: int = 8080
    # How long a POST waits for its verdict before it answers 202 with XP-Verdict: pending.
    verdict_timeout_s: float = 5.0
    # How long the broker may take to acknowledge before the POST gives up on it, and a change of
    # definitions.
    acknowledge_timeout_s: float = 30.0
    # More requests than this may not wait for verdicts at once.
    waiters_max: int = 1000
    # A projection that is further behind makes /readyz say 503.
    lag_limit_s: float = 5.0
    database_connections_max: int = 10
    version: str = "0"
    # The time of reads; tests pass another.
    clock: Callable[[], datetime] = _now


class Parts:
    """The door's connections to the rest of the world."""

    def __init__(self, config: GatewayConfig) -> None:
        """Prepare everything; nothing is opened before `opened`."""
        self.config = config
        self.database = Database(
            config.dsn, size_max=config.database_connections_max, wait_s=DATABASE_WAIT_S
        )
        self.keys = KeyRing(self.database)
        self.appender = Appender(
            config.connection, config.topics.events, acknowledge_s=config.acknowledge_timeout_s
        )
        self.receipts = Receipts(
            config.connection, config.topics.ledger, self._stored_positions, self._look
        )
        self._definitions: DefinitionsReader | None = None
        self._refreshed_s = 0.0
        self._changing = asyncio.Lock()
        self._changes: set[asyncio.Task[Version]] = set()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Run the background tasks until the end of the block."""
        async with self.database:
            tasks = [
                asyncio.create_task(self._follow_definitions(), name="definitions"),
                asyncio.create_task(self.appender.run(), name="appender"),
                asyncio.create_task(self.receipts.run(), name="receipts"),
            ]
            for task in tasks:
                task.add_done_callback(_cry)
            try:
                yield
            finally:
                ending = [*tasks, *self._changes]
                for it in ending:
                    it.cancel()
                await asyncio.gather(*ending, return_exceptions=True)

    async def _follow_definitions(self) -> None:
        while True:
            reader = DefinitionsReader(self.config.connection, self.config.topics.definitions)
            try:
                async with reader:
                    self._definitions = reader
                    log.info("definitions.read")
                    # Refreshing is asked for by who needs it; this task only holds the connection.
                    await asyncio.Event().wait()
            except Exception as error:  # noqa: BLE001  whatever fails, definitions must come again
                log.warning("definitions.failed", error=repr(error))
                metrics.FAILURES.labels("definitions").inc()
                await asyncio.sleep(PAUSE_S)

    async def _stored_positions(self) -> Mapping[int, Position]:
        async with self.database.connection() as connection:
            return await positions(connection)

    async def _look(self, record: Record) -> None:
        """Bring in the definitions and the epoch that a record names, if they are newer."""
        known = self._definitions
        if known is None:
            if record.definitions or record.source.epoch:
                raise AwayError("The definitions are not read yet.")
            return
        if record.source.epoch > known.epoch or (
            record.definitions and known.get(record.tenant, record.definitions) is None
        ):
            await known.refresh()

    @property
    def defined(self) -> bool:
        """Whether the definitions have been read: before that nothing can be checked."""
        return self._definitions is not None

    @property
    def epoch(self) -> int:
        """The epoch of source positions in force; AwayError before it is known."""
        return self._reader.epoch

    @property
    def _reader(self) -> DefinitionsReader:
        if self._definitions is None:
            raise AwayError("The definitions are not read yet: the broker is away. Try again.")
        return self._definitions

    def head(self, tenant: str) -> Version | None:
        """Return a tenant's newest version, None before its first."""
        return self._reader.head(tenant)

    def version(self, tenant: str, number: int) -> Version | None:
        """Return the version that a record was judged by, the newest one when it is unknown."""
        return self._reader.get(tenant, number) or self._reader.head(tenant)

    async def refreshed(self, *, always: bool = False) -> bool:
        """Read what has come to the definitions, unless that was done a moment ago.

        Who changes them cannot wait for that moment to pass: `always`. Returns whether it was done,
        and not what came of it: a broker that is away changes nothing.
        """
        now_s = time.monotonic()
        if not always and now_s - self._refreshed_s < REFRESH_EVERY_S:
            return False
        self._refreshed_s = now_s
        try:
            async with asyncio.timeout(1.0):
                await self._reader.refresh()
        except (KafkaError, TimeoutError):
            return False
        return True

    async def change(self, tenant: str, make: Callable[[Version], Definitions]) -> Version:
        """Put in force what `make` makes of the newest definitions, and return that version.

        `make` is called anew, with a newer version, when somebody else's change came first; what it
        raises is raised. What is the same is no new version. Raises ApiError 404 for a tenant
        without definitions, 422 for more than fits into a record, and AwayError when the broker is
        away or the newest version cannot be read.
        """
        task = asyncio.create_task(self._change(self._reader, tenant, make))
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        # Nobody may be left to take what it raises.
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        # Neither a deadline nor a client that leaves may stop it half-way.
        done, _ = await asyncio.wait({task}, timeout=self.config.acknowledge_timeout_s)
        try:
            if done:
                return task.result()
        except VersionTooLargeError as error:
            raise ApiError(422, f"Nothing is changed: {error}.") from error
        except MessageSizeTooLargeError as error:
            raise ApiError(
                422, "The definitions would be larger than the broker takes: archived items count."
            ) from error
        except UnreadableVersionError as error:
            # Until a newer gateway runs, or for ever: nothing that asking again soon would help.
            message = f"Nothing is changed: {error}."
            raise AwayError(message, retry_after_s=UNREADABLE_RETRY_S) from error
        except (KafkaError, OSError) as error:
            log.warning("change.failed", error=repr(error))
        else:
            log.warning("change.unfinished")
        raise AwayError(
            "The broker is away. The change may still come into force: look before trying again."
        )

    async def _change(
        self, reader: DefinitionsReader, tenant: str, make: Callable[[Version], Definitions]
    ) -> Version:
        config = self.config

        def make_of(head: Version | None) -> Definitions:
            if head is None:
                raise ApiError(404, f"The tenant {tenant!r} has no definitions: `xp apply` them.")
            return make(head)

        async with self._changing:
            for _ in range(CHANGE_ATTEMPTS):
                await reader.refresh()
                made = next_version(reader, tenant, make_of, config.clock())
                if not made.is_news:
                    return made.version
                try:
                    await put_in_force(config.connection, config.topics, reader, made.version)
                except OvertakenError:
                    continue
                log.info("definitions.changed", tenant=tenant, version=made.version.version)
                return made.version
        raise AwayError("Somebody else is changing the definitions all the time. Try again.")

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[DatabaseConnection]:
        """Lend a connection on which all queries see the same moment: one answer, one state."""
        async with self.database.connection() as connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection


def _cry(task: asyncio.Task[None]) -> None:
    # These tasks only end by being cancelled; anything else is a bug that must not be silent.
    if not task.cancelled() and task.exception() is not None:
        log.error("gateway.task_ended", exc_info=task.exception())
