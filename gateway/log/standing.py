"""Whether every partition of xp.events is judged on: seen from outside, by where logs end.

A worker says so of itself; one that is not there says nothing.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from broker.connection import Connection, start_consumer, stop_consumer
from broker.ends import EndOffsets
from broker.topics import partition_count

LOOKS: Final = 6
FETCH_WAIT_MS: Final = 2000

log = structlog.get_logger(__name__)


class Standstill:
    """Since when which partition has had work and has not moved. Pure: the time is passed in."""

    def __init__(self, still_max_s: float) -> None:
        """Begin with nothing seen; so long a partition may need for one event."""
        self._still_max_s = still_max_s
        # Partition -> the event that is due next, and since when it has been.
        self._due: dict[int, tuple[int, float]] = {}

    def seen(self, partition: int, due: int, end: int, now_s: float) -> None:
        """Note which event is due next, and where the events end, at a monotonic time."""
        if due >= end:
            self._due.pop(partition, None)
        elif self._due.get(partition, (-1, 0.0))[0] != due:
            self._due[partition] = (due, now_s)

    def still(self, now_s: float) -> dict[int, int]:
        """Return the partitions that have not moved for long, each with the event that is due."""
        return {
            partition: due
            for partition, (due, since_s) in self._due.items()
            if now_s - since_s > self._still_max_s
        }


class Standing:
    """Looks every few seconds; a check asks it what it has found."""

    def __init__(
        self,
        connection: Connection,
        topic: str,
        due: Callable[[], Mapping[int, int]],
        still_max_s: float,
    ) -> None:
        """Take the events, what says which of them are due next, and for how long one may be."""
        self._connection = connection
        self._topic = topic
        self._due = due
        self._look_every_s = still_max_s / LOOKS
        # How many partitions the topic has, once that is known: it stays so.
        self._partitions: int | None = None
        self._standstill = Standstill(still_max_s)
        # Partitions in which something waits indeed, and ends up to which nothing does.
        self._found: dict[int, int] = {}
        self._nothing: dict[int, int] = {}

    def problem(self) -> str | None:
        """Return what stands still, None if nothing does."""
        if not self._found:
            return None
        named = ", ".join(
            f"{partition} (at {due})" for partition, due in sorted(self._found.items())
        )
        return f"partitions with events that wait and are not judged: {named}"

    async def run(self) -> None:
        """Look until cancelled."""
        ends = EndOffsets(self._connection)
        try:
            while True:
                await asyncio.sleep(self._look_every_s)
                try:
                    await self._look(ends)
                except (KafkaError, LookupError) as error:
                    # Whether the broker is there is another check's.
                    log.info("standing.not_seen", error=repr(error))
        finally:
            await ends.close()

    async def _look(self, ends: EndOffsets) -> None:
        due = self._due()
        if self._partitions is None:
            self._partitions = await partition_count(self._connection, self._topic)
        found = await ends(TopicPartition(self._topic, it) for it in range(self._partitions))
        now_s = time.monotonic()
        for tp, end in found.items():
            if tp.partition in due:
                self._standstill.seen(tp.partition, due[tp.partition], end, now_s)
        still = self._standstill.still(now_s)
        self._found = {
            partition: at
            for partition, at in still.items()
            if await self._waits(partition, at, found[TopicPartition(self._topic, partition)])
        }

    async def _waits(self, partition: int, due: int, end: int) -> bool:
        """Tell whether there is an event at all: the marks of transactions are none."""
        if self._nothing.get(partition) == end:
            return False
        if partition in self._found:
            return True
        consumer = AIOKafkaConsumer(
            **self._connection.options(), enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await start_consumer(consumer)
        try:
            tp = TopicPartition(self._topic, partition)
            consumer.assign([tp])
            consumer.seek(tp, due)
            if await consumer.getmany(tp, timeout_ms=FETCH_WAIT_MS):
                return True
        finally:
            await stop_consumer(consumer)
        self._nothing[partition] = end
        return False
