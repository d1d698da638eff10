"""Where partitions end, asked over a connection of its own.

A broker answers the requests of a connection one after the other, and a fetch that waits for
something to come is one: who asked over a reader's connection would wait with it.
"""

import asyncio
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from broker.connection import Connection, start_consumer, stop_consumer


class EndOffsets:
    """Asks a cluster for the ends of partitions; connects when it is asked first."""

    def __init__(self, connection: Connection) -> None:
        """Take the cluster."""
        self._connection = connection
        self._client: AIOKafkaConsumer | None = None
        self._is_closed = False
        # Held while a client is started or stopped: who asks meanwhile must not start another.
        self._changing = asyncio.Lock()
        # What is being asked. It may be opening a connection, which nobody would close later.
        self._asking: set[asyncio.Task[dict[TopicPartition, int]]] = set()

    async def __call__(self, tps: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the offset after the last message of each. Raises KafkaError, also when closed."""
        client = await self._started()
        asking = asyncio.create_task(client.end_offsets(list(tps)))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        try:
            await asyncio.wait({asking})
        finally:
            await _end(asking)
        if asking.cancelled():
            raise KafkaConnectionError("nobody is to be asked any more")
        ends: dict[TopicPartition, int] = asking.result()
        return ends

    async def _started(self) -> AIOKafkaConsumer:
        async with self._changing:
            if self._is_closed:
                raise KafkaConnectionError("nobody is to be asked any more")
            if self._client is None:
                client = AIOKafkaConsumer(**self._connection.options(), enable_auto_commit=False)
                await start_consumer(client)
                self._client = client
            return self._client

    async def close(self) -> None:
        """Disconnect, for good."""
        async with self._changing:
            self._is_closed = True
            await asyncio.gather(*map(_end, list(self._asking)))
            client, self._client = self._client, None
            if client is not None:
                await stop_consumer(client)


async def _end(asking: asyncio.Task[dict[TopicPartition, int]]) -> None:
    """Have an end of what is asked, if it has none yet; whoever asked looks what came of it."""
    if not asking.done():
        asking.cancel()
        await asyncio.wait({asking})
    if not asking.cancelled():
        asking.exception()
