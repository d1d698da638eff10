"""One partition of the ledger as its lane writes and folds it.

What stands between two appends of one lane is nothing, or another writer's records; the base offset
that the broker answers tells which.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaProducer

from broker.connection import Connection
from broker.ledger import Batch, LedgerReader, Position
from broker.producer import producer
from processor.pending import PendingRecord
from schemas.records import Link
from schemas.topics import RECORD_BYTES_MAX

# Room for a lane's batch and the one record, of any size, that made it full.
APPEND_BYTES_MAX: Final = 2 * RECORD_BYTES_MAX
FOLD_RECORDS_MAX: Final = 5000


class UnexpectedOffsetError(Exception):
    """A batch landed at another offset than expected: another writer appended in between."""


class Ledger(Protocol):
    """What a lane asks of its partition of the ledger."""

    def read(self, position: Position, end: int) -> AsyncIterator[Batch]:
        """Yield what the chain rule admits from a position on, up to the offset `end`."""

    async def link_at(self, offset: int) -> Link | None:
        """Return the link of the record at an offset before the end, None if none is there."""

    async def append(self, batch: Sequence[PendingRecord], expected: int) -> int:
        """Append records as one batch and return the offset after them.

        Raises UnexpectedOffsetError when it did not land at `expected`, and a KafkaError when
        nothing is known of it.
        """


class KafkaLedger:
    """The partition on the broker."""

    def __init__(
        self, connection: Connection, writer: AIOKafkaProducer, topic: str, partition: int
    ) -> None:
        """Read over a connection of its own; `writer` is a started `ledger_producer`."""
        self._connection = connection
        self._writer = writer
        self._topic = topic
        self._partition = partition

    async def read(self, position: Position, end: int) -> AsyncIterator[Batch]:
        """See Ledger. Raises the consumer's KafkaError."""
        if position.offset >= end:
            return
        positions = {self._partition: position}
        async with LedgerReader(
            self._connection, self._topic, positions, records_max=FOLD_RECORDS_MAX
        ) as reader:
            while reader.positions[self._partition].offset < end:
                batch = (await reader.read()).get(self._partition)
                if batch is not None:
                    yield batch

    async def link_at(self, offset: int) -> Link | None:
        """See Ledger. Raises the consumer's KafkaError."""
        positions = {self._partition: Position(offset)}
        async with LedgerReader(self._connection, self._topic, positions, records_max=1) as reader:
            return await reader.link(self._partition)

    async def append(self, batch: Sequence[PendingRecord], expected: int) -> int:
        """See Ledger. `batch` must fit into APPEND_BYTES_MAX."""
        builder = self._writer.create_batch()
        append = builder.append
        for pending in batch:
            if append(key=pending.key, value=pending.raw, timestamp=None) is None:
                raise AssertionError("the lane cuts batches that fit")
        builder.close()
        sent = await self._writer.send_batch(builder, self._topic, partition=self._partition)
        landed: Any = await sent
        if landed.offset != expected:
            raise UnexpectedOffsetError(
                f"{self._topic}/{self._partition}: {len(batch)} records landed at "
                f"{landed.offset}, not {expected}"
            )
        return expected + len(batch)


def ledger_producer(connection: Connection) -> AIOKafkaProducer:
    """Return the producer for `append`, and for nothing else: other topics take smaller batches."""
    return producer(connection, batch_bytes=APPEND_BYTES_MAX, compression="zstd")
