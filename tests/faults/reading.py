"""Reads the topics of one world: where they end, and what came since they were read last."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from faults.lines import Raw
from faults.world import World

from broker.connection import start_consumer

FETCH_TIMEOUT_S = 30

# A topic's partition.
Place = tuple[str, int]
Offsets = dict[Place, int]


class Reading:
    """How far each topic was read, over all rounds of a world."""

    def __init__(self, world: World) -> None:
        """Begin at the beginning of all topics; nothing is opened before it is needed."""
        self._world = world
        self.offsets: Offsets = {}
        self._asker: AIOKafkaConsumer | None = None

    async def ends(self, *topics: str) -> Offsets:
        """Return the offset after the last record of every partition of some topics.

        Raises a KafkaError, OSError or TimeoutError while the broker is away.
        """
        tps = [
            TopicPartition(topic, number)
            for topic in topics
            for number in range(self._partitions_of(topic))
        ]
        if self._asker is None:
            asker = AIOKafkaConsumer(**self._world.connection.options())
            await start_consumer(asker)
            self._asker = asker
        try:
            found = await self._asker.end_offsets(tps)
        except BaseException:
            await self.close()
            raise
        return {(tp.topic, tp.partition): end for tp, end in found.items()}

    async def close(self) -> None:
        """Close what is open towards the broker; it is opened again when it is needed."""
        asker, self._asker = self._asker, None
        if asker is not None:
            await asker.stop()

    def _partitions_of(self, topic: str) -> int:
        return 1 if topic == self._world.topics.dead_letters else self._world.options.partitions

    async def up_to(self, ends: Offsets) -> dict[Place, list[Raw]]:
        """Read topics from where they were read to up to their ends; raises as `ends` does."""
        due = {place: end for place, end in ends.items() if self.offsets.get(place, 0) < end}
        found: dict[Place, list[Raw]] = {place: [] for place in due}
        if not due:
            return found
        consumer = AIOKafkaConsumer(
            **self._world.connection.options(), enable_auto_commit=False, auto_offset_reset="none"
        )
        await start_consumer(consumer)
        try:
            consumer.assign([TopicPartition(*place) for place in due])
            for place in due:
                consumer.seek(TopicPartition(*place), self.offsets.get(place, 0))
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                while any(self.offsets.get(place, 0) < end for place, end in due.items()):
                    for tp, messages in (await consumer.getmany(timeout_ms=200)).items():
                        place = (tp.topic, tp.partition)
                        taken = [it for it in messages if it.offset < due[place]]
                        found[place] += [
                            Raw(it.offset, it.timestamp, it.key, it.value, tuple(it.headers))
                            for it in taken
                        ]
                        if taken:
                            self.offsets[place] = taken[-1].offset + 1
        finally:
            await consumer.stop()
        return found

    async def again(self, *topics: str) -> dict[Place, list[Raw]]:
        """Return all that was read of some topics so far; raises as `ends` does."""
        known, self.offsets = self.offsets, {}
        try:
            return await self.up_to({it: end for it, end in known.items() if it[0] in topics})
        finally:
            self.offsets = known

    async def dump(self, directory: Path, *topics: str) -> None:
        """Write all that was read of some topics into a directory, for somebody to look at."""
        for (topic, partition), messages in (await self.again(*topics)).items():
            lines = [
                f"{raw.offset} {raw.timestamp} {(raw.value or b'').decode(errors='replace')}\n"
                for raw in messages
            ]
            (directory / f"{topic}-{partition}.txt").write_text("".join(lines))
