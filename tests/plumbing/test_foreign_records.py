"""Records of somebody else on xpledger's own topics: every reader passes over them alike."""

import asyncio
from datetime import UTC, datetime

import pytest
from plumbing.gateway_world import a_world
from plumbing.judging import MARKER, event, judging, total_of
from plumbing.running import PATIENCE_S, stop
from plumbing.test_definitions_reader import ONE
from plumbing.test_find_record import a_ledger
from prometheus_client import REGISTRY
from wording import batches
from wording.junk import JUNK

from broker.definitions import DefinitionsReader
from broker.ledger import LedgerReader, Position
from broker.producer import producer
from processor.partition_state import PartitionState
from schemas.codec import UnreadableRecordError, write_version
from schemas.records import event_id_of
from schemas.versions import succeed

NEWER = b'{"v":3,"what":"nobody knows"}'


def counted(topic):
    return REGISTRY.get_sample_value("xp_foreign_records_total", {"topic": topic}) or 0


async def litter(world, topic, *values):
    """Append records of somebody else, among them one that no client can read."""
    for value in values or JUNK:
        await world.sender.send_and_wait(topic, value, key=b"k", partition=0)
    await send(world, topic, UNREADABLE)


async def send(world, topic, raw):
    async with producer(world.connection) as client:
        await (await client.send_batch(batches.Ready(raw), topic, partition=0))


UNREADABLE = batches.spoilt(batches.batch((None, b"{}", [("name", None)])), b"name", b"n\xff\xfee")


async def test_a_lane_folds_and_appends_over_them(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        ledger = world.topics.ledger
        await litter(world, ledger)
        await world.publish(MARKER, event())
        lane = world.start_lane(PartitionState(disk(), 0))
        await world.judged(2, lane)
        # Between two batches of a lane that runs: it notices, folds and goes on.
        await litter(world, ledger)
        # The offset after these has no record, nor will it ever have one.
        await send(world, ledger, batches.claiming(0, 0, 0))
        await world.publish(event())
        await world.judged(3, lane)
        await stop(lane)
        assert total_of(disk()) == 2
        lane = world.start_lane(PartitionState(disk("anew"), 0))
        await world.publish(event())
        records = await world.judged(4, lane)
        await stop(lane)
        assert [it.outcome for it in records] == ["applied"] * 4
        assert total_of(disk("anew")) == 3
        assert counted(ledger) >= len(JUNK) - 2
        async with LedgerReader(world.connection, ledger, {0: Position()}) as reader:
            async with asyncio.timeout(PATIENCE_S):
                while await reader.lag():
                    await reader.read()


async def test_a_record_of_a_newer_program_stops_who_cannot_read_it(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await litter(world, world.topics.ledger, NEWER)
        await world.publish(MARKER)
        lane = world.start_lane(PartitionState(disk(), 0))
        with pytest.raises(UnreadableRecordError, match="record version 3 is unknown"):
            await asyncio.wait_for(lane, PATIENCE_S)


async def test_a_record_is_found_among_them(stack, prefix):
    async with a_ledger(stack, prefix) as (writers, find):
        writer = writers[0]
        for offset in range(12):
            for value in JUNK:
                await writer._producer.send(
                    writer._topics.ledger, value, key=b"k", partition=0, timestamp_ms=0
                )
            await writer.run([offset])
        for offset in (0, 5, 11):
            found = await find(f"0-0-{offset}")
            assert event_id_of(found) == f"0-0-{offset}"
        assert await find("0-0-12") is None


async def test_the_gateway_finds_its_verdict_behind_them(stack, database):
    async with a_world(stack, database) as world:
        for value in JUNK:
            await world.producer.send_and_wait(world.topics.ledger, value, key=b"k", partition=0)
            await world.producer.send_and_wait(world.topics.ledger, value, key=b"k", partition=1)
        posted = asyncio.create_task(world.post())
        await world.judge()
        assert (await posted).status_code in (201, 202)


async def test_definitions_are_read_to_the_end_over_them(stack, prefix):
    async with judging(stack.kafka, prefix) as world:
        topic = world.topics.definitions
        await litter(world, topic)
        first = succeed(None, ONE, "default", datetime.now(UTC))
        await world.sender.send_and_wait(topic, write_version(first), partition=0)
        await litter(world, topic)
        await send(world, topic, batches.claiming(0, 0, 0))
        async with DefinitionsReader(world.connection, topic) as reader:
            assert reader.head("default") == first
            await asyncio.wait_for(reader.refresh(), PATIENCE_S)
        assert counted(topic) > 0
