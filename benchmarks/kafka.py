"""Kafka as the benchmarks use it: topics filled fast, and their ends watched cheaply."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic

from benchmarks.events import Line
from broker.connection import Connection, start_consumer
from broker.partitions import partition_of
from broker.producer import BATCH_BYTES, producer
from broker.topics import administrator, partition_count

BATCHES_IN_FLIGHT: Final = 32
STABLE_LOOKS: Final = 8
VISIBLE_S: Final = 30.0


class Ends:
    """How far topics have grown, by what was appended, committed or not."""

    def __init__(self, connection: Connection, partitions: int) -> None:
        """Take how many partitions every topic that is asked for has."""
        self._partitions = partitions
        self._consumer = AIOKafkaConsumer(**connection.options(), enable_auto_commit=False)

    async def __aenter__(self) -> Self:
        """Connect."""
        await start_consumer(self._consumer)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def by_partition(self, topic: str) -> dict[int, int]:
        """Return the offset after the last record of each partition."""
        tps = [TopicPartition(topic, number) for number in range(self._partitions)]
        return {tp.partition: end for tp, end in (await self._consumer.end_offsets(tps)).items()}

    async def total(self, topic: str) -> int:
        """Return the sum of the end offsets: transactions' own marks are counted with them."""
        return sum((await self.by_partition(topic)).values())


async def create(
    connection: Connection, names: Sequence[str], partitions: int, *, compact: bool = False
) -> None:
    """Create topics of one replica."""
    config = {"cleanup.policy": "compact"} if compact else {}
    async with administrator(connection) as admin:
        await admin.create_topics(
            [NewTopic(name, partitions, 1, topic_configs=config) for name in names]
        )
    async with asyncio.timeout(VISIBLE_S):
        for name in names:
            while not await _visible(connection, name):
                await asyncio.sleep(0.05)


async def _visible(connection: Connection, name: str) -> bool:
    # A broker answers before all of it knows.
    try:
        return await partition_count(connection, name) > 0
    except LookupError:
        return False


async def drop_topics(connection: Connection, prefix: str) -> None:
    """Delete every topic whose name begins so."""
    async with administrator(connection) as admin:
        names = [name for name in await admin.list_topics() if name.startswith(prefix)]
        if names:
            await admin.delete_topics(names)


async def fill(connection: Connection, topic: str, lines: Sequence[Line], partitions: int) -> None:
    """Publish events as fast as the broker takes them."""
    by_partition: dict[int, list[Line]] = {number: [] for number in range(partitions)}
    for line in lines:
        by_partition[partition_of(line.key, partitions)].append(line)
    async with producer(connection) as client:
        await asyncio.gather(
            *(_fill(client, topic, number, some) for number, some in by_partition.items())
        )


async def _fill(client: AIOKafkaProducer, topic: str, partition: int, lines: list[Line]) -> None:
    at = 0
    flying: list[asyncio.Future[Any]] = []
    while at < len(lines):
        builder = client.create_batch()
        while at < len(lines):
            line = lines[at]
            if builder.append(key=line.key, value=line.value, timestamp=None) is None:
                break
            at += 1
        if not builder.record_count():
            raise ValueError(f"an event of more than {BATCH_BYTES} bytes")
        flying.append(await client.send_batch(builder, topic, partition=partition))
        if len(flying) == BATCHES_IN_FLIGHT:
            await asyncio.gather(*flying)
            flying = []
    await asyncio.gather(*flying)


async def count_committed(connection: Connection, topic: str, partitions: int) -> int:
    """Count the records that a reader of committed records gets to see, by reading them all."""
    tps = [TopicPartition(topic, number) for number in range(partitions)]
    consumer = AIOKafkaConsumer(
        **connection.options(),
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_poll_records=5000,
    )
    await start_consumer(consumer)
    try:
        consumer.assign(tps)
        ends: Mapping[TopicPartition, int] = await consumer.end_offsets(tps)
        seen = 0
        while True:
            fetched = await consumer.getmany(timeout_ms=500)
            seen += sum(map(len, fetched.values()))
            done = [await consumer.position(tp) >= ends[tp] for tp in tps]
            if all(done):
                return seen
    finally:
        await consumer.stop()


async def wait_members(connection: Connection, group: str, members: int) -> None:
    """Return once a consumer group is settled on so many members, and stays so for a while."""
    stable = 0
    async with administrator(connection) as admin:
        while stable < STABLE_LOOKS:
            await asyncio.sleep(0.25)
            state, found = _group(await admin.describe_consumer_groups([group]))
            fits = found == members and state == ("Stable" if members else "Empty")
            stable = stable + 1 if fits or (not members and state == "Dead") else 0


def _group(answers: list[Any]) -> tuple[str, int]:
    # (error, group, state, protocol type, protocol, members, …), as Kafka's protocol has it.
    _error, _group_id, state, _type, _protocol, members, *_ = answers[0].groups[0]
    return str(state), len(members)
