"""The surroundings of a notifier under test: a ledger, what the projector left, and a receiver.

The ledger records are made by hand, and so is what the projector would have stored: the notifier
knows neither the judge nor the projector, only what they leave behind.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Any

import psycopg
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer
from aiokafka import AIOKafkaProducer
from msgspec.structs import astuple

from broker.connection import Connection
from broker.topics import create_topics
from notifier import endpoints
from notifier.notifier import Config, Notifier
from projections.migrations import migrate
from schemas.codec import write_record, write_version
from schemas.definitions import Definitions
from schemas.entries import LevelEntry
from schemas.instants import MILLISECOND, micros
from schemas.records import RECORD_VERSION, Link, Record, Source, event_id_of, link_of
from schemas.topics import Topics
from schemas.versions import succeed

AT = datetime(2025, 3, 1, 12, tzinfo=UTC)
GAME = Definitions.model_validate(
    {
        "points": [
            {
                "key": "xp",
                "name": "XP",
                "maxPoints": 1000,
                "badge": {"url": "https://example.com/xp.png"},
                "levels": [
                    {"key": "bronze", "name": "Bronze", "points": 0},
                    {"key": "silver", "name": "Silver", "points": 50},
                ],
            }
        ]
    }
)
LANE = "lane"
PATIENCE_S = 120


class World:
    """A ledger, the read models behind it, and the notifier's surroundings."""

    def __init__(self, connection, topics, dsn, producer, receiver):
        self.connection = connection
        self.topics = topics
        self.dsn = dsn
        self.producer = producer
        self.receiver = receiver
        self.last: dict[int, Link | None] = {0: None, 1: None}
        self.ends = {0: 0, 1: 0}
        self.count = 0

    async def publish_game(self, tenant="default"):
        version = succeed(None, GAME, tenant, AT)
        await self.producer.send_and_wait(self.topics.definitions, write_version(version))

    async def level(self, user="ann", before=None, after="bronze", total=10, **special):
        """Append the record of one change of level, and project it."""
        return await self.append([level_entry(before, after, total)], user=user, **special)

    async def append(
        self, entries, *, user="ann", partition=0, tenant="default", project=True, **fields
    ):
        """Append a record as a lane would, and return its id."""
        self.count += 1
        after = fields.pop("after", self.last[partition])
        record = Record(
            RECORD_VERSION,
            Source(0, partition, self.count),
            after,
            micros(AT) // MILLISECOND,
            definitions=1,
            rules=1,
            user=user,
            entries=entries,
            tenant=tenant,
            lane=None if after is not None and after.lane == LANE else LANE,
            **fields,
        )
        sent = await self.producer.send_and_wait(
            self.topics.ledger, write_record(record), partition=partition
        )
        self.ends[partition] = sent.offset + 1
        if after == self.last[partition]:
            self.last[partition] = link_of(record)
        if project:
            await self.project((tenant, user))
        return event_id_of(record)

    async def project(self, *people):
        """Store what the projector would have stored of the ledger up to its end."""
        async with await psycopg.AsyncConnection.connect(self.dsn) as database:
            for tenant, user in people:
                await database.execute(
                    "INSERT INTO read.users"
                    " (tenant, user_id, tz, attributes, created, updated, last_seen)"
                    " VALUES (%s, %s, 'Europe/Berlin', '{\"plan\": \"free\"}', %s, %s, %s)"
                    " ON CONFLICT DO NOTHING",
                    (tenant, user, AT, AT, AT),
                )
            for partition, end in self.ends.items():
                last = self.last[partition]
                epoch, offset, lane = astuple(last) if last else (None, None, None)
                await database.execute(
                    "INSERT INTO read.positions"
                    " (partition, next_offset, epoch, source_offset, lane)"
                    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (partition) DO UPDATE SET"
                    " (next_offset, epoch, source_offset, lane) = (%s, %s, %s, %s)",
                    (partition, end, epoch, offset, lane, end, epoch, offset, lane),
                )

    async def execute(self, query, *parameters):
        async with await psycopg.AsyncConnection.connect(self.dsn) as database:
            cursor = await database.execute(query, parameters)
            return await cursor.fetchall() if cursor.description else []

    def config(self, **special):
        settings: dict[str, Any] = {
            "schedule": (0.1, 0.2),
            "timeout_s": 10.0,
            "allow_private": True,
        }
        return Config(self.connection, self.topics, self.dsn, **(settings | special))

    @contextlib.asynccontextmanager
    async def notifier(self, *, settled=True, **special):
        """Run a notifier for the block; stopped as a killed one would be, whatever it is at."""
        notifier = Notifier(self.config(**special))
        task = asyncio.create_task(notifier.run())
        try:
            if settled:
                await eventually(notifier.caught_up)
            yield notifier
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def add(self, path="/", **special):
        return await endpoints.add(self.dsn, self.receiver.url(path), allow_private=True, **special)

    async def listed(self, webhook):
        return {item.id: item for item in await endpoints.webhooks(self.dsn)}[webhook.id]


class Receiver:
    """Answers requests; `statuses` says how, by path: a status, or None for no answer at all."""

    def __init__(self):
        self.got = []
        self.times = []
        self.statuses = {}
        self.released = asyncio.Event()
        self.server: BaseTestServer | None = None

    def url(self, path):
        assert self.server is not None
        return str(self.server.make_url(path))

    def ids(self, path="/"):
        return [headers["webhook-id"] for where, headers, _ in self.got if where == path]

    async def take(self, request):
        body = await request.read()
        self.times.append(time.monotonic())
        self.got.append((request.path, request.headers, body))
        statuses = self.statuses.get(request.path, [200])
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        if status is None:
            await self.released.wait()
        return web.Response(status=status or 200, text="out of order" if status == 500 else "")


def level_entry(before, after, total, *, quiet=False):
    return LevelEntry("xp", before, after, total, quiet)


async def eventually(check, patience_s=PATIENCE_S):
    """Wait until a condition holds; the condition may be asynchronous."""
    async with asyncio.timeout(patience_s):
        while True:
            result = check()
            if await result if asyncio.iscoroutine(result) else result:
                return
            await asyncio.sleep(0.02)


async def delivered(world, webhook, count):
    return (await world.listed(webhook)).delivered == count


async def failed(world, webhook, count):
    return (await world.listed(webhook)).failed == count


@contextlib.asynccontextmanager
async def receiving():
    """Run a receiver for the block."""
    receiver = Receiver()
    application = web.Application()
    application.router.add_post("/{tail:.*}", receiver.take)
    async with TestServer(application) as server:
        receiver.server = server
        try:
            yield receiver
        finally:
            receiver.released.set()


@contextlib.asynccontextmanager
async def new_world(stack, dsn, prefix):
    """Make a world with two partitions and the tables of `dsn`, and a receiver for its webhooks."""
    connection = Connection(stack.kafka)
    topics = Topics(prefix=f"{prefix}.")
    await create_topics(connection, topics, partitions=2)
    await migrate(dsn)
    async with receiving() as receiver:
        producer = AIOKafkaProducer(**connection.options(), acks="all")
        await producer.start()
        try:
            world = World(connection, topics, dsn, producer, receiver)
            await world.publish_game()
            yield world
        finally:
            await producer.stop()
