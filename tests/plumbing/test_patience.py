"""Fetches that wait long: nothing that comes, and nobody who asks, waits with them."""

import asyncio
import gc
import time
from contextlib import suppress

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.errors import KafkaConnectionError
from plumbing.running import PATIENCE_S

from broker import patience
from broker.connection import Connection, start_consumer, stop_consumer
from broker.definitions import DefinitionsReader
from broker.ends import EndOffsets
from broker.ledger import LedgerReader, Position
from broker.producer import producer
from broker.topics import create_topics
from schemas.topics import Topics

# Far less than a fetch waits for, and far more than an answer takes.
AT_ONCE_S = 1.5


@pytest.fixture
async def world(stack, prefix):
    """Return a connection and the topics of a new world, of two partitions."""
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, 2)
    return connection, topics


@pytest.fixture
async def consumer(world):
    """Return a consumer that fetches patiently, and has not been told what."""
    connection, _topics = world
    made = AIOKafkaConsumer(**connection.options(), enable_auto_commit=False)
    await start_consumer(made)
    patience.fetch_patiently(made)
    yield made
    await stop_consumer(made)


async def send(world, partition, value=b"{}"):
    connection, topics = world
    async with producer(connection) as sender:
        await sender.send_and_wait(topics.events, value, partition=partition)


async def waiting(consumer):
    """Return once a fetch is under way that brings nothing for now."""
    async with asyncio.timeout(PATIENCE_S):
        while not consumer._fetcher._in_flight:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
    assert consumer._fetcher._in_flight


async def taken(consumer, tp):
    """Return the values that come of a partition, within a moment."""
    async with asyncio.timeout(AT_ONCE_S):
        while True:
            found = await consumer.getmany(tp, timeout_ms=100)
            if found:
                return [message.value for message in found[tp]]


async def test_an_idle_reader_seldom_asks(world, monkeypatch):
    connection, topics = world
    async with LedgerReader(connection, topics.ledger, {0: Position(), 1: Position()}) as reader:
        fetcher = reader._consumer._fetcher
        fetches = []
        fetch = fetcher._proc_fetch_request

        def counted(*given):
            fetches.append(given)
            return fetch(*given)

        monkeypatch.setattr(fetcher, "_proc_fetch_request", counted)
        assert await reader.read(3000) == {}
    assert len(fetches) <= 2


async def test_what_comes_ends_a_fetch_at_once(world, consumer):
    _connection, topics = world
    tp = TopicPartition(topics.events, 0)
    patience.fetch_from(consumer, {tp: 0})
    await waiting(consumer)
    await send(world, 0, b"come")
    assert await taken(consumer, tp) == [b"come"]


async def test_a_fetcher_that_is_woken_while_a_fetch_ends_goes_on_at_once(
    world, consumer, monkeypatch
):
    _connection, topics = world
    tp = TopicPartition(topics.events, 0)
    fetcher = consumer._fetcher
    fetch = fetcher._proc_fetch_request
    ended = asyncio.Event()

    async def woken_meanwhile(*given):
        brought = await fetch(*given)
        # The fetcher's turn comes when the fetch is over and its node still counts as busy.
        fetcher._notify(fetcher._wait_consume_future)
        await asyncio.sleep(0)
        ended.set()
        return brought

    monkeypatch.setattr(patience, "WAIT_MS", 200)
    monkeypatch.setattr(fetcher, "_proc_fetch_request", woken_meanwhile)
    patience.fetch_from(consumer, {tp: 0})
    async with asyncio.timeout(PATIENCE_S):
        await ended.wait()
    await send(world, 0, b"come")
    assert await taken(consumer, tp) == [b"come"]


async def test_a_partition_that_a_fetch_leaves_out_does_not_wait_for_it(world, consumer):
    _connection, topics = world
    busy, idle = (TopicPartition(topics.events, partition) for partition in (0, 1))
    patience.fetch_from(consumer, {busy: 0, idle: 0})
    await waiting(consumer)
    await send(world, 0, b"first")
    # Not taken for so long that the fetcher goes on without the partition.
    await asyncio.sleep(0.5)
    await send(world, 0, b"second")
    assert await taken(consumer, busy) == [b"first"]
    assert await taken(consumer, busy) == [b"second"]


