"""Read the ledger: from given positions on, in order, and only what the chain rule admits.

Readers keep their own positions (in the transaction that stores what they made of the records);
nothing is committed to the broker, and no consumer group is involved. Single records are looked up
in `finder`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from broker.connection import Connection, start_consumer, stop_consumer
from broker.ends import EndOffsets
from broker.metrics import FOREIGN
from broker.patience import WAIT_MS, fetch_patiently, positions_of
from schemas.codec import ForeignRecordError, UnreadableRecordError, read_record
from schemas.order import follows
from schemas.records import Link, Record, link_of

log = structlog.get_logger(__name__)


class Stored(Protocol):
    """A message as it was fetched."""

    @property
    def offset(self) -> int:
        """Where it stands in its partition."""

    @property
    def value(self) -> Any:  # noqa: ANN401  bytes, or what stands in place of them
        """What it says."""


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


def admitted(
    topic: str, partition: int, messages: Iterable[Stored], last: Link | None
) -> Iterator[tuple[int, Record]]:
    """Yield what the chain rule admits of a partition's messages, each with its offset.

    What is no record names no predecessor and is passed over, by every reader alike. Raises
    UnreadableRecordError for a record that may be next and cannot be read.
    """
    for message in messages:
        try:
            record = read_record(message.value)
        except ForeignRecordError as error:
            log.warning(
                "ledger.foreign", partition=partition, offset=message.offset, error=str(error)
            )
            FOREIGN.labels(topic).inc()
            continue
        except UnreadableRecordError as error:
            if error.concerns(last):
                raise
            continue
        if follows(last, record):
            last = link_of(record)
            yield message.offset, record


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
        )
        self._ends = EndOffsets(connection)

    async def __aenter__(self) -> Self:
        """Connect and seek. Raises aiokafka's KafkaConnectionError when the broker is away."""
        await start_consumer(self._consumer)
        fetch_patiently(self._consumer)
        self._consumer.assign([self._tp(partition) for partition in self._positions])
        for partition, position in self._positions.items():
            self._consumer.seek(self._tp(partition), position.offset)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        try:
            await stop_consumer(self._consumer)
        finally:
            await self._ends.close()

    @property
    def positions(self) -> Mapping[int, Position]:
        """Where the reader stands in each partition."""
        return self._positions

    def seek(self, partition: int, position: Position) -> None:
        """Go on from another position."""
        self._positions[partition] = position
        self._consumer.seek(self._tp(partition), position.offset)

    async def read(self, timeout_ms: int = WAIT_MS) -> dict[int, Batch]:
        """Return what has come since, by partition; empty after `timeout_ms` without anything.

        The positions move with it: a reader that fails to store what it got seeks back.
        """
        fetched = await self._consumer.getmany(timeout_ms=timeout_ms)
        batches, moved = {}, {}
        positions = positions_of(self._consumer)
        for partition, before in self._positions.items():
            tp = self._tp(partition)
            messages, reached = fetched.get(tp, ()), positions.get(tp, 0)
            # There may be nothing up to where fetching has come: an offset need not have a record.
            if not messages and reached <= before.offset:
                continue
            records = list(admitted(self._topic, partition, messages, before.last))
            last = link_of(records[-1][1]) if records else before.last
            end = messages[-1].offset + 1 if messages else reached
            after = Position(max(end, reached), last)
            moved[partition] = after
            skipped = len(messages) - len(records)
            batches[partition] = Batch(records, before, after, skipped)
        self._positions |= moved
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
        if found.offset != position.offset:
            return None
        try:
            return link_of(read_record(found.value))
        except ForeignRecordError:
            return None

    async def ends(self) -> dict[int, int]:
        """Return the offset after the last record of each partition."""
        offsets = await self._ends(self._tp(partition) for partition in self._positions)
        return {tp.partition: offset for tp, offset in offsets.items()}

    async def lag(self) -> int:
        """Return how many records are still to be read, over all partitions."""
        ends = await self.ends()
        return sum(max(0, end - self._positions[p].offset) for p, end in ends.items())

    def _tp(self, partition: int) -> TopicPartition:
        return TopicPartition(self._topic, partition)
