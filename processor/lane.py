"""One partition's loop: take what waits, judge, send what goes before, append, await, store.

One batch is in flight. It grows with the load and shrinks to one record when idle, so that latency
and throughput come from the same loop. Whatever goes wrong, the lane forgets what was not
acknowledged, folds the ledger again and goes on from the event that is due.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from broker.connection import Connection
from broker.failpoints import reach
from processor.companions import KeyedInput, LaneTools
from processor.feed import Feed
from processor.inbox import Inbox
from processor.judge import judge
from processor.ledger import Ledger, UnexpectedOffsetError
from processor.messages import LaneContext, MissingVersionError, UnusableVersionError
from processor.metrics import APPENDED, BATCH_SECONDS, FORGED, RECOVERED
from processor.partition_state import PartitionState
from processor.pending import Message, PendingRecord, Send
from processor.progress import Progress
from processor.recent import RecentRecords
from processor.recovery import Recovery
from processor.rulesets import Rulesets
from processor.sender import Sender
from schemas.signing import signed
from schemas.text import TenantKey
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


class WriterLostError(Exception):
    """The ledger can be read but not appended to, again and again."""


class Lane:
    """The lane of one events partition, for the time of one assignment."""

    def __init__(  # noqa: PLR0913  all that it works with, by name
        self,
        *,
        context: LaneContext,
        state: PartitionState,
        feed: Feed,
        ledger: Ledger,
        sender: Sender,
        topics: Topics,
        rulesets: Rulesets,
        recent: RecentRecords | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Prepare; nothing happens before `run`. `recent` is for the partition's announcer."""
        self._context = context
        self._state = state
        self._feed = feed
        self._ledger = ledger
        self._sender = sender
        self._topics = topics
        self._rulesets = rulesets
        self._recent = recent or RecentRecords()
        self._progress = progress or Progress()
        self._recovery = Recovery(context, state, feed, ledger, topics)
        self._inbox = Inbox(
            feed,
            topics.events,
            context.partition,
            size_max=WAITING_BYTES_MAX,
            size_of=lambda message: len(message.value or b""),
        )
        self._failures = 0
        # All definitions have been read that there were when the events before this offset came.
        self._read_before = 0
        # Set while the state is that of the ledger's end.
        self.folded = asyncio.Event()
        # Where the events ended when the lane last began: among them may be what is asked for. And
        # the event that is due next by what is stored.
        self._known = 0
        self._stored = 0
        self._log = log.bind(partition=context.partition, lane=context.lane)

    def put(self, start: int, messages: Sequence[Message]) -> None:
        """Take delivered messages; `start` is the offset from which they were fetched."""
        self._inbox.put(start, messages)

    def tools(self, connection: Connection) -> LaneTools:
        """Return what a companion of this lane works with."""
        return LaneTools(
            context=self._context,
            state=self._state,
            rulesets=self._rulesets,
            topics=self._topics,
            connection=connection,
            publish=self._publish,
            waiting=self._inbox.__len__,
            behind=self._is_behind,
        )

    async def _publish(self, inputs: Sequence[KeyedInput]) -> None:
        here = self._context.partition
        signer = self._context.signer
        await self._sender.send(
            [
                Send("events", key, value, tuple(signed(signer, here, key, value)), here)
                for key, value in inputs
            ]
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
        except UnexpectedOffsetError as error:
            self._log.warning("lane.unexpected_offset", error=str(error))
        except KafkaError as error:
            self._failures += 1
            if self._failures >= FAILURES_MAX:
                raise WriterLostError(repr(error)) from error
            raise

    async def _recover(self) -> None:
        self.folded.clear()
        self._recent.close()
        self._inbox.close()
        self._read_before = 0
        self._state.drop()
        await self._recovery.fold()
        first, due, end = await self._recovery.find_source()
        self._known, self._stored = end, due
        self._recent.open_at(self._state.ledger)
        self.folded.set()
        self._feed.hint(self._topics.events, self._context.partition, due)
        if due == end:
            self._progress.move(more=False)
        if first < due:
            # The event before is still there: it tells whether the topic is the one of then.
            await self._check_last(due - 1)
        else:
            self._inbox.open_at(due)

    async def _check_last(self, offset: int) -> None:
        self._inbox.open_at(offset)
        await self._inbox.wait()
        found = self._inbox.first()
        if found.offset == offset:
            self._inbox.take()
            self._recovery.check_last(found)

    async def _work(self) -> None:
        await self._inbox.wait()
        self._progress.wait()
        with BATCH_SECONDS.time():
            batch = await self._judge()
            sends = [send for pending in batch for send in pending.sends]
            if sends:
                await self._sender.send(sends)
                reach("lane.sent")
            reach("lane.judged")
            after = await self._ledger.append(batch, self._state.ledger)
            reach("lane.appended")
            self._recent.add([pending.record for pending in batch])
            self._state.keep(after)
            reach("lane.stored")
        self._progress.move(more=bool(self._inbox))
        outcomes = Counter(pending.record.outcome for pending in batch)
        for outcome, count in outcomes.items():
            APPENDED.labels(outcome).inc(count)
        if outcomes["dead"]:
            for pending in batch:
                if pending.forged is not None:
                    FORGED.labels(pending.forged).inc()
        self._stored = self._state.next_source(self._context.epoch)
        self._feed.hint(self._topics.events, self._context.partition, self._stored)

    async def _judge(self) -> list[PendingRecord]:
        batch: list[PendingRecord] = []
        absent: set[tuple[TenantKey, int]] = set()
        size = 0
        while self._inbox and len(batch) < BATCH_RECORDS_MAX and size < BATCH_BYTES_MAX:
            first = self._inbox.first()
            try:
                pending = judge(self._context, self._state, first, absent)
            except MissingVersionError as missing:
                place = (missing.tenant, missing.version)
                if first.offset < self._read_before and place not in absent:
                    # A version is on its topic before any marker for it is on this one.
                    absent.add(place)
                    continue
                if batch:
                    break
                await self._read_version(missing, absent)
                continue
            self._inbox.take()
            batch.append(pending)
            # Key, length fields and timestamps come on top of the value.
            size += len(pending.raw) + len(pending.key) + 64
        return batch

    async def _read_version(
        self, missing: MissingVersionError, absent: Collection[tuple[TenantKey, int]]
    ) -> None:
        """Read a version that an input needs: once for all the inputs that wait."""
        tenant, version = missing.tenant, missing.version
        if (tenant, version) not in absent:
            end = self._inbox.end
            self._log.info("lane.awaits_version", tenant=tenant, v=version)
            await self._rulesets.refresh()
            self._read_before = end
            return
        # In force, and yet not there: nothing can be judged without it.
        with suppress(UnusableVersionError):
            # The judge says so of the tenant's inputs.
            await self._rulesets.wait_for(tenant, version)
