"""Write a partition of the ledger: append a batch where it is expected to land, or find out.

Reading is `broker.ledger`. What stands between two appends of one lane is nothing, or another
writer's records; the base offset that the broker answers tells which.
"""

from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from broker.connection import Connection
from broker.producer import producer
from processor.judge import Judged
from schemas.topics import RECORD_BYTES_MAX

# Room for a lane's batch and the one record, of any size, that made it full.
APPEND_BYTES_MAX: Final = 2 * RECORD_BYTES_MAX


class InterleavedError(Exception):
    """Another writer appended in between: what was judged may not stand on the ledger's state."""


def ledger_producer(connection: Connection) -> AIOKafkaProducer:
    """Return the producer for `append`, and for nothing else: other topics take smaller batches."""
    return producer(connection, batch_bytes=APPEND_BYTES_MAX)


async def append(
    writer: AIOKafkaProducer, topic: str, partition: int, batch: Sequence[Judged], expected: int
) -> int:
    """Append records as one batch and return the offset after them.

    `batch` must fit into APPEND_BYTES_MAX. Raises InterleavedError when it did not land at
    `expected`, and the writer's KafkaError when nothing is known of it.
    """
    builder = writer.create_batch()
    for judged in batch:
        if builder.append(key=judged.key, value=judged.raw, timestamp=None) is None:
            raise AssertionError("the lane cuts batches that fit")
    builder.close()
    sent = await writer.send_batch(builder, topic, partition=partition)
    landed: Any = await sent
    if landed.offset != expected:
        raise InterleavedError(
            f"{topic}/{partition}: {len(batch)} records landed at {landed.offset}, not {expected}"
        )
    return expected + len(batch)
