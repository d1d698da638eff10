"""What the handlers share: the database, the broker's ends, definitions, keys; and their upkeep.

The background tasks reconnect by themselves; a handler that needs what is not there yet gets
UnavailableError and answers 503. No route and no shape in here.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

import structlog
from fastapi import Depends, Request

from broker.connection import Connection
from broker.ledger import Position
from gateway.definitions import LiveDefinitions
from gateway.http.dependencies import Allowed, AllowedAdmin, LetIn
from gateway.http.door import Limits
from gateway.http.health import Check, Look
from gateway.keyring import KeyRing
from gateway.log.appender import Appender
from gateway.log.receipts import Receipts
from gateway.log.standing import Standing
from gateway.log.submit import EventLog
from gateway.log.wait import settled
from projections.database import Connection as DatabaseConnection
from projections.database import Database
from projections.migrations import check_schema
from projections.positions import positions
from schemas.topics import Topics
from schemas.versions import Version

DATABASE_WAIT_S: Final = 2.0

FoundT = TypeVar("FoundT")
GivenP = ParamSpec("GivenP")

log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """All that the door needs to know; it reads no environment."""

    connection: Connection
    # It has a password.
    dsn: str = field(repr=False)
    topics: Topics = field(default_factory=Topics)
    host: str = "127.0.0.1"
    # 0 takes any free one.
    port: int = 8080
    # How long a POST waits for its verdict before it answers 202 with XP-Verdict: pending.
    verdict_timeout_s: float = 5.0
    # How long the broker may take to acknowledge before the POST gives up on it, and a change of
    # definitions.
    acknowledge_timeout_s: float = 30.0
    # More requests than this may not wait for verdicts at once, of one tenant or one partition
    # fewer (gateway.log.shares).
    waiters_max: int = 1000
    # A projection that is further behind makes /readyz say 503.
    lag_limit_s: float = 5.0
    # A partition of the events in which an event waits longer without being judged does so, too.
    still_limit_s: float = 30.0
    database_connections_max: int = 10
    # How many connections of clients, and how long each may take.
    limits: Limits = field(default_factory=Limits)
    version: str = "0"
    # The time of reads; tests pass another.
    clock: Callable[[], datetime] = _now


class Services:
    """The door's connections to the rest of the world."""

    def __init__(self, config: GatewayConfig) -> None:
        """Prepare everything; nothing is opened before `opened`."""
        self.config = config
        self.database = Database(
            config.dsn, size_max=config.database_connections_max, wait_s=DATABASE_WAIT_S
        )
        self.keys = KeyRing(self.database)
        self.definitions = LiveDefinitions(
            config.connection,
            config.topics,
            config.clock,
            acknowledge_timeout_s=config.acknowledge_timeout_s,
        )
        self.appender = Appender(
            config.connection, config.topics.events, acknowledge_s=config.acknowledge_timeout_s
        )
        self.receipts = Receipts(
            config.connection,
            config.topics.ledger,
            self._stored_positions,
            self.definitions.look,
        )
        self.standing = Standing(
            config.connection, config.topics.events, self._due, config.still_limit_s
        )
        self.log = EventLog(
            self.appender,
            self.receipts,
            lambda: self.definitions.epoch,
            waiters_max=config.waiters_max,
            verdict_timeout_s=config.verdict_timeout_s,
        )

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Run the background tasks until the end of the block."""
        async with self.database:
            tasks = [
                asyncio.create_task(self.definitions.run(), name="definitions"),
                asyncio.create_task(self.appender.run(), name="appender"),
                asyncio.create_task(self.receipts.run(), name="receipts"),
                asyncio.create_task(self.keys.run(), name="keys"),
                asyncio.create_task(self.standing.run(), name="standing"),
            ]
            for task in tasks:
                task.add_done_callback(_cry)
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _stored_positions(self) -> Mapping[int, Position]:
        async with self.database.connection() as connection:
            return await positions(connection)

    def _due(self) -> Mapping[int, int]:
        if not (self.receipts.running and self.definitions.known):
            return {}
        return self.receipts.due(self.definitions.epoch)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[DatabaseConnection]:
        """Lend a connection on which all queries see the same moment: one answer, one state."""
        async with self.database.connection() as connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection

    async def settled(self) -> bool:
        """Return whether the read models came to where the ledger is now, in a verdict's time."""
        return await settled(self.receipts, self.database, self.config.verdict_timeout_s)

    def checks(self) -> Mapping[str, Look]:
        """Return what looks whether all is well that requests need, by name."""
        return {
            "kafka": self.appender.check,
            "postgres": self._check_postgres,
            "definitions": self._check_definitions,
            "receipts": self._check_receipts,
            "projection": self._check_lag,
            "judging": self._check_judging,
        }

    async def _check_postgres(self) -> None:
        async with self.database.connection() as connection:
            await check_schema(connection)

    async def _check_definitions(self) -> Check:
        if self.definitions.known:
            return Check(ok=True)
        return Check(ok=False, problem="the definitions are not read yet")

    async def _check_receipts(self) -> Check:
        if self.receipts.running:
            return Check(ok=True)
        return Check(ok=False, problem="the ledger is not read up to its end yet")

    async def _check_judging(self) -> Check:
        problem = self.standing.problem()
        return Check(ok=True) if problem is None else Check(ok=False, problem=problem)

    async def _check_lag(self) -> Check:
        stored = await self._stored_positions()
        offsets = {partition: position.offset for partition, position in stored.items()}
        lag_s = round(self.receipts.lag.lag_s(offsets, time.monotonic()), 3)
        limit_s = self.config.lag_limit_s
        if lag_s <= limit_s:
            return Check(ok=True, seconds=lag_s)
        problem = f"behind the ledger by more than {limit_s:g} s"
        return Check(ok=False, seconds=lag_s, problem=problem)


class RequestContext(NamedTuple):
    """A request that was let in: the services that it needs, and what it is about."""

    services: Services
    tenant: str
    allowed: LetIn

    async def read(
        self,
        read: Callable[Concatenate[DatabaseConnection, Version, GivenP], Awaitable[FoundT]],
        *given: GivenP.args,
        **more: GivenP.kwargs,
    ) -> FoundT:
        """Return what is read under the newest definitions, all of it as of one moment.

        Raises what `LiveDefinitions.reading` and the read raise.
        """

        async def as_of_one_moment(version: Version) -> FoundT:
            async with self.services.snapshot() as connection:
                return await read(connection, version, *given, **more)

        return await self.services.definitions.reading(self.tenant, as_of_one_moment)


async def _context(request: Request, allowed: Allowed) -> RequestContext:
    return RequestContext(request.app.state.services, allowed.tenant, allowed)


async def _admin_context(request: Request, allowed: AllowedAdmin) -> RequestContext:
    return RequestContext(request.app.state.services, allowed.tenant, allowed)


Context = Annotated[RequestContext, Depends(_context)]
AdminContext = Annotated[RequestContext, Depends(_admin_context)]


def _cry(task: asyncio.Task[None]) -> None:
    # These tasks only end by being cancelled; anything else is a bug that must not be silent.
    if not task.cancelled() and task.exception() is not None:
        log.error("gateway.task_ended", exc_info=task.exception())
