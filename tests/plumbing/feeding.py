"""A feed without Faust: a consumer that hands a lane the chunks that it asks for."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from broker.connection import start_consumer, stop_consumer
from processor.pending import Message


class Feed:
    """Hands a lane the chunks that it asks for, as the transport does."""

    def __init__(self, connection, put):
        self._consumer = AIOKafkaConsumer(
            **connection.options(), enable_auto_commit=False, auto_offset_reset="none"
        )
        self._put = put
        self._wanted = None
        self._paused = False
        self.hinted = 0

    def start_at(self, topic, partition, offset):
        self._wanted = TopicPartition(topic, partition), offset

    def pause(self, _topic, _partition):
        self._paused = True

    def resume(self, _topic, _partition):
        self._paused = False

    async def bounds(self, topic, partition):
        tp = TopicPartition(topic, partition)
        first = await self._consumer.beginning_offsets([tp])
        end = await self._consumer.end_offsets([tp])
        return first[tp], end[tp]

    async def committed(self, _topic, _partition):
        return None

    def hint(self, _topic, _partition, offset, _metadata=""):
        self.hinted = offset

    async def start(self):
        await start_consumer(self._consumer)

    async def stop(self):
        await stop_consumer(self._consumer)

    async def fetch(self):
        """Fetch until cancelled."""
        due = 0
        while True:
            if self._wanted is not None:
                (tp, due), self._wanted = self._wanted, None
                self._consumer.assign([tp])
                self._consumer.seek(tp, due)
            if not self._consumer.assignment() or self._paused:
                await asyncio.sleep(0.01)
                continue
            for messages in (await self._consumer.getmany(timeout_ms=20)).values():
                if self._wanted is None:
                    start, due = due, messages[-1].offset + 1
                    self._put(start, [Message(*fields_of(it)) for it in messages])


def fields_of(message):
    headers = tuple(message.headers)
    return message.offset, message.timestamp, message.key, message.value, headers
