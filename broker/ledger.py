"""Read the ledger: from given positions on, in order, and only what the chain rule admits.

Readers keep their own positions (in the transaction that stores what they made of the records);
nothing is committed to the broker, and no consumer group is involved. `find_record` looks up the
one record on an event.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.partitioner import murmur2

from broker.connection import Connection, start_consumer, stop_consumer
from broker.topics import partition_count
from schemas.codec import read_event_id, read_record
from schemas.entries import Record
from schemas.order import Link, follows, link_of
from schemas.topics import Topics, user_key

# A lane has one batch in flight, of at most 500 records: no more of a lane that has lost its turn
# stand in a row. What two lanes wrote at the same time lies well within the distance.
STRAY_MAX: Final = 500
APART_MAX: Final = 4000
# Where the search looks first: not always at the middle, so that another attempt meets others.
PIVOTS: Final = (0.5, 0.42, 0.58)
# How far the clocks of the workers may be apart.
SKEW_MS: Final = 5 * 60 * 1000


class Position(NamedTuple):
    """Where a reader stands in one ledger partition."""

    # Offset of the next record to read.
    offset: int = 0
    # The last record that was applied, None before the first.
    last: Link | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What was read from one partition: admitted records, and the position after all of them."""

    # (ledger offset, record), in order. Records that the chain rule skips are not among them.
    records: Sequence[tuple[int, Record]]
    before: Position
    after: Position
    skipped: int


class LedgerReader:
    """Reads given partitions of the ledger, each from its own position."""

    def __init__(
        self,
        connection: Connection,
        topic: str,
        positions: Mapping[int, Position],
        *,
        records_max: int = 5000,
    ) -> None:
        """Prepare to read `topic` from `positions`, by partition, up to so many records a batch."""
        self._topic = topic
        self._positions = dict(positions)
        self._consumer = AIOKafkaConsumer(
            **connection.options(),
            enable_auto_commit=False,
            # A position that the broker no longer has is an error to be seen, never a jump.
            auto_offset_reset="none",
            max_poll_records=records_max,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=500,
        )

    async def __aenter__(self) -> Self:
        """Connect and seek. Raises aiokafka's KafkaConnectionError when the broker is away."""
        await start_consumer(self._consumer)
        self._consumer.assign([self._tp(partition) for partition in self._positions])
        for partition, position in self._positions.items():
            self._consumer.seek(self._tp(partition), position.offset)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await stop_consumer(self._consumer)

    @property
    def positions(self) -> Mapping[int, Position]:
        """Where the reader stands in each partition."""
        return self._positions

    def seek(self, partition: int, position: Position) -> None:
        """Go on from another position."""
        self._positions[partition] = position
        self._consumer.seek(self._tp(partition), position.offset)

    async def read(self, timeout_ms: int = 500) -> dict[int, Batch]:
        """Return what has come since, by partition; empty after `timeout_ms` without anything.

        The positions move with it: a reader that fails to store what it got seeks back.
        """
        fetched = await self._consumer.getmany(timeout_ms=timeout_ms)
        batches = {}
        for tp, messages in fetched.items():
            before = self._positions[tp.partition]
            last = before.last
            admitted = []
            for message in messages:
                record = read_record(message.value)
                if follows(last, record):
                    last = link_of(record)
                    admitted.append((message.offset, record))
            after = Position(messages[-1].offset + 1, last)
            self._positions[tp.partition] = after
            skipped = len(messages) - len(admitted)
            batches[tp.partition] = Batch(admitted, before, after, skipped)
        return batches

    async def link(self, partition: int) -> Link | None:
        """Return the link of the record at the position, which must lie before the end.

        None when there is none at that offset. The position stays, what has been fetched is lost.
        """
        tp, position = self._tp(partition), self._positions[partition]
        messages = None
        while not messages:
            messages = (await self._consumer.getmany(tp, timeout_ms=500)).get(tp)
        self.seek(partition, position)
        found = messages[0]
        return link_of(read_record(found.value)) if found.offset == position.offset else None

    async def ends(self) -> dict[int, int]:
        """Return the offset after the last record of each partition."""
        offsets = await self._consumer.end_offsets([self._tp(p) for p in self._positions])
        return {tp.partition: offset for tp, offset in offsets.items()}

    async def lag(self) -> int:
        """Return how many records are still to be read, over all partitions."""
        ends = await self.ends()
        return sum(max(0, end - self._positions[p].offset) for p, end in ends.items())

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)


async def find_record(connection: Connection, topics: Topics, event_id: str) -> Record | None:
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
        if found is None or found["outcome"] != "forwarded" or found["user"] is None:
            return found
        key = user_key(found["tenant"], found["user"])
        right = int((murmur2(key) & 0x7FFFFFFF) % count)
        return await finder.forwarded(right, event_id, datetime.fromisoformat(found["appended"]))


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

    async def forwarded(self, partition: int, event_id: str, since: datetime) -> Record | None:
        """Return the record on an event that was forwarded to a partition after an instant."""
        tp, first, end = await self._bounds(partition)
        wanted_ms = int(since.timestamp() * 1000) - SKEW_MS
        start = (await self._consumer.offsets_for_times({tp: wanted_ms}))[tp]
        if start is None:
            return None
        async for record in self._admitted(tp, start.offset, (first, end)):
            if record["id"] == event_id:
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
            self._consumer.seek(tp, middle)
            message = await self._consumer.getone(tp)
            if _source(read_record(message.value)) < source:
                low = middle + 1
            else:
                high = middle
        return low

    async def _admitted(
        self, tp: TopicPartition, near: int, bounds: tuple[int, int]
    ) -> AsyncIterator[Record]:
        """Yield what the chain rule admits, from well before a place to the end."""
        first, end = bounds
        start = max(first, near - APART_MAX)
        position = Position(first)
        if start > first:
            before = await self._window(tp, start, min(end, start + APART_MAX))
            position = _footing(start, before) or position
        async with LedgerReader(self._connection, self._topic, {tp.partition: position}) as reader:
            while reader.positions[tp.partition].offset < end:
                for batch in (await reader.read()).values():
                    for _offset, record in batch.records:
                        yield record

    async def _window(self, tp: TopicPartition, start: int, end: int) -> list[Record]:
        records: list[Record] = []
        self._consumer.seek(tp, start)
        while start + len(records) < end:
            fetched = await self._consumer.getmany(tp, timeout_ms=1000)
            records += [read_record(message.value) for message in fetched.get(tp, ())]
        return records[: end - start]


def _source(record: Record) -> tuple[int, int]:
    epoch, _partition, offset = record["source"]
    return epoch, offset


def _footing(start: int, records: Sequence[Record]) -> Position | None:
    """Return a position from which the chain can be followed; `start` is that of the first record.

    A record of which nothing is known counts if those that come after it go back to it. One that
    the chain rule skips has but the rest of its own batch behind it.
    """
    for index, record in enumerate(records[: STRAY_MAX + 1]):
        last, reached = link_of(record), index
        for at in range(index + 1, len(records)):
            if follows(last, records[at]):
                last, reached = link_of(records[at]), at
        if reached >= len(records) - 1 - STRAY_MAX:
            return Position(start + index + 1, link_of(record))
    return None
