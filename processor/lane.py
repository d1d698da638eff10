"""One partition's loop: take what waits, judge, send what goes before, append, await, store.

One batch is in flight. It grows with the load and shrinks to one record when idle, so that latency
and throughput come from the same loop. Whatever goes wrong, the lane forgets what was not
acknowledged, folds the ledger again and goes on from the event that is due.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from broker.connection import Connection
from broker.failpoints import reach
from processor.companions import Keyed, LaneTools
from processor.feed import Feed
from processor.games import Games
from processor.inbox import Inbox
from processor.judge import Judged, Message, MissingVersionError, Seat, Send, append_time, judge
from processor.ledger import InterleavedError, Ledger
from processor.metrics import APPENDED, BATCH_SECONDS, RECOVERED, STORES_DISCARDED
from processor.sender import Sender
from processor.state import PartitionState
from schemas.codec import from_millis, write_instant
from schemas.topics import Topics

# A batch is judged without giving way to other lanes: small enough to keep them waiting briefly.
BATCH_RECORDS_MAX: Final = 500
BATCH_BYTES_MAX: Final = 256 * 1024
WAITING_BYTES_MAX: Final = 8 * 1024 * 1024
# So many waiting messages are a backlog, in which companions do not add to it.
WAITING_MAX: Final = 5000
RECOVERY_PAUSE_S: Final = 1.0
FAILURES_MAX: Final = 20

log = structlog.get_logger(__name__)


class SourceLostError(Exception):
    """A topic does not hold what is needed next: an operator must say what happened."""


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
        # Set while the state is that of the ledger's end.
        self.folded = asyncio.Event()
        # Where the events ended when the lane last began: among them may be what is asked for. And
        # the event that is due next by what is stored.
        self._known = 0
        self._stored = 0
        self._log = log.bind(partition=seat.partition, lane=seat.lane)

    def put(self, start: int, messages: Sequence[Message]) -> None:
        """Take delivered messages; `start` is the offset from which they were fetched."""
        self._inbox.put(start, messages)

    def tools(self, connection: Connection) -> LaneTools:
        """Return what a companion of this lane works with."""
        return LaneTools(
            seat=self._seat,
            state=self._state,
            games=self._games,
            topics=self._topics,
            connection=connection,
            publish=self._publish,
            waiting=self._inbox.__len__,
            behind=self._is_behind,
        )

    async def _publish(self, inputs: Sequence[Keyed]) -> None:
        here = self._seat.partition
        await self._sender.send(
            [Send("events", key, value, partition=here) for key, value in inputs]
        )

    def _is_behind(self) -> bool:
        much = self._inbox.is_full or len(self._inbox) > WAITING_MAX
        return much or not self.folded.is_set() or self._stored < self._known

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
        self.folded.clear()
        self._inbox.close()
        self._state.drop()
        await self._fold()
        topic, partition, epoch = self._topics.events, self._seat.partition, self._seat.epoch
        last = self._state.last
        if last is not None and last.epoch > epoch:
            raise SourceLostError(
                f"{self._topics.ledger}/{partition} has records of epoch {last.epoch}, but "
                f"{self._topics.definitions} said epoch {epoch} when this worker was assigned the "
                "partition. The epoch was raised meanwhile: start the worker again. If that does "
                f"not help, {self._topics.definitions} has lost its end: bring it back."
            )
        due = self._state.next_source(epoch)
        first, end = await self._feed.bounds(topic, partition)
        if not first <= due <= end:
            raise SourceLostError(
                f"{topic}/{partition} holds the events {first} to {end}, but event {due} of epoch "
                f"{epoch} is due next. {_what_to_do(truncated=first > due)}"
            )
        self._known, self._stored = end, due
        self.folded.set()
        self._feed.hint(topic, partition, due)
        if first < due:
            # The event before is still there: it tells whether the topic is the one of then.
            await self._check_source(due - 1)
        else:
            self._inbox.open_at(due)

    async def _check_source(self, offset: int) -> None:
        self._inbox.open_at(offset)
        await self._inbox.wait()
        found = self._inbox.first()
        if found.offset != offset:
            return
        self._inbox.take()
        stamp = append_time(found.timestamp, dict(found.headers))
        appended = write_instant(from_millis(stamp))
        if appended != self._state.appended:
            raise SourceLostError(
                f"event {offset} of {self._topics.events}/{self._seat.partition} was appended at "
                f"{appended}, but the one that was judged under this number at "
                f"{self._state.appended}. {_what_to_do(truncated=False)}"
            )

    async def _fold(self) -> None:
        partition, state = self._seat.partition, self._state
        topic = self._topics.ledger
        first, end = await self._feed.bounds(topic, partition)
        if state.ledger > end:
            self._log.warning("lane.store_ahead", stored=state.ledger, end=end)
            STORES_DISCARDED.labels("ahead").inc()
            state.reset()
        needed = state.applied if state.last else 0
        if first > needed:
            raise SourceLostError(
                f"{topic}/{partition} begins at {first}, but record {needed} is needed. The ledger "
                "must never be shortened: bring it back from your copy of it."
            )
        if state.last and await self._ledger.link_at(state.applied) != state.last:
            self._log.warning("lane.ledger_is_another", stored=state.ledger, end=end)
            STORES_DISCARDED.labels("another").inc()
            state.reset()
        folded = 0
        async for batch in self._ledger.read(state.position, end):
            for _offset, record in batch.records:
                state.apply(record)
            applied = batch.records[-1][0] if batch.records else state.applied
            state.keep(batch.after.offset, applied)
            folded += len(batch.records)
            await asyncio.sleep(0)
        self._log.info("lane.folded", records=folded, ledger=state.ledger)

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
        for outcome, count in Counter(judged.record["outcome"] for judged in batch).items():
            APPENDED.labels(outcome).inc(count)
        self._stored = self._state.next_source(self._seat.epoch)
        self._feed.hint(self._topics.events, self._seat.partition, self._stored)

    async def _judge(self) -> list[Judged]:
        batch: list[Judged] = []
        absent: set[tuple[str, int]] = set()
        size = 0
        while self._inbox and len(batch) < BATCH_RECORDS_MAX and size < BATCH_BYTES_MAX:
            try:
                judged = judge(self._seat, self._state, self._inbox.first(), absent)
            except MissingVersionError as missing:
                if batch:
                    break
                self._log.info("lane.awaits_version", tenant=missing.tenant, v=missing.version)
                # A version is on its topic before any marker for it is on this one.
                await self._games.refresh()
                if self._games.get(missing.tenant, missing.version) is not None:
                    continue
                if (missing.tenant, missing.version) in absent:
                    # In force, and yet not there: nothing can be judged without it.
                    await self._games.wait_for(missing.tenant, missing.version)
                absent.add((missing.tenant, missing.version))
                continue
            self._inbox.take()
            batch.append(judged)
            # Key, length fields and timestamps come on top of the value.
            size += len(judged.raw) + len(judged.key) + 64
        return batch


def _what_to_do(*, truncated: bool) -> str:
    recreated = "If the topic was recreated, raise the epoch: `xp topics --raise-epoch`."
    if not truncated:
        return recreated
    return (
        "Events were removed before they were judged, by retention or by hand: they are lost, "
        f"unless you bring them back. {recreated}"
    )