async def test_who_reads_elsewhere_does_not_wait_for_the_fetch_under_way(world, consumer, caplog):
    _connection, topics = world
    tps = [TopicPartition(topics.events, partition) for partition in (0, 1)]
    await send(world, 0, b"there")
    patience.fetch_from(consumer, {tps[0]: 0})
    assert await taken(consumer, tps[0]) == [b"there"]
    for _ in range(5):
        await waiting(consumer)
        patience.fetch_from(consumer, {tps[0]: 0, tps[1]: 0})
        assert await taken(consumer, tps[0]) == [b"there"]
        assert patience.positions_of(consumer) == {tps[0]: 1, tps[1]: 0}
    # An abandoned fetch is no failure, and leaves no connection behind.
    assert not caplog.records
    assert consumer._client._conns.keys() == {(1, ConnectionGroup.DEFAULT), (1, patience.FETCHES)}


async def test_a_topic_that_is_new_to_a_consumer_does_not_wait_for_the_fetch_of_another(
    stack, prefix, caplog
):
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    idle, full = TopicPartition(topics.ledger, 0), TopicPartition(topics.events, 0)
    for _ in range(5):
        made = AIOKafkaConsumer(**connection.options(), enable_auto_commit=False)
        # Before the topics are there: nothing is known of their leaders.
        await start_consumer(made)
        patience.fetch_patiently(made)
        await create_topics(connection, topics, 1)
        await send((connection, topics), 0, b"there")
        patience.fetch_from(made, {idle: 0})
        await waiting(made)
        patience.fetch_from(made, {idle: 0, full: 0})
        assert await taken(made, full)
        await stop_consumer(made)
    assert not caplog.records


async def test_two_moves_in_a_row_are_one(world, consumer):
    _connection, topics = world
    tp = TopicPartition(topics.events, 0)
    for value in (b"0", b"1", b"2"):
        await send(world, 0, value)
    patience.fetch_from(consumer, {tp: 3})
    await waiting(consumer)
    for offset in (0, 2, 1):
        patience.fetch_from(consumer, {tp: offset})
        await asyncio.sleep(0)
    assert await taken(consumer, tp) == [b"1", b"2"]


async def test_who_asks_for_the_end_does_not_wait_for_an_idle_fetch(world):
    connection, topics = world
    async with LedgerReader(connection, topics.ledger, {0: Position(), 1: Position()}) as reader:
        await reader.ends()
        await waiting(reader._consumer)
        async with asyncio.timeout(AT_ONCE_S):
            assert await reader.ends() == {0: 0, 1: 0}


async def test_who_asks_for_the_end_while_it_is_closed_leaves_no_connection_behind(world):
    connection, topics = world
    for pause_s in (0, 0.001, 0.003, 0.01):
        ends = EndOffsets(connection)
        asking = asyncio.create_task(ends([TopicPartition(topics.ledger, 0)]))
        await asyncio.sleep(pause_s)
        await ends.close()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert ends._client is None
        with pytest.raises(KafkaConnectionError):
            await ends([TopicPartition(topics.ledger, 0)])


async def test_what_is_being_asked_ends_with_the_one_that_asks(world):
    connection, topics = world
    for number in range(40):
        ends = EndOffsets(connection)
        asking = asyncio.create_task(ends([TopicPartition(topics.ledger, 0)]))
        # While it connects, while it opens the connection that it asks over, and while it asks.
        while ends._client is None:
            await asyncio.sleep(0)
        for _ in range(number):
            await asyncio.sleep(0)
        await ends.close()
        with suppress(KafkaConnectionError):
            await asking
    # What was left open is told of when it is collected.
    gc.collect()
    await asyncio.sleep(0)
    gc.collect()


async def test_definitions_are_asked_for_without_waiting_for_an_idle_fetch(world):
    connection, topics = world
    async with DefinitionsReader(connection, topics.definitions) as reader:
        before = time.monotonic()
        for _ in range(10):
            await reader.refresh()
            await asyncio.sleep(0.02)
        assert time.monotonic() - before < AT_ONCE_S
