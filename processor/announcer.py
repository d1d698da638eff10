"""One ledger partition's loop towards downstream services: records in, notices out, position kept.

Its position is its own: the group's committed offset with the chain's link in the metadata, written
after the notices are acknowledged. What a crash repeats has the same ids as before.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import orjson
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from broker.connection import Connection
from broker.failpoints import reach
from broker.ledger import LedgerReader, Position
from processor.feed import Feed
from processor.inbox import Inbox
from processor.judge import Message
from processor.metrics import ANNOUNCED
from processor.notices import notices_of
from schemas.codec import read_record
from schemas.order import Link, follows, link_of
from schemas.topics import Topics

CHUNK_RECORDS_MAX: Final = 500
WAITING_MAX: Final = 10_000
RETRY_PAUSE_S: Final = 1.0

log = structlog.get_logger(__name__)


def write_link(last: Link | None) -> str:
    """Write a chain link as commit metadata."""
    return orjson.dumps((*last,)).decode() if last else "null"


def read_link(metadata: str) -> Link | None:
    """Read a chain link from commit metadata; ValueError when it is none."""
    try:
        parts = orjson.loads(metadata)
        return Link(*parts) if parts is not None else None
    except (orjson.JSONDecodeError, TypeError) as error:
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
    ) -> None:
        """Take what it works with; nothing happens before `run`."""
        self._partition = partition
        self._feed = feed
        self._producer = producer
        self._connection = connection
        self._topics = topics
        self._position = Position()
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
                self._inbox.open_at(self._position.offset)
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
        await self._inbox.wait()
        offset, last = self._position
        outgoing: dict[str, list[tuple[bytes, bytes]]] = {}
        for _ in range(min(len(self._inbox), CHUNK_RECORDS_MAX)):
            message = self._inbox.take()
            offset = message.offset + 1
            record = read_record(message.value or b"")
            if not follows(last, record):
                continue
            last = link_of(record)
            for topic, key, notice in notices_of(record, self._topics):
                outgoing.setdefault(topic, []).append((key, orjson.dumps(notice)))
        for topic, notices in outgoing.items():
            await self._send(topic, notices)
            ANNOUNCED.labels(topic).inc(len(notices))
        if outgoing:
            reach("announcer.sent")
        self._position = Position(offset, last)
        self._feed.hint(self._topics.ledger, self._partition, offset, write_link(last))
        reach("announcer.hinted")

    async def _send(self, topic: str, notices: Sequence[tuple[bytes, bytes]]) -> None:
        """Send notices in order, in as few batches as they fit into, and await them all.

        The award topics have as many partitions as the ledger, and the same keys: a record's
        notices belong on the partition of its own number.
        """
        acknowledged = []
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
        await asyncio.gather(*acknowledged)
