"""The consumer that belongs to the group, and nothing else: Faust's, in a thread of Faust's.

It keeps the membership, whatever the worker's own loop is busy with, and is asked about the group's
offsets. It fetches nothing (`fetching` does), so that no request waits behind a fetch.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver

from broker.patience import let_rest

# How often it is looked whether a thread has had its first turn.
BEGUN_LOOK_S: Final = 0.05


class Listener(driver.ConsumerRebalanceListener):
    """Faust's, but that nothing is fetched of what is assigned."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """See aiokafka's ConsumerRebalanceListener."""
        self._thread._ensure_consumer().pause(*assigned)  # noqa: SLF001  the driver's own accessor
        await super().on_partitions_assigned(assigned)


class Thread(driver.AIOKafkaConsumerThread):
    """Faust's thread. The coroutines below are for its own event loop (`call_thread`)."""

    async def on_start(self) -> None:
        """See mode.Service."""
        await super().on_start()
        let_rest(self._ensure_consumer())

    async def stop(self) -> None:
        """See mode.ServiceThread."""
        # Which passes over a thread that has not had its first turn yet: it would go on for ever.
        while self._thread is not None and self._thread.is_alive() and not self._started.is_set():
            await asyncio.sleep(BEGUN_LOOK_S)
        await super().stop()

    async def bounds_of(self, tp: TopicPartition) -> tuple[int, int]:
        """Return the first offset that a partition holds, and the one after its last."""
        consumer = self._ensure_consumer()
        first = await consumer.beginning_offsets([tp])
        end = await consumer.end_offsets([tp])
        return first[tp], end[tp]

    async def committed_of(self, tp: TopicPartition) -> OffsetAndMetadata | None:
        """Return the group's committed offset and its metadata."""
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001  as below
        # The public method leaves the metadata out.
        found: Mapping[Any, OffsetAndMetadata]
        found = await coordinator.fetch_committed_offsets([tp])
        return found.get(tp)

    async def commit_with_metadata(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> None:
        """Commit offsets of the group. Raises the driver's errors."""
        await self._ensure_consumer().commit(offsets)

    async def leave_group(self) -> None:
        """Leave the group, for good."""
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001  as below
        # aiokafka leaves a static member in the group when it closes, and has no way to ask for
        # the other; the broker takes the word of one that gives its member id.
        coordinator._group_instance_id = None  # noqa: SLF001  as said
        await coordinator.close()

    async def is_member(self) -> bool:
        """Tell whether it belongs to the group, or is on its way back by itself."""
        # Nothing public tells that the task which keeps the membership has ended with an error
        # that nobody asks for.
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001  as said
        return (
            coordinator.generation > 0
            and coordinator._pending_exception is None  # noqa: SLF001  as said
            and not coordinator._coordination_task.done()  # noqa: SLF001  as said
        )
