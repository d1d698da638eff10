"""The surroundings of a lane under test: real topics, a real store, and a feed without Faust."""

import asyncio
import contextlib
import json
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from plumbing.feeding import Feed
from plumbing.running import PATIENCE_S, Accompanied, check, stop
from wording.definitions import game, per

from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.ledger import LedgerReader, Position
from broker.producer import producer
from broker.topics import administrator, create_topics
from processor.lane import Lane
from processor.ledger import KafkaLedger, ledger_producer
from processor.messages import LaneContext
from processor.partition_runner import PartitionRunner
from processor.partition_state import PartitionState
from processor.rows import path_of
from processor.rules.compiling import compile_definitions
from processor.rulesets import Rulesets
from processor.sender import KafkaSender
from processor.storage import StorageConfig
from processor.user_cache import CacheBudget
from schemas.topics import Topics

# No two lanes have the same, whatever ledger they write to.
TOKENS = count()
MARKER = {"type": "definitions", "version": 1}


def awarding(points):
    """Return the rules of a game that awards so many points for each commit."""
    return compile_definitions(game(["commits"], points={"xp": per(1, points)}), 1)


class Judging:
    """Topics of a test's own, and lanes on them."""

    def __init__(self, connection, topics, writer, sender, rulesets, opened):
        self.connection = connection
        self.topics = topics
        self.writer = writer
        self.sender = sender
        self.rulesets = rulesets
        self._opened = opened
        self._feeds = {}

    async def publish(self, *events, partition=0):
        """Append events (dictionaries, or bytes) to a partition."""
        for event in events:
            raw = event if isinstance(event, bytes) else json.dumps(event).encode()
            await self.sender.send_and_wait(self.topics.events, raw, partition=partition)

    async def recreate(self, topic, *events):
        """Delete a topic, make it anew and publish to it."""
        async with administrator(self.connection) as admin:
            await admin.delete_topics([topic])
            async with asyncio.timeout(PATIENCE_S):
                while topic not in await create_topics(self.connection, self.topics, 1):
                    await asyncio.sleep(0.1)
        # One that knows the old topic would go on counting where it was.
        self.sender = producer(self.connection)
        await self.sender.start()
        self._opened.push_async_callback(self.sender.stop)
        await self.publish(*events)

    async def remove_before(self, topic, offset):
        """Remove the first records of a topic, as retention does."""
        async with administrator(self.connection) as admin:
            await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(offset)})

    async def another_writer(self):
        """Return a ledger producer as another worker has one."""
        writer = ledger_producer(self.connection)
        await writer.start()
        self._opened.push_async_callback(writer.stop)
        return writer

    async def folded(self, store):
        """Wait until a store stands at the end of the ledger."""
        async with LedgerReader(self.connection, self.topics.ledger, {0: Position()}) as reader:
            end = (await reader.ends())[0]
        async with asyncio.timeout(PATIENCE_S):
            while PartitionState(store, 0).ledger < end:
                await asyncio.sleep(0.02)

    def context(self, partition=0, partitions=1, *, points=1, epoch=0, rules=None):
        """Return a lane's context with a token of its own, for points unless rules are given."""
        rules = rules or awarding(points)
        token = f"lane{next(TOKENS)}"
        signer = self.connection.signer(self.topics.events)
        return LaneContext(
            partition, partitions, epoch, token, lambda _tenant, _version: rules, signer
        )

    def ledger(self, partition=0, writer=None):
        return KafkaLedger(self.connection, writer or self.writer, self.topics.ledger, partition)

    def start_lane(self, state, context=None, ledger=None, *, companions=lambda _tools: ()):
        """Run a lane; return its task. `companions` makes what runs beside it of its tools."""

        def make(feed):
            lane = self._lane(state, context or self.context(), feed, ledger)
            return Accompanied(lane, companions(lane.tools(self.connection)))

        return self._start(make)

    def _lane(self, state, context, feed, ledger):
        return Lane(
            context=context,
            state=state,
            feed=feed,
            ledger=ledger or self.ledger(context.partition),
            sender=KafkaSender(self.sender, self.topics),
            topics=self.topics,
            rulesets=self.rulesets,
        )

    def start_runner(
        self, slot, snapshot_dir, ledger=None, *, context=None, companions=lambda _tools: (), **care
    ):
        """Have a worker run partition 0; return the task.

        `companions` makes what runs beside the lane of the lane's tools.
        """
        storage = StorageConfig(slot=slot, snapshot_dir=snapshot_dir, budget=CacheBudget(), **care)
        ledger = ledger or self.ledger()

        def make(feed):
            return PartitionRunner(
                partition=0,
                storage=storage,
                ledger=ledger,
                feed=feed,
                topics=self.topics,
                make_lane=lambda state: self._lane(state, context or self.context(), feed, ledger),
                make_companions=lambda lane: companions(lane.tools(self.connection)),
            )

        return self._start(make)

    def _start(self, make):
        loops: list[Any] = []

        def put(start, messages):
            loops[0].put(start, messages)

        feed = Feed(self.connection, put)
        loops.append(make(feed))

        async def run():
            await feed.start()
            fetching = asyncio.create_task(feed.fetch())
            try:
                await loops[0].run()
            finally:
                fetching.cancel()
                await asyncio.gather(fetching, return_exceptions=True)
                await feed.stop()

        task = asyncio.create_task(run())
        self._feeds[task] = feed
        self._opened.push_async_callback(stop, task)
        return task

    async def read(self, partition=0):
        """Return the records of a partition that count, and how many do not."""
        positions = {partition: Position()}
        async with LedgerReader(self.connection, self.topics.ledger, positions) as reader:
            records, skipped = [], 0
            while await reader.lag():
                for batch in (await reader.read()).values():
                    records += [record for _offset, record in batch.records]
                    skipped += batch.skipped
        return records, skipped

    async def judged(self, count, *tasks, partition=0):
        """Wait until so many records count, and return them; an ended task fails the test.

        If it is one task, it has stored them too.
        """
        records: list[Any] = []
        async with asyncio.timeout(PATIENCE_S):
            while len(records) < count or not self._is_stored(records, tasks):
                check(tasks)
                await asyncio.sleep(0.02)
                records, _skipped = await self.read(partition)
        return records

    async def until(self, holds, *tasks):
        """Wait until the records fulfil something, and return them."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                records, _skipped = await self.read()
                if holds(records):
                    return records
                check(tasks)
                await asyncio.sleep(0.05)

    def _is_stored(self, records, tasks):
        return len(tasks) > 1 or self._feeds[tasks[0]].hinted > records[-1].source.offset


@contextlib.asynccontextmanager
async def judging(kafka, prefix, partitions=1, *, secrets=None):
    """Give topics and what lanes on them need; with secrets they sign, and check what comes."""
    connection, topics = Connection(kafka, secrets=secrets), Topics(f"{prefix}.")
    await create_topics(connection, topics, partitions)
    async with AsyncExitStack() as opened:
        writer, sender = ledger_producer(connection), producer(connection)
        for client in (writer, sender):
            await client.start()
            opened.push_async_callback(client.stop)
        reader = DefinitionsReader(connection, topics.definitions)
        rulesets = Rulesets(await opened.enter_async_context(reader))
        yield Judging(connection, topics, writer, sender, rulesets, opened)


def event(user="ada", **fields):
    """Return a commit of a user."""
    return {"user": user, "metric": "commits", "value": 1, **fields}


def offsets(records):
    """Return the source offsets of records."""
    return [record.source.offset for record in records]


def total_of(store, user="ada", partition=0, *, tenant="default"):
    """Return a user's total as a store has it."""
    own = PartitionState(store, partition).users.get(path_of(tenant, user))
    return own and own.series["commits"].total
