"""The surroundings of a lane under test: real topics, a real store, and a feed without Faust."""

import asyncio
import contextlib
import json
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import RecordsToDelete
from given import game, per

from broker.connection import Connection, start_consumer, stop_consumer
from broker.definitions import DefinitionsReader
from broker.ledger import LedgerReader, Position
from broker.producer import producer
from broker.topics import administrator, create_topics
from processor.assignment import Assignment, Keeping
from processor.games import Games
from processor.judge import Message, Seat
from processor.lane import Lane
from processor.ledger import KafkaLedger, ledger_producer
from processor.rules.game import compile_game
from processor.sender import KafkaSender
from processor.state import HotRoom, PartitionState
from schemas.topics import Topics

PATIENCE_S = 20
# No two lanes have the same, whatever ledger they write to.
TOKENS = count()
MARKER = {"type": "definitions", "version": 1}


def awarding(points):
    """Return a compiled game that awards so many points for each commit."""
    return compile_game(game(["commits"], points={"xp": per(1, points)}), 1)


class Feed:
    """Hands a lane the chunks that it asks for, as the transport does."""

    def __init__(self, connection, put):
        self._consumer = AIOKafkaConsumer(
            **connection.options(), enable_auto_commit=False, auto_offset_reset="none"
        )
        self._put = put
        self._wanted = None
        self._paused = False
        self.hinted = 0

    def start_at(self, topic, partition, offset):
        self._wanted = TopicPartition(topic, partition), offset

    def pause(self, _topic, _partition):
        self._paused = True

    def resume(self, _topic, _partition):
        self._paused = False

    async def bounds(self, topic, partition):
        tp = TopicPartition(topic, partition)
        first = await self._consumer.beginning_offsets([tp])
        end = await self._consumer.end_offsets([tp])
        return first[tp], end[tp]

    async def committed(self, _topic, _partition):
        return None

    def hint(self, _topic, _partition, offset, _metadata=""):
        self.hinted = offset

    async def start(self):
        await start_consumer(self._consumer)

    async def stop(self):
        await stop_consumer(self._consumer)

    async def fetch(self):
        """Fetch until cancelled."""
        due = 0
        while True:
            if self._wanted is not None:
                (tp, due), self._wanted = self._wanted, None
                self._consumer.assign([tp])
                self._consumer.seek(tp, due)
            if not self._consumer.assignment() or self._paused:
                await asyncio.sleep(0.01)
                continue
            for messages in (await self._consumer.getmany(timeout_ms=20)).values():
                if self._wanted is None:
                    start, due = due, messages[-1].offset + 1
                    self._put(start, [Message(*fields_of(it)) for it in messages])


def fields_of(message):
    headers = tuple(message.headers)
    return message.offset, message.timestamp, message.key, message.value, headers


class Judging:
    """Topics of a test's own, and lanes on them."""

    def __init__(self, connection, topics, writer, sender, games, opened):
        self.connection = connection
        self.topics = topics
        self.writer = writer
        self.sender = sender
        self.games = games
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

    def seat(self, partition=0, partitions=1, *, points=1, epoch=0, compiled=None):
        """Return a seat with a token of its own, for a game of points unless one is given."""
        compiled = compiled or awarding(points)
        token = f"lane{next(TOKENS)}"
        return Seat(partition, partitions, epoch, token, lambda _tenant, _version: compiled)

    def ledger(self, partition=0):
        return KafkaLedger(self.connection, self.writer, self.topics.ledger, partition)

    def start_lane(self, state, seat=None, ledger=None):
        """Run a lane; return its task."""
        return self._start(lambda feed: self._lane(state, seat or self.seat(), feed, ledger))

    def _lane(self, state, seat, feed, ledger):
        return Lane(
            seat=seat,
            state=state,
            feed=feed,
            ledger=ledger or self.ledger(seat.partition),
            sender=KafkaSender(self.sender, self.topics),
            topics=self.topics,
            games=self.games,
        )

    def start_assignment(
        self, slot, snapshot_dir, ledger=None, *, seat=None, companions=lambda _tools: (), **care
    ):
        """Run a worker's assignment of partition 0; return its task.

        `companions` makes what runs beside the lane of the lane's tools.
        """
        keeping = Keeping(slot=slot, snapshot_dir=snapshot_dir, room=HotRoom(), **care)
        ledger = ledger or self.ledger()

        def make(feed):
            return Assignment(
                partition=0,
                keeping=keeping,
                ledger=ledger,
                feed=feed,
                topics=self.topics,
                make_lane=lambda state: self._lane(state, seat or self.seat(), feed, ledger),
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
                for task in tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.02)
                records, _skipped = await self.read(partition)
        return records

    def _is_stored(self, records, tasks):
        return len(tasks) > 1 or self._feeds[tasks[0]].hinted > records[-1]["source"][2]


async def stop(task):
    """End a task and wait for it."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task


@contextlib.asynccontextmanager
async def judging(kafka, prefix, partitions=1):
    """Give topics and what lanes on them need."""
    connection, topics = Connection(kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, partitions)
    async with AsyncExitStack() as opened:
        writer, sender = ledger_producer(connection), producer(connection)
        for client in (writer, sender):
            await client.start()
            opened.push_async_callback(client.stop)
        reader = DefinitionsReader(connection, topics.definitions)
        games = Games(await opened.enter_async_context(reader))
        yield Judging(connection, topics, writer, sender, games, opened)


def event(user="ada", **fields):
    """Return a commit of a user."""
    return {"user": user, "metric": "commits", "value": 1, **fields}


def offsets(records):
    """Return the source offsets of records."""
    return [record["source"][2] for record in records]


def total_of(path_or_store, user="ada", partition=0):
    """Return a user's total as a store has it."""
    standing = PartitionState(path_or_store, partition).standing("default", user)
    return standing and standing["series"]["commits"][0]
