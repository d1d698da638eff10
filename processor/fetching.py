"""What a fetch brings of one partition: a chunk of messages, made without what nobody needs."""

import asyncio
from dataclasses import dataclass
from typing import Any

import faust
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from processor.pending import Message


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


def _as_unpacked(_tp: TopicPartition, record: Any) -> Any:
    return record


class Thread(driver.AIOKafkaConsumerThread):
    """Faust's thread, but for what aiokafka makes of each record.

    That is an object of eleven fields which cost as much as reading them; what they were unpacked
    from has all that we need.
    """

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109  Faust's signature
        max_records: int | None = None,
    ) -> Any:
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher  # noqa: SLF001  as the driver does
        if consumer._closed or fetcher._closed:  # noqa: SLF001  as the driver does
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001  as the driver does
            found = await self._fetched(fetcher, active_partitions, max_records)
            if found or not timeout:
                return found
            waiter = fetcher._create_fetch_waiter()  # noqa: SLF001  what `fetched_records` waits for
            await asyncio.wait([waiter], timeout=timeout)
            if not waiter.done():
                waiter.cancel()
                return {}
            # Raises what the broker does not allow.
            waiter.result()
            return await self._fetched(fetcher, active_partitions, max_records)

    async def _fetched(self, fetcher: Any, active: set[TP], max_records: int | None) -> Any:
        for result in fetcher._records.values():  # noqa: SLF001  what has been fetched
            if isinstance(result, FetchResult) and result.has_more():
                # What it calls for each record.
                result._partition_records._consumer_record = _as_unpacked  # noqa: SLF001  as said
        return await fetcher.fetched_records(active, timeout=0, max_records=max_records)
