"""Make a ledger long, quickly: valid records, chained, that were judged once and copied often.

For measurements of what depends on a ledger's length only. The events topic grows as the ledger
does, by records that nobody reads any more; the group of the workers stands at the end.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata
from msgspec.structs import replace

from broker.connection import Connection, start_consumer
from broker.ledger import LedgerReader, Position
from broker.producer import producer as new_producer
from processor.announcer import write_link
from schemas.codec import write_record
from schemas.order import link_of
from schemas.records import Record, Source
from schemas.topics import Topics

BATCH_RECORDS: Final = 2000
GROUP_WAIT_S: Final = 30.0
GROUP_PAUSE_S: Final = 1.0
SPENT_EVENT: Final = b"{}"
LANE: Final = "filler"


async def fill(
    connection: Connection, topics: Topics, *, group: str, records: int
) -> dict[int, int]:
    """Copy what is on the ledger until it has so many records; return the end of each partition.

    Every partition must hold a record of an event already, and no worker may run meanwhile.
    """
    found, positions = await _read(connection, topics)
    share = -(-records // len(found))
    ends: dict[int, Position] = {}
    async with new_producer(connection) as producer:
        for partition, judged in found.items():
            wanted = max(0, share - positions[partition].offset)
            ends[partition] = await _extend(
                producer, topics, judged, positions[partition], partition, wanted
            )
    await _stand_at(connection, topics, group, ends)
    return {partition: position.offset for partition, position in ends.items()}


async def _read(
    connection: Connection, topics: Topics
) -> tuple[dict[int, list[Record]], dict[int, Position]]:
    consumer = AIOKafkaConsumer(topics.ledger, **connection.options())
    await start_consumer(consumer)
    partitions = sorted(consumer.partitions_for_topic(topics.ledger) or ())
    await consumer.stop()
    found: dict[int, list[Record]] = {partition: [] for partition in partitions}
    start = dict.fromkeys(partitions, Position())
    async with LedgerReader(connection, topics.ledger, start) as reader:
        while await reader.lag():
            for partition, batch in (await reader.read()).items():
                found[partition] += [record for _, record in batch.records if record.user]
        return found, dict(reader.positions)


async def _extend(
    producer: AIOKafkaProducer,
    topics: Topics,
    judged: list[Record],
    position: Position,
    partition: int,
    count: int,
) -> Position:
    offset, last = position
    if last is None or not judged:
        raise ValueError(f"partition {partition} of {topics.ledger} holds nothing to copy")
    for begun in range(0, count, BATCH_RECORDS):
        numbers = range(begun, min(begun + BATCH_RECORDS, count))
        # A worker looks whether the last event judged is the one that stands there.
        spent = [
            await producer.send(topics.events, SPENT_EVENT, partition=partition) for _ in numbers
        ]
        appended = [(await it).timestamp for it in spent]
        sent = []
        for number, at in zip(numbers, appended, strict=True):
            copied = judged[number % len(judged)]
            source = last.offset + 1
            record = replace(
                copied,
                source=Source(last.epoch, partition, source),
                after=last,
                appended=at,
                key=None if copied.key is None else f"filler-{source}",
                id=None,
                lane=None if last.lane == LANE else LANE,
            )
            last = link_of(record)
            key = (record.user or "").encode()
            raw = write_record(record)
            sent.append(await producer.send(topics.ledger, raw, key=key, partition=partition))
        for acknowledged in sent:
            await acknowledged
    return Position(offset + count, last)


async def _stand_at(
    connection: Connection, topics: Topics, group: str, ends: Mapping[int, Position]
) -> None:
    """Have the group announce nothing of what was copied."""
    consumer = AIOKafkaConsumer(**connection.options(), group_id=group, enable_auto_commit=False)
    await start_consumer(consumer)
    try:
        tps = {TopicPartition(topics.ledger, partition): it for partition, it in ends.items()}
        consumer.assign(list(tps))
        offsets = {tp: OffsetAndMetadata(it.offset, write_link(it.last)) for tp, it in tps.items()}
        async with asyncio.timeout(GROUP_WAIT_S):
            while True:
                try:
                    await consumer.commit(offsets)
                except CommitFailedError:
                    # A worker that has just ended is a member until its session times out.
                    await asyncio.sleep(GROUP_PAUSE_S)
                else:
                    return
    finally:
        await consumer.stop()
