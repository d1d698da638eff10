"""The surroundings of a projector under test: topics of its own, a producer, and a database."""

import asyncio
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import orjson
from aiokafka import AIOKafkaProducer

from broker.connection import Connection as Kafka
from broker.topics import create_topics
from projections.database import connect
from projections.lag import ledger_lag
from projections.runner import Projector
from schemas.codec import write_record, write_version
from schemas.definitions import Definitions
from schemas.topics import Topics
from schemas.versions import succeed

PATIENCE_S = 20

VERSION = succeed(None, Definitions(), "default", datetime(2024, 3, 1, tzinfo=UTC))


class World:
    """Topics of one test's own, with a producer to fill them and a database to look into."""

    def __init__(self, kafka, topics, producer, dsn):
        """Take the two sides."""
        self.kafka, self.topics, self.producer, self.dsn = kafka, topics, producer, dsn
        self._sent = {}

    async def publish(self, *ledgers):
        """Append what has been added to the ledgers since the last time."""
        for ledger in ledgers:
            start = self._sent.get(ledger.partition, 0)
            for record in ledger.records[start:]:
                await self._append(ledger.partition, write_record(record))
            self._sent[ledger.partition] = len(ledger.records)
        await self.producer.flush()

    async def publish_raw(self, partition, raw):
        await self._append(partition, raw)
        await self.producer.flush()

    async def _append(self, partition, raw):
        await self.producer.send(self.topics.ledger, raw, partition=partition)

    async def profile(self, user, **fields):
        value = orjson.dumps({"tenant": "default", "user": user, **fields})
        await self.producer.send_and_wait(self.topics.profiles, value, key=user.encode())

    async def caught_up(self):
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if not await ledger_lag(self.dsn, self.kafka, self.topics):
                    return
                await asyncio.sleep(0.05)

    async def seen(self, read, wanted):
        """Wait until a read gives what is wanted."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with connect(self.dsn) as connection:
                    if await read(connection) == wanted:
                        return
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def projecting(self, **options):
        """Run a projector meanwhile."""
        projector = Projector(self.dsn, self.kafka, self.topics, **options)
        running = asyncio.create_task(projector.run())
        try:
            yield projector
            if running.done():
                running.result()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def new_world(stack, dsn):
    """Make topics of two partitions, with a version on them, beside the tables of `dsn`."""
    kafka = Kafka(stack.kafka)
    topics = Topics(prefix=f"{uuid.uuid4().hex[:8]}.")
    await create_topics(kafka, topics, 2)
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka, enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(topics.definitions, write_version(VERSION), partition=0)
        yield World(kafka, topics, producer, dsn)
    finally:
        await producer.stop()
