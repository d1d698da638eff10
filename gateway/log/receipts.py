"""Waits, bounded, for the ledger's verdict on the very event that a request has published.

Reads the whole ledger as any reader does (the chain rule from the first record on, see
schemas/order.py) and hands each record to whoever waits for its event. A record may come before
its waiter does, because an event's id is known only once the broker has acknowledged it: while
anybody is about to ask, the latest records are kept. Decides nothing and stores nothing.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog
from aiokafka.errors import OffsetOutOfRangeError

from broker.connection import Connection
from broker.ledger import LedgerReader, Position
from broker.topics import partition_count
from gateway.http import metrics
from gateway.log.lag import LagTracker
from schemas.records import Record, event_id_of

# A batch is dispatched between two answers: small enough that no answer waits long for it.
RECORDS_MAX: Final = 1000
RECENT_MAX: Final = 8192
PAUSE_MIN_S: Final = 0.2
PAUSE_MAX_S: Final = 5.0

log = structlog.get_logger(__name__)

Start = Callable[[], Awaitable[Mapping[int, Position]]]
Look = Callable[[Record], Awaitable[None]]


class Receipts:
    """The ledger records that requests wait for, by event id."""

    def __init__(self, connection: Connection, topic: str, start: Start, look: Look) -> None:
        """Take the ledger, where to begin (the projection's positions), and who looks at records.

        `look` is awaited with every admitted record before its waiter gets it.
        """
        self._connection = connection
        self._topic = topic
        self._start = start
        self._look = look
        self._positions: dict[int, Position] | None = None
        self._waiters: dict[str, asyncio.Future[Record]] = {}
        self._recent: OrderedDict[str, Record] = OrderedDict()
        self._expected = 0
        self._running = False
        self._goal: Mapping[int, int] | None = None
        self.lag = LagTracker()

    @property
    def running(self) -> bool:
        """Whether the ledger is being read and its end, as it was at the start, is reached."""
        return self._running and self._goal is None

    @property
    def expected(self) -> int:
        """How many requests are between their event and its verdict."""
        return self._expected

    @property
    def offsets(self) -> Mapping[int, int]:
        """Up to where each partition of the ledger has been read (exclusive)."""
        return {at: position.offset for at, position in (self._positions or {}).items()}

    def due(self, epoch: int) -> Mapping[int, int]:
        """Return which event of each partition is to be judged next, by what has been read."""
        return {
            at: last.offset + 1 if (last := position.last) and last.epoch == epoch else 0
            for at, position in (self._positions or {}).items()
        }

    @contextmanager
    def expecting(self) -> Iterator[None]:
        """Announce that a verdict will be asked for: held from before the event is sent."""
        self._expected += 1
        metrics.WAITERS.set(self._expected)
        try:
            yield
        finally:
            self._expected -= 1
            metrics.WAITERS.set(self._expected)
            if not self._expected:
                self._recent.clear()

    async def verdict(self, event_id: str, timeout_s: float) -> Record | None:
        """Return the record on an event, None when it has not come within the time.

        To be called within `expecting`, once for an event.
        """
        known = self._recent.pop(event_id, None)
        if known is not None:
            return known
        waiter: asyncio.Future[Record] = asyncio.get_running_loop().create_future()
        self._waiters[event_id] = waiter
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                return await waiter
        except TimeoutError:
            return None
        finally:
            del self._waiters[event_id]

    async def run(self) -> None:
        """Read until cancelled; after a failure begin anew at the last record handed out."""
        pause_s = PAUSE_MIN_S
        while True:
            began = time.monotonic()
            try:
                await self._read()
            except OffsetOutOfRangeError:
                # The ledger is another one: only the projection knows where it begins for us.
                self._positions = None
                log.warning("receipts.lost")
            except Exception as error:  # noqa: BLE001  whatever fails, answers must come again
                log.warning("receipts.failed", error=repr(error))
            finally:
                self._running = False
            metrics.FAILURES.labels("receipts").inc()
            if time.monotonic() - began > PAUSE_MAX_S:
                pause_s = PAUSE_MIN_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_MAX_S)

    async def _read(self) -> None:
        positions = self._positions
        if positions is None:
            stored = await self._start()
            count = await partition_count(self._connection, self._topic)
            positions = {at: stored.get(at, Position()) for at in range(count)}
        reader = LedgerReader(self._connection, self._topic, positions, records_max=RECORDS_MAX)
        async with reader:
            self._positions = dict(positions)
            self._goal = await reader.ends()
            self._running = True
            while True:
                self._reached(reader.positions)
                batches = await reader.read()
                now_s = time.monotonic()
                for partition, batch in batches.items():
                    await self._hand_out(record for _, record in batch.records)
                    self.lag.reached(partition, batch.after.offset, now_s)
                self._positions = dict(reader.positions)
                # A backlog is read without a pause: requests get their turn between batches.
                await asyncio.sleep(0)

    def _reached(self, positions: Mapping[int, Position]) -> None:
        goal = self._goal
        if goal is not None and all(positions[at].offset >= end for at, end in goal.items()):
            self._goal = None

    async def _hand_out(self, records: Iterable[Record]) -> None:
        for record in records:
            await self._look(record)
            if record.outcome == "forwarded":
                # The verdict bears the same event id, on the partition that it was forwarded to.
                continue
            event = event_id_of(record)
            waiter = self._waiters.get(event)
            if waiter is not None and not waiter.done():
                waiter.set_result(record)
            elif self._expected:
                self._recent[event] = record
                if len(self._recent) > RECENT_MAX:
                    self._recent.popitem(last=False)
