"""Clients of the broker: they start, stop, and let go of their caller."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TopicAlreadyExistsError
from plumbing.running import PATIENCE_S

from broker.connection import Connection
from broker.ledger import LedgerReader, Position
from broker.topics import check_topics, create_topics, partition_count
from schemas.topics import Topics

TIMES = 40


async def test_a_cancellation_is_heard_whenever_it_comes(stack, prefix):
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, 1)

    async def read_again_and_again():
        while True:
            async with LedgerReader(connection, topics.ledger, {0: Position()}) as reader:
                await reader.ends()

    for number in range(TIMES):
        reading = asyncio.create_task(read_again_and_again())
        await asyncio.sleep(0.005 + number * 0.0013)
        reading.cancel()
        done, _ = await asyncio.wait({reading}, timeout=PATIENCE_S)
        assert done, f"it went on after a cancellation, {number}"
        assert reading.cancelled()


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancellation_is_heard_while_an_administrator_leaves(
    stack, prefix, monkeypatch, turns
):
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, 1)
    leaving = asyncio.Event()
    close = AIOKafkaAdminClient.close

    async def seen_to_leave(admin):
        leaving.set()
        await close(admin)

    async def ask_and_rest():
        await partition_count(connection, topics.events)
        await asyncio.sleep(PATIENCE_S)

    monkeypatch.setattr(AIOKafkaAdminClient, "close", seen_to_leave)
    asking = asyncio.create_task(ask_and_rest())
    async with asyncio.timeout(PATIENCE_S):
        await leaving.wait()
    for _ in range(turns):
        await asyncio.sleep(0)
    asking.cancel()
    done, _ = await asyncio.wait({asking}, timeout=2)
    if not done:
        asking.cancel()
        await asyncio.wait({asking})
    assert done, "it went on after a cancellation"


async def test_a_topic_that_was_still_being_deleted_is_asked_for_again(stack, prefix, monkeypatch):
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    create, asked = AIOKafkaAdminClient.create_topics, []

    async def answered(admin, new, **more):
        (topic,) = new
        asked.append(topic.name)
        if asked.count(topics.events) == 1 and topic.name == topics.events:
            there = (topic.name, TopicAlreadyExistsError.errno, "it is there")
            return SimpleNamespace(topic_errors=[there])
        return await create(admin, new, **more)

    monkeypatch.setattr(AIOKafkaAdminClient, "create_topics", answered)
    assert topics.events in await create_topics(connection, topics, 1)
    assert not (await check_topics(connection, topics)).problems
    assert asked.count(topics.events) == 2
    assert asked.count(topics.ledger) == 1
