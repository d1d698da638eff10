"""One ledger partition's loop towards downstream services: records in, notices out, position kept.

While it keeps up with the partition's lane it takes the records that the lane has just appended;
after a restart, or when it has fallen behind, it reads the ledger. Its position is its own: the
group's committed offset with the chain's link in the metadata, written after the notices are
acknowledged. What a crash repeats has the same ids as before.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import suppress
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from msgspec import MsgspecError
from msgspec.json import Decoder, encode

from broker.connection import Connection
from broker.failpoints import reach
from broker.ledger import LedgerReader, Position, admitted
from processor.feed import Feed
from processor.inbox import Inbox
from processor.metrics import ANNOUNCED
from processor.notices import notices_of
from processor.pending import Message
from processor.recent import RecentRecords
from schemas.codec import write_notice
from schemas.order import follows
from schemas.records import Link, Record, link_of
from schemas.topics import Topics

CHUNK_RECORDS_MAX: Final = 500
WAITING_MAX: Final = 10_000
# What a lane appends within so long is announced together: a batch, a request and its answer for
# each of many records in a row cost more than judging them.
LINGER_S: Final = 0.05
RETRY_PAUSE_S: Final = 1.0

_LINK: Final[Decoder[Link | None]] = Decoder(Link | None)

log = structlog.get_logger(__name__)


def write_link(last: Link | None) -> str:
    """Write a chain link as commit metadata."""
    return encode(last).decode()


def read_link(metadata: str) -> Link | None:
    """Read a chain link from commit metadata; ValueError when it is none."""
    try:
        return _LINK.decode(metadata)
    except MsgspecError as error:
        raise ValueError(f"{metadata!r} is no link of the chain") from error


class Announcer:
    """The announcing loop of one ledger partition, for the time of one assignment."""

    def __init__(
        self,
        *,
        partition: int,
        feed: Feed,
        producer: AIOKafkaProducer,
        connection: Connection,
        topics: Topics,
        recent: RecentRecords,
    ) -> None:
        """Prepare; nothing happens before `run`. `recent` is filled by the partition's lane."""
        self._partition = partition
        self._feed = feed
        self._producer = producer
        self._connection = connection
        self._topics = topics
        self._recent = recent
        self._position = Position()
        # Whether the ledger is being read: records come through the inbox then.
        self._reads = False
        self._inbox = Inbox(
            feed, topics.ledger, partition, size_max=WAITING_MAX, size_of=lambda _message: 1
        )
        self._log = log.bind(partition=partition)

    def put(self, start: int, messages: Sequence[Message]) -> None:
        """Take delivered messages; `start` is the offset from which they were fetched."""
        self._inbox.put(start, messages)

    async def run(self) -> None:
        """Announce until cancelled."""
        while True:
            try:
                self._position = await self._committed()
                self._stop_reading()
                while True:
                    await self._work()
            except KafkaError as error:
                self._log.warning("announcer.broker_failed", error=repr(error))
                await asyncio.sleep(RETRY_PAUSE_S)

    async def _committed(self) -> Position:
        found = await self._feed.committed(self._topics.ledger, self._partition)
        if found is None:
            return Position()
        offset, metadata = found
        try:
            return Position(offset, read_link(metadata))
        except ValueError:
            # Somebody else's tool has moved the offset: the link is on the ledger itself.
            return await self._link_at(offset)

    async def _link_at(self, offset: int) -> Position:
        positions = {self._partition: Position()}
        last = None
        async with LedgerReader(self._connection, self._topics.ledger, positions) as reader:
            while reader.positions[self._partition].offset < offset:
                batch = (await reader.read()).get(self._partition)
                for at, record in batch.records if batch else ():
                    if at < offset:
                        last = link_of(record)
        return Position(offset, last)

    async def _work(self) -> None:
        offset = self._position.offset
        if self._recent.covers(offset):
            self._stop_reading()
            records = self._recent.since(offset, CHUNK_RECORDS_MAX)
            if not records:
                await self._recent.reaches(offset + 1)
                return
            await self._announce(records, offset + len(records))
            if len(records) < CHUNK_RECORDS_MAX:
                await self._linger()
            return
        if not self._reads:
            self._reads = True
            self._inbox.open_at(offset)
        await self._inbox.wait()
        taken = [self._inbox.take() for _ in range(min(len(self._inbox), CHUNK_RECORDS_MAX))]
        topic, last = self._topics.ledger, self._position.last
        records = [it for _, it in admitted(topic, self._partition, taken, last)]
        await self._announce(records, taken[-1].offset + 1)

    async def _linger(self) -> None:
        """Let more come, up to a chunk: what comes after a quiet moment never waits here."""
        now = asyncio.get_running_loop().time()
        # To the same instants for all partitions of the worker: what they send shares requests.
        rest_s = LINGER_S - now % LINGER_S
        with suppress(TimeoutError):
            async with asyncio.timeout(rest_s):
                await self._recent.reaches(self._position.offset + CHUNK_RECORDS_MAX)

    def _stop_reading(self) -> None:
        if self._reads:
            self._reads = False
            self._inbox.close()
            self._feed.pause(self._topics.ledger, self._partition)

    async def _announce(self, records: Iterable[Record], after: int) -> None:
        last = self._position.last
        outgoing: dict[str, list[tuple[bytes, bytes]]] = {}
        for record in records:
            if not follows(last, record):
                continue
            last = link_of(record)
            for topic, key, notice in notices_of(record, self._topics):
                outgoing.setdefault(topic, []).append((key, write_notice(notice)))
        sent = [
            acknowledged
            for topic, notices in outgoing.items()
            for acknowledged in await self._send(topic, notices)
        ]
        await asyncio.gather(*sent)
        for topic, notices in outgoing.items():
            ANNOUNCED.labels(topic).inc(len(notices))
        if outgoing:
            reach("announcer.sent")
        self._position = Position(after, last)
        self._feed.hint(self._topics.ledger, self._partition, after, write_link(last))
        reach("announcer.hinted")

    async def _send(
        self, topic: str, notices: Sequence[tuple[bytes, bytes]]
    ) -> list[Awaitable[object]]:
        """Send notices in order, in as few batches as they fit into; return what is to be awaited.

        The award topics have as many partitions as the ledger, and the same keys: a record's
        notices belong on the partition of its own number.
        """
        acknowledged: list[Awaitable[object]] = []
        batch = self._producer.create_batch()
        for key, value in notices:
            if batch.append(key=key, value=value, timestamp=None) is None:
                acknowledged.append(
                    await self._producer.send_batch(batch, topic, partition=self._partition)
                )
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        acknowledged.append(
            await self._producer.send_batch(batch, topic, partition=self._partition)
        )
        return acknowledged
