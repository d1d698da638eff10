"""Consumers without a group: they start, stop, and let go of their caller."""

import asyncio

from plumbing.running import PATIENCE_S

from broker.connection import Connection
from broker.ledger import LedgerReader, Position
from broker.topics import create_topics
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
