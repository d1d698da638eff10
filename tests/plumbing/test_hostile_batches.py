"""Batches that a broker takes and a client cannot read: on real topics, and no reader stops."""

import asyncio

import cramjam
from aiokafka import AIOKafkaProducer
from plumbing.judging import MARKER, event, judging, offsets, total_of
from plumbing.running import stop
from wording import batches

from processor.partition_state import PartitionState


async def send(world, *sent_batches, topic=None, partition=0):
    """Send batches as they are."""
    async with AIOKafkaProducer(**world.connection.options(), max_request_size=2**22) as producer:
        for raw in sent_batches:
            sent = await producer.send_batch(
                batches.Ready(raw), topic or world.topics.events, partition=partition
            )
            await asyncio.wait_for(sent, 10)


UNREADABLE = batches.spoilt(
    batches.batch((None, b"{}", ()), (None, b"{}", [("name", None)]), (None, b"{}", ())),
    b"name",
    b"n\xff\xfee",
)
"""Three records; the name of a header of the second one is no UTF-8."""


async def test_a_lane_passes_over_what_cannot_be_read_with_a_record_of_its_own(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER, event())
        await send(world, UNREADABLE, batches.packed(UNREADABLE))
        await world.publish(event())
        lane = world.start_lane(PartitionState(disk(), 0))
        records = await world.judged(9, lane)
        assert offsets(records) == list(range(9))
        assert [it.outcome for it in records[2:8]] == ["dead"] * 6
        reason = "the record cannot be read: the name of a header is no UTF-8"
        assert [it.reason == reason for it in records[2:8]] == [False, True, False] * 2
        await stop(lane)
        assert total_of(disk()) == 2
        # The last record tells a new lane whether the topic is the one of then: that one as well.
        await send(world, batches.claiming(0))
        await send(world, UNREADABLE)
        lane = world.start_lane(PartitionState(disk(), 0))
        await world.judged(13, lane)
        await stop(lane)
        await world.publish(event())
        lane = world.start_lane(PartitionState(disk("anew"), 0))
        await world.judged(14, lane)
        await stop(lane)
        assert total_of(disk("anew")) == 3


async def test_records_that_claim_offsets_far_ahead_lead_no_lane_astray(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER)
        await send(world, batches.claiming(2**31 - 1, 5), batches.claiming(0, 0, 0))
        await world.publish(event())
        lane = world.start_lane(PartitionState(disk(), 0))
        records = await world.until(lambda found: found and found[-1].source.offset == 6, lane)
        assert records[-1].outcome == "applied"
        assert offsets(records)[:3] == [0, 1, 2]
        await stop(lane)
        # Nor the next one.
        await world.publish(event())
        lane = world.start_lane(PartitionState(disk(), 0))
        await world.until(lambda found: found and found[-1].source.offset == 7, lane)


async def test_a_batch_that_fills_the_memory_is_one_dead_record(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER)
        bomb = batches.batch(*[(None, bytes(2**20), ())] * 70, codec=batches.ZSTD)
        large = batches.batch((b"k" * 5000, bytes(2**21), ()), codec=batches.ZSTD)
        assert len(cramjam.zstd.decompress(bomb[61:])) > 2**26
        await send(world, bomb, large)
        await world.publish(event())
        lane = world.start_lane(PartitionState(disk(), 0))
        records = await world.judged(4, lane)
        assert [it.outcome for it in records] == ["applied", "dead", "dead", "applied"]
        assert offsets(records) == [0, 70, 71, 72]
        assert "the records 1 to 70 came as a batch that" in records[1].reason
        assert records[2].reason == "an event may have 65536 bytes, not 2097152"
