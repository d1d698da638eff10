"""One partition's loop: take what waits, judge, send what goes before, append, await, store.

One batch is in flight. It grows with the load and shrinks to one record when idle, so that latency
and throughput come from the same loop. Whatever goes wrong, the lane forgets what was not
acknowledged, folds the ledger again and goes on from the event that is due.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from broker.failpoints import reach
from processor.feed import Feed
from processor.games import Games
from processor.inbox import Inbox
from processor.judge import Judged, Message, MissingVersionError, Seat, judge
from processor.ledger import InterleavedError, Ledger
from processor.metrics import APPENDED, BATCH_SECONDS, RECOVERED
from processor.sender import Sender
from processor.state import PartitionState
from schemas.topics import Topics

# A batch is judged without giving way to other lanes: small enough to keep them waiting briefly.
BATCH_RECORDS_MAX: Final = 500
BATCH_BYTES_MAX: Final = 256 * 1024
WAITING_BYTES_MAX: Final = 8 * 1024 * 1024
RECOVERY_PAUSE_S: Final = 1.0
FAILURES_MAX: Final = 20

log = structlog.get_logger(__name__)


class SourceLostError(Exception):
    """The events topic does not hold the event that is due: an operator must say what happened."""


class WriterLostError(Exception):
    """The ledger can be read but not appended to, again and again."""


class Lane:
    """The lane of one events partition, for the time of one assignment."""

    def __init__(
        self,
        *,
        seat: Seat,
        state: PartitionState,
        feed: Feed,
        ledger: Ledger,
        sender: Sender,
        topics: Topics,
        games: Games,
    ) -> None:
        """Take what the lane works with; nothing happens before `run`."""
        self._seat = seat
        self._state = state
        self._feed = feed
        self._ledger = ledger
        self._sender = sender
        self._topics = topics
        self._games = games
        self._inbox = Inbox(
            feed,
            topics.events,
            seat.partition,
            size_max=WAITING_BYTES_MAX,
            size_of=lambda message: len(message.value or b""),
        )
        self._failures = 0
        self._log = log.bind(partition=seat.partition, lane=seat.lane)

    def put(self, start: int, messages: Sequence[Message]) -> None:
        """Take delivered messages; `start` is the offset from which they were fetched."""
        self._inbox.put(start, messages)

    async def run(self) -> None:
        """Fold, then judge until cancelled. Raises SourceLostError when it cannot go on."""
        while True:
            try:
                await self._recover()
                await self._work_on()
            except KafkaError as error:
                self._log.warning("lane.broker_failed", error=repr(error))
                await asyncio.sleep(RECOVERY_PAUSE_S)
            RECOVERED.inc()

    async def _work_on(self) -> None:
        """Work until something makes it necessary to recover.

        Raises the broker's error when it has come too often in a row although the ledger could be
        read in between: a new process may fare better, this one does not.
        """
        try:
            while True:
                await self._work()
                self._failures = 0
        except InterleavedError as error:
            self._log.warning("lane.interleaved", error=str(error))
        except KafkaError as error:
            self._failures += 1
            if self._failures >= FAILURES_MAX:
                raise WriterLostError(repr(error)) from error
            raise

    async def _recover(self) -> None:
        self._inbox.close()
        self._state.drop()
        await self._fold()
        topic, partition = self._topics.events, self._seat.partition
        due = self._state.next_source(self._seat.epoch)
        first, end = await self._feed.bounds(topic, partition)
        if not first <= due <= end:
            raise SourceLostError(
                f"{topic}/{partition} holds the events {first} to {end}, but event {due} of epoch "
                f"{self._seat.epoch} is due next. If the topic was recreated, raise the epoch: "
                "`xp topics --raise-epoch`."
            )
        self._inbox.open_at(due)

    async def _fold(self) -> None:
        partition = self._seat.partition
        topic = self._topics.ledger
        _first, end = await self._feed.bounds(topic, partition)
        if self._state.ledger > end:
            self._log.warning("lane.store_ahead", stored=self._state.ledger, end=end)
            self._state.reset()
        folded = 0
        async for batch in self._ledger.read(self._state.position, end):
            for _offset, record in batch.records:
                self._state.apply(record)
            self._state.keep(batch.after.offset)
            folded += len(batch.records)
            await asyncio.sleep(0)
        self._log.info("lane.folded", records=folded, ledger=self._state.ledger)

    async def _work(self) -> None:
        await self._inbox.wait()
        with BATCH_SECONDS.time():
            batch = await self._judge()
            sends = [send for judged in batch for send in judged.sends]
            if sends:
                await self._sender.send(sends)
                reach("lane.sent")
            reach("lane.judged")
            after = await self._ledger.append(batch, self._state.ledger)
            reach("lane.appended")
            self._state.keep(after)
            reach("lane.stored")
        for judged in batch:
            APPENDED.labels(judged.record["outcome"]).inc()
        self._feed.hint(
            self._topics.events, self._seat.partition, self._state.next_source(self._seat.epoch)
        )

    async def _judge(self) -> list[Judged]:
        batch: list[Judged] = []
        size = 0
        while self._inbox and len(batch) < BATCH_RECORDS_MAX and size < BATCH_BYTES_MAX:
            try:
                judged = judge(self._seat, self._state, self._inbox.first())
            except MissingVersionError as missing:
                if batch:
                    break
                self._log.info("lane.awaits_version", tenant=missing.tenant, v=missing.version)
                await self._games.wait_for(missing.tenant, missing.version)
                continue
            self._inbox.take()
            batch.append(judged)
            # Key, length fields and timestamps come on top of the value.
            size += len(judged.raw) + len(judged.key) + 64
        return batch
