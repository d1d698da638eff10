"""How messages are fetched: by a consumer outside the group, in the loop of those who take them.

The group's consumer lives in a thread of Faust's; what it fetches would be handed over through two
queues and two event loops. No lane and no group in here: who holds what, and from where it is to be
read, is said by the transport.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import ConsumerStoppedError
from faust.types import TP

from broker.connection import Connection, start_consumer, stop_consumer
from broker.patience import fetch_from, fetch_patiently, positions_of
from processor.pending import Message

POLL_RECORDS_MAX: Final = 4000
FETCH_BYTES_MAX: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one fetch brought of one partition."""

    partition: int
    # The offset from which it was fetched: what lies between it and the first message is nothing.
    start: int
    messages: list[Message]


class ChunkSchema(faust.Schema[Any, Any]):
    """Hands values on as they are: a chunk needs no decoding."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """Return the key as it is."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """Return the value as it is."""
        return message.value


class Fetching:
    """Fetches the partitions that it is told, each from where it is told."""

    def __init__(self, connection: Connection) -> None:
        """Prepare; nothing is opened before `start`."""
        self._connection = connection
        self._consumer: AIOKafkaConsumer | None = None
        # What the fetch under way waits with, and whether the next one must not wait.
        self._waiter: asyncio.Future[None] | None = None
        self._is_interrupted = False

    async def start(self) -> None:
        """Connect. Raises KafkaConnectionError."""
        consumer = AIOKafkaConsumer(
            **self._connection.options(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
        )
        await start_consumer(consumer)
        fetch_patiently(consumer)
        self._consumer = consumer

    async def stop(self) -> None:
        """Disconnect; a fetch under way ends without anything."""
        consumer, self._consumer = self._consumer, None
        self.interrupt()
        if consumer is not None:
            await stop_consumer(consumer)

    def place(self, due: Mapping[TP, int], moved: Mapping[TP, int]) -> None:
        """Fetch these partitions and no others, each from the offset that is `due`.

        Of those that were fetched before, only the ones in `moved` are due elsewhere than where
        fetching stands. They never wait for a fetch that is under way.
        """
        consumer = self._running()
        wanted = {TopicPartition(*tp): offset for tp, offset in due.items()}
        if moved or wanted.keys() != consumer.assignment():
            fetch_from(consumer, wanted)

    async def fetch(self, active: set[TP], timeout_s: float) -> dict[TopicPartition, list[Any]]:
        """Return what has come of these partitions; nothing after a while, or when interrupted.

        What comes of the others waits until they are among them. Raises the driver's errors.
        """
        fetcher: Any = self._running()._fetcher  # noqa: SLF001  what `getmany` is made of
        found = await self._take(fetcher, active)
        if found or self._is_interrupted:
            self._is_interrupted = False
            return found
        self._waiter = fetcher._create_fetch_waiter()  # noqa: SLF001  as said
        try:
            await asyncio.wait([self._waiter], timeout=timeout_s)
            self._is_interrupted = False
            if not self._waiter.done():
                self._waiter.cancel()
                return {}
            # Raises what the broker does not allow.
            self._waiter.result()
        finally:
            self._waiter = None
        return await self._take(fetcher, active) if self._consumer is not None else {}

    def interrupt(self) -> None:
        """Have the fetch under way, or else the next one, wait no longer."""
        self._is_interrupted = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def positions(self) -> dict[TP, int]:
        """Return up to where each partition has been fetched and taken."""
        found = positions_of(self._consumer) if self._consumer is not None else {}
        return {TP(tp.topic, tp.partition): offset for tp, offset in found.items()}

    def _running(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise ConsumerStoppedError
        return self._consumer

    async def _take(self, fetcher: Any, active: set[TP]) -> dict[TopicPartition, list[Any]]:
        if not active:
            # To the fetcher no partitions are all of them.
            return {}
        for result in fetcher._records.values():  # noqa: SLF001  what has been fetched
            if isinstance(result, FetchResult) and result.has_more():
                # What the records are unpacked from has all that we need.
                result._partition_records.bare = True  # noqa: SLF001  as said
        found: dict[TopicPartition, list[Any]] = await fetcher.fetched_records(
            active, timeout=0, max_records=POLL_RECORDS_MAX
        )
        return found
