"""Find the one record on an event, anywhere on the ledger."""

from collections.abc import AsyncIterator, Sequence
from typing import Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from broker.connection import Connection, start_consumer, stop_consumer
from broker.ledger import LedgerReader, Position
from broker.partitions import partition_of
from broker.patience import positions_of
from broker.topics import partition_count
from schemas.codec import (
    UnreadableRecordError,
    read_event_id,
    read_record,
)
from schemas.instants import Millis
from schemas.order import follows
from schemas.records import Record, event_id_of, link_of
from schemas.text import EventId
from schemas.topics import Topics, user_key

# A lane has one batch in flight, of at most 500 records: a lane that was replaced can leave at most
# one batch in a row. What two lanes wrote at the same time lies well within the distance.
STRAY_MAX: Final = 500
APART_MAX: Final = 4000
# Where the search looks first: not always at the middle, so that another attempt meets others.
PIVOTS: Final = (0.5, 0.42, 0.58)
# How far the clocks of the workers may be apart.
SKEW_MS: Final = 5 * 60 * 1000


async def find_record(connection: Connection, topics: Topics, event_id: EventId) -> Record | None:
    """Return the ledger's record on an event, None when there is none (yet).

    A forwarded event's is that of the partition which it was forwarded to. Raises the consumer's
    KafkaError when Kafka is away.
    """
    place = read_event_id(event_id)
    if place is None:
        return None
    epoch, partition, offset = place
    count = await partition_count(connection, topics.ledger)
    if partition >= count:
        return None
    async with _Finder(connection, topics.ledger) as finder:
        found = await finder.by_source(partition, (epoch, offset))
        if found is None or found.outcome != "forwarded" or found.user is None:
            return found
        right = partition_of(user_key(found.tenant, found.user), count)
        return await finder.forwarded(right, event_id, found.appended)


class _Finder:
    """Finds single records. Sources rise along a partition, but for what the chain rule skips."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection = connection
        self._topic = topic
        self._consumer = AIOKafkaConsumer(
            **connection.options(),
            enable_auto_commit=False,
            auto_offset_reset="none",
            # A glance at one place need not bring much along.
            max_partition_fetch_bytes=256 * 1024,
        )

    async def __aenter__(self) -> Self:
        await start_consumer(self._consumer)
        return self

    async def __aexit__(self, *_: object) -> None:
        await stop_consumer(self._consumer)

    async def by_source(self, partition: int, source: tuple[int, int]) -> Record | None:
        """Return the record on the event at (epoch, offset) of its own partition."""
        tp, first, end = await self._bounds(partition)
        for pivot in PIVOTS:
            near = await self._near(tp, source, (first, end), pivot)
            async for record in self._admitted(tp, near, (first, end)):
                if _source(record) == source:
                    return record
                if _source(record) > source:
                    # It should have come by now: the search was led astray, or there is none.
                    break
            else:
                return None
        return None

    async def forwarded(self, partition: int, event_id: EventId, since: Millis) -> Record | None:
        """Return the record on an event that was forwarded to a partition after an instant."""
        tp, first, end = await self._bounds(partition)
        start = (await self._consumer.offsets_for_times({tp: since - SKEW_MS}))[tp]
        if start is None:
            return None
        async for record in self._admitted(tp, start.offset, (first, end)):
            if event_id_of(record) == event_id:
                return record
        return None

    async def _bounds(self, partition: int) -> tuple[TopicPartition, int, int]:
        tp = TopicPartition(self._topic, partition)
        self._consumer.assign([tp])
        first = (await self._consumer.beginning_offsets([tp]))[tp]
        return tp, first, (await self._consumer.end_offsets([tp]))[tp]

    async def _near(
        self, tp: TopicPartition, source: tuple[int, int], bounds: tuple[int, int], pivot: float
    ) -> int:
        low, high = bounds
        while low < high:
            middle = low + int((high - low) * pivot)
            found = await self._from(tp, middle, high)
            if found is not None and _source(found[1]) < source:
                low = found[0] + 1
            else:
                high = middle
        return low

    async def _from(self, tp: TopicPartition, start: int, end: int) -> tuple[int, Record] | None:
        """Return the first record of a stretch and its offset, None if there is none."""
        self._consumer.seek(tp, start)
        while positions_of(self._consumer).get(tp, start) < end:
            fetched = await self._consumer.getmany(tp, timeout_ms=1000, max_records=1)
            for message in fetched.get(tp, ()):
                record = _read(message.value)
                if record is not None and message.offset < end:
                    return message.offset, record
        return None

    async def _admitted(
        self, tp: TopicPartition, near: int, bounds: tuple[int, int]
    ) -> AsyncIterator[Record]:
        """Yield what the chain rule admits, from well before a place to the end."""
        first, end = bounds
        start = max(first, near - APART_MAX)
        position = Position(first)
        if start > first:
            before = await self._window(tp, start, min(end, start + APART_MAX))
            position = _footing(before) or position
        async with LedgerReader(self._connection, self._topic, {tp.partition: position}) as reader:
            while reader.positions[tp.partition].offset < end:
                for batch in (await reader.read()).values():
                    for _offset, record in batch.records:
                        yield record

    async def _window(self, tp: TopicPartition, start: int, end: int) -> list[tuple[int, Record]]:
        """Return the records of a stretch, each with its offset."""
        records: list[tuple[int, Record]] = []
        self._consumer.seek(tp, start)
        while positions_of(self._consumer).get(tp, start) < end:
            fetched = await self._consumer.getmany(tp, timeout_ms=1000)
            for message in fetched.get(tp, ()):
                record = _read(message.value)
                if record is not None and message.offset < end:
                    records.append((message.offset, record))
        return records


def _source(record: Record) -> tuple[int, int]:
    return record.source.epoch, record.source.offset


def _read(value: bytes) -> Record | None:
    """Return a record, None for what is none or cannot be read: it says nothing of the search."""
    try:
        return read_record(value)
    except UnreadableRecordError:
        return None


def _footing(records: Sequence[tuple[int, Record]]) -> Position | None:
    """Return a position from which the chain can be followed, behind one of these records.

    A record of which nothing is known counts if those that come after it go back to it. One that
    the chain rule skips has but the rest of its own batch behind it.
    """
    for index, (offset, record) in enumerate(records[: STRAY_MAX + 1]):
        last, reached = link_of(record), index
        for at in range(index + 1, len(records)):
            if follows(last, records[at][1]):
                last, reached = link_of(records[at][1]), at
        if reached >= len(records) - 1 - STRAY_MAX:
            return Position(offset + 1, link_of(record))
    return None
