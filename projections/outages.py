"""What to do while Kafka or Postgres is away: try again, with a pause that grows to seconds."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from broker.connection import Connection as Kafka
from broker.topics import partition_count
from projections import metrics
from projections.database import DatabaseUnreachableError
from projections.positions import StalePositionError

PAUSE_S_MIN: Final = 0.2
PAUSE_S_MAX: Final = 5.0

log = structlog.get_logger(__name__)


class AwayError(Exception):
    """Something that is needed is not there yet."""


# What passes by itself when the other side is back. A lost position is none of it.
PASSING: Final = (
    KafkaError,
    DatabaseUnreachableError,
    StalePositionError,
    OSError,
    TimeoutError,
    AwayError,
)


async def partitions_of(kafka: Kafka, topic: str) -> int:
    """Return how many partitions a topic has; AwayError while it does not exist."""
    try:
        return await partition_count(kafka, topic)
    except LookupError as error:
        raise AwayError(str(error)) from error


async def keep_up(what: str, follow: Callable[[], Awaitable[None]]) -> None:
    """Run `follow`, and after an outage again, until it raises what does not pass by itself."""
    pause_s = PAUSE_S_MIN
    while True:
        started = time.monotonic()
        try:
            await follow()
        except PASSING as error:
            if time.monotonic() - started > PAUSE_S_MAX:
                pause_s = PAUSE_S_MIN
            metrics.INTERRUPTIONS.inc()
            log.warning(
                "projector.interrupted",
                following=what,
                error=f"{type(error).__name__}: {error}",
                retry_s=pause_s,
            )
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
