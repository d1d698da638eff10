"""The producers: idempotent and acknowledged by all in-sync replicas, whatever they send."""

from typing import Final, Literal

from aiokafka import AIOKafkaProducer

from broker.connection import Connection
from schemas.topics import BATCH_BYTES_MAX

# What a topic of the broker's defaults takes is about a megabyte; a batch stays well below it.
BATCH_BYTES: Final = 256 * 1024
REQUEST_TIMEOUT_MS: Final = 30_000


def producer(
    connection: Connection,
    *,
    batch_bytes: int = BATCH_BYTES,
    request_timeout_ms: int = REQUEST_TIMEOUT_MS,
    compression: Literal["zstd"] | None = None,
) -> AIOKafkaProducer:
    """Return a producer that has not been started, batching up to so many bytes per partition.

    A single message may be larger than a batch, up to what its topic takes. `request_timeout_ms` is
    how long one request waits for the broker before it is sent again. `compression` is of whole
    batches: every reader of the topic needs the codec.
    """
    return AIOKafkaProducer(
        **connection.options(),
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=batch_bytes,
        max_request_size=BATCH_BYTES_MAX,
        request_timeout_ms=request_timeout_ms,
        compression_type=compression,
    )
