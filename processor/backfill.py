"""Beside a lane: brings what a version of the definitions asks of the users' past to the events.

A version with new filters, achievements or settings wants each user visited once who was known when
it came into force (`Version.backfill`). The companion reads its own ledger partition from record
zero up to the version's marker, publishes one `backfill` per user with what the user state lacks,
and at last one `backfilled`. Killed half-way it begins again and passes over whom it has visited.
It decides nothing, and writes neither state nor ledger.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import islice
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from msgspec.json import encode

from broker.ledger import LedgerReader, Position
from processor.companions import KeyedInput, LaneTools
from processor.messages import UnusableVersionError
from processor.metrics import BACKFILLS
from processor.past import FIRST, Past
from processor.rows import path_of
from processor.watchdog import BrokerEnds
from schemas.topics import user_key

LOOK_EVERY_S: Final = 1.0
POLL_S: Final = 0.05
# How many inputs may wait to be judged: events that come meanwhile wait behind them.
IN_FLIGHT_MAX: Final = 300
# Read in small pieces with a rest after each: the lanes of this worker come first. A record costs
# some 20 microseconds, so this leaves them two thirds of the time.
RECORDS_MAX: Final = 500
REST_PER_RECORD_S: Final = 40e-6

log = structlog.get_logger(__name__)


class Backfill:
    """The companion of one lane that visits its users for versions that ask for it."""

    def __init__(
        self, tools: LaneTools, turn: asyncio.Semaphore, now: Callable[[], datetime]
    ) -> None:
        """Work with the lane's tools, one partition of a worker at a `turn`.

        `now` says the present time with its zone: whether a hold of the partition is over.
        """
        self._tools = tools
        self._turn = turn
        self._now = now
        # Tenant -> the last version for which there is nothing left to do.
        self._done: dict[str, int] = {}
        self._open = False
        self._log = log.bind(partition=tools.context.partition)

    async def run(self) -> None:
        """Work until cancelled. Raises the store's errors; the broker's are waited out."""
        try:
            while True:
                try:
                    await self._look()
                except KafkaError as error:
                    self._log.warning("backfill.broker_failed", error=repr(error))
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            # Whoever has the partition now says so anew.
            self._count(open_=False)

    async def _look(self) -> None:
        versions, rulesets = self._tools.state.versions, self._tools.rulesets
        if any(rulesets.version(tenant, it) is None for tenant, it in versions.items()):
            # Put in force while another worker had the partition.
            await rulesets.refresh()
        asking = [tenant for tenant in list(versions) if self._asking(tenant) is not None]
        self._count(open_=bool(asking))
        for tenant in asking:
            # A visit brings the user's time to the present: while old events come it has to wait.
            if not self._tools.behind() and not self._tools.is_held(self._now()):
                async with self._turn:
                    await self._serve(tenant)

    def _count(self, *, open_: bool) -> None:
        BACKFILLS.inc(open_ - self._open)
        self._open = open_

    def _asking(self, tenant: str) -> int | None:
        """Return the newest version in force that users must be visited for, None for none."""
        state, rulesets = self._tools.state, self._tools.rulesets
        in_force = state.versions.get(tenant, 0)
        done = max(state.backfilled.get(tenant, 0), self._done.get(tenant, 0))
        for number in range(in_force, done, -1):
            version = rulesets.version(tenant, number)
            if version is None:
                return None
            if version.backfill:
                return number
        self._done[tenant] = max(done, in_force)
        return None

    async def _serve(self, tenant: str) -> None:
        # It may have been another's turn for long.
        version, state = self._asking(tenant), self._tools.state
        try:
            rules = self._tools.rulesets.get(tenant, state.versions.get(tenant, 0))
        except UnusableVersionError:
            return
        if version is None or rules is None:
            return
        past = Past(tenant, version, rules, state.backfilled.get(tenant, 0))
        if not await self._read(past):
            return
        self._log.info("backfill.begins", tenant=tenant, version=version, users=len(past.users))
        async with _ends(self._tools) as ends:
            if await self._visit(tenant, version, past, ends):
                await self._conclude(tenant, version, ends)

    async def _read(self, past: Past) -> bool:
        """Read the ledger up to the version's marker; False while the marker is not stored."""
        tools, here = self._tools, self._tools.context.partition
        async with LedgerReader(
            tools.connection, tools.topics.ledger, {here: Position()}, records_max=RECORDS_MAX
        ) as reader:
            while reader.positions[here].offset < tools.state.ledger:
                batch = (await reader.read()).get(here)
                if batch is None:
                    continue
                for _offset, record in batch.records:
                    if not past.take(record):
                        return True
                await asyncio.sleep(len(batch.records) * REST_PER_RECORD_S)
        return False

    async def _visit(self, tenant: str, version: int, past: Past, ends: BrokerEnds) -> bool:
        """Publish the users' backfills; False when it has to begin again or to wait."""
        users = iter(past.users)
        while chunk := list(islice(users, IN_FLIGHT_MAX)):
            while self._tools.behind():
                await asyncio.sleep(POLL_S)
            if self._asking(tenant) != version or self._tools.is_held(self._now()):
                return False
            inputs = list(self._inputs(tenant, version, past, chunk))
            if inputs:
                await self._tools.publish(inputs)
                await self._judged(ends)
            # To pass over somebody takes time too.
            await asyncio.sleep(0)
        return True

    def _inputs(
        self, tenant: str, version: int, past: Past, users: list[str]
    ) -> Iterator[KeyedInput]:
        for user in users:
            own = self._tools.state.users.get(path_of(tenant, user))
            known = own.known if own is not None else FIRST
            if known >= version:
                continue
            value = {
                "type": "backfill",
                "tenant": tenant,
                "user": user,
                "version": version,
                "series": past.lacking(user, known),
                "idempotencyKey": f"backfill-{version}",
            }
            yield user_key(tenant, user), encode(value)

    async def _conclude(self, tenant: str, version: int, ends: BrokerEnds) -> None:
        value = {"type": "backfilled", "tenant": tenant, "version": version}
        await self._tools.publish([(tenant.encode(), encode(value))])
        # It is judged after all that it speaks of, whoever the lane is by then.
        self._done[tenant] = version
        await self._judged(ends)
        self._log.info("backfill.ends", tenant=tenant, version=version)

    async def _judged(self, ends: BrokerEnds) -> None:
        """Wait until the lane has judged all that its events partition holds now."""
        context, topic = self._tools.context, self._tools.topics.events
        end = (await ends({(topic, context.partition): 0}))[topic, context.partition]
        while self._tools.state.next_source(context.epoch) < end:
            await asyncio.sleep(POLL_S)


@asynccontextmanager
async def _ends(tools: LaneTools) -> AsyncIterator[BrokerEnds]:
    ends = BrokerEnds(tools.connection, tools.topics.events)
    try:
        yield ends
    finally:
        await ends.close()
