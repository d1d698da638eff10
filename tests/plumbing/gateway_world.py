"""A gateway on a real Kafka and a real Postgres, and a scribe that writes the ledger by hand.

No judge runs in here: a test says itself what the ledger's record on an event is to be, so that
whatever may stand in a ledger can be shown to the door.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from msgspec import convert
from stack import Stack

from broker.connection import Connection
from broker.topics import create_topics
from gateway.keys import create
from gateway.server import GatewayConfig, build_server, in_front
from projections.database import connect
from projections.migrations import migrate
from schemas.codec import write_record, write_version
from schemas.definitions import Definitions
from schemas.instants import MILLISECOND, micros
from schemas.records import (
    RECORD_VERSION,
    AnswerState,
    Link,
    Record,
    Source,
    event_id_of,
    link_of,
)
from schemas.streak_state import StreakState
from schemas.topics import Topics
from schemas.versions import Version, succeed

PARTITIONS = 2
# How long anything is waited for that is sure to come.
PATIENCE_S = 120.0
LANE = "scribe"
AT = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
_NUMBERS = itertools.count()

GAME: dict[str, Any] = {
    "settings": {"weekStart": "monday", "defaultTimeZone": "UTC"},
    "metrics": [{"key": "commits", "name": "Commits"}, {"key": "reviews", "name": "Reviews"}],
    "attributes": [
        {"key": "team", "type": "user", "name": "Team"},
        {"key": "repo", "type": "event", "name": "Repository"},
    ],
    "streak": {"frequency": "daily", "metrics": [{"metric": "commits", "threshold": 1}]},
    "achievements": [
        {
            "key": "ten",
            "name": "Ten",
            "trigger": "metric",
            "metric": "commits",
            "metricValue": 10,
            "badgeUrl": "https://example.com/ten.png",
        },
        {
            "key": "docs",
            "name": "Docs",
            "trigger": "metric",
            "metric": "commits",
            "metricValue": 5,
            "eventAttributes": {"repo": "docs"},
            "userAttributes": {"team": "red"},
        },
        {"key": "week", "name": "A week", "trigger": "streak", "streakLength": 7},
        {
            "key": "old",
            "name": "Old",
            "trigger": "streak",
            "streakLength": 2,
            "status": "locked",
        },
        {
            "key": "draft",
            "name": "Draft",
            "trigger": "streak",
            "streakLength": 3,
            "status": "inactive",
        },
    ],
    "points": [
        {
            "key": "xp",
            "name": "XP",
            "description": "Experience",
            "maxPoints": 1000,
            "triggers": [
                {
                    "key": "per-commit",
                    "type": "metric",
                    "metric": "commits",
                    "metricThreshold": 1,
                    "points": 10,
                    "eventAttributes": {"repo": "docs"},
                },
                {"key": "weekly", "type": "streak", "streakLength": 7, "points": 50},
                {"key": "for-ten", "type": "achievement", "achievement": "ten", "points": 5},
            ],
            "levels": [
                {"key": "bronze", "name": "Bronze", "points": 0},
                {
                    "key": "silver",
                    "name": "Silver",
                    "points": 50,
                    "badge": {"url": "https://example.com/silver.png"},
                },
            ],
        }
    ],
}

# The same with everything that the first one leaves out.
RICH: dict[str, Any] = GAME | {
    "streak": GAME["streak"]
    | {
        "personalization": True,
        "initialFreezes": 1,
        "maxFreezes": 3,
        "freezeAutoEarnInterval": 7,
        "freezeAutoEarnAmount": 1,
    },
    "achievements": [
        *GAME["achievements"],
        {"key": "profile", "name": "Profile", "trigger": "api", "userAttributes": {"team": "red"}},
        {
            "key": "both",
            "name": "Both",
            "trigger": "achievement",
            "achievements": ["ten", "profile"],
        },
    ],
    "points": [
        GAME["points"][0]
        | {
            "triggers": [
                *GAME["points"][0]["triggers"],
                {"key": "welcome", "type": "user_creation", "points": 5, "status": "inactive"},
                {
                    "key": "daily",
                    "type": "time",
                    "timeUnit": "days",
                    "timeInterval": 1,
                    "points": 1,
                },
                {
                    "key": "for-profile",
                    "type": "achievement",
                    "achievement": "profile",
                    "points": 100,
                },
            ],
            "boosts": [
                {
                    "key": "all",
                    "name": "For all",
                    "start": "2026-03-01",
                    "end": "2026-03-10",
                    "multiplier": 2,
                },
                {
                    "key": "red",
                    "name": "For red",
                    "start": "2026-03-10",
                    "multiplier": 1.5,
                    "rounding": "nearest",
                    "userAttributes": {"team": "red"},
                },
                {
                    "key": "own",
                    "name": "For u1",
                    "start": "2026-03-01",
                    "multiplier": 3,
                    "userId": "u1",
                },
                {
                    "key": "past",
                    "name": "Past",
                    "start": "2026-01-01",
                    "end": "2026-03-09",
                    "multiplier": 4,
                },
                {"key": "soon", "name": "Soon", "start": "2026-03-11", "multiplier": 5},
            ],
        },
        {"key": "energy", "name": "Energy"},
    ],
}

STREAK = {
    "frequency": "daily",
    "length": 3,
    "started": "2026-03-08",
    "periodStart": "2026-03-10",
    "periodEnd": "2026-03-10",
    "expires": "2026-03-11",
}

# What a record says of a user where somebody waits for the answer: of an event, of another input.
STATE = AnswerState(convert(STREAK, StreakState), total=1)
OTHER_STATE = AnswerState(STATE.streak)


def version_one(game: dict[str, Any] | None = None, tenant: str = "default") -> Version:
    """Return the first version of a tenant's definitions."""
    return succeed(None, Definitions.model_validate(game or GAME), tenant, AT)


class World:
    """The gateway under test, and the hands of everyone else."""

    def __init__(self, connection: Connection, topics: Topics, dsn: str, epoch: int = 0) -> None:
        self.connection = connection
        self.topics = topics
        self.dsn = dsn
        self.epoch = epoch
        self.key = ""
        self.client: Any = None
        self.app: Any = None
        self.producer: Any = None
        # Partition -> link of the last record that counts.
        self.last: dict[int, Link] = {}
        self._consumer: Any = None

    @property
    def services(self) -> Any:
        return self.app.state.services

    async def post(self, metric: str = "commits", user: Any = "u1", **more: Any) -> httpx.Response:
        headers = more.pop("headers", {})
        body = {"user": {"id": user} if isinstance(user, str) else user, "value": 1, **more}
        answer: httpx.Response = await self.client.post(
            f"/v1/metrics/{metric}/event", json=body, headers=headers
        )
        return answer

    async def get(self, path: str, **more: Any) -> httpx.Response:
        answer: httpx.Response = await self.client.get(f"/v1{path}", **more)
        return answer

    async def send(self, method: str, path: str, body: Any) -> httpx.Response:
        answer: httpx.Response = await self.client.request(method, f"/v1{path}", json=body)
        return answer

    async def next_event(self) -> tuple[dict[str, Any], int, int]:
        """Return the next event on the log, with its partition and offset."""
        message = await asyncio.wait_for(self._consumer.getone(), PATIENCE_S)
        assert dict(message.headers)["xp-origin"] == b"http"
        return orjson.loads(message.value), message.partition, message.offset

    def record(self, partition: int, offset: int, **more: Any) -> Record:
        """Return a record on an event, the next in its partition's chain unless said otherwise."""
        last = self.last.get(partition)
        fields = {
            "after": last,
            "appended": micros(AT) // MILLISECOND,
            "definitions": 1,
            "rules": 1,
            "user": "u1",
            "lane": LANE if last is None else None,
            "state": STATE,
        }
        source = Source(self.epoch, partition, offset)
        return Record(RECORD_VERSION, source, **(fields | more))

    async def append(self, record: Record, *, counts: bool = True) -> None:
        """Append a record to the ledger; `counts` says whether it is next in the chain."""
        partition = record.source.partition
        await self.producer.send_and_wait(
            self.topics.ledger, write_record(record), partition=partition
        )
        if counts:
            self.last[partition] = link_of(record)

    async def judge(self, **more: Any) -> str:
        """Take the next event and append a record on it; return the event's id."""
        _, partition, offset = await self.next_event()
        record = self.record(partition, offset, **more)
        await self.append(record)
        return event_id_of(record)

    async def read(self, partition: int, end: int) -> None:
        """Wait until the gateway has read a partition of the ledger up to an offset."""
        async with asyncio.timeout(PATIENCE_S):
            while self.services.receipts.offsets.get(partition, 0) < end:
                await asyncio.sleep(0.01)

    async def execute(self, query: str, *values: Any) -> None:
        async with connect(self.dsn) as connection:
            await connection.execute(query, values)

    async def ready(self) -> dict[str, Any]:
        """Wait until the gateway is ready, and return what it says."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self.client.get("/readyz")
                if answer.status_code == 200:
                    found: dict[str, Any] = answer.json()
                    return found
                await asyncio.sleep(0.05)


@asynccontextmanager
async def a_world(
    stack: Stack,
    dsn: str,
    *,
    game: dict[str, Any] | None = None,
    before: Callable[[World], Any] | None = None,
    secrets: Any = None,
    **config: Any,
) -> AsyncIterator[World]:
    """Run a gateway on topics of its own; `before` is awaited before the gateway starts.

    dsn: an empty database, which is made ready in here.
    """
    connection = Connection(stack.kafka, secrets=secrets)
    await migrate(dsn)
    topics = Topics(prefix=f"gw{next(_NUMBERS)}-{id(object()):x}.")
    await create_topics(connection, topics, PARTITIONS)
    world = World(connection, topics, dsn)
    world.producer = AIOKafkaProducer(**connection.options(), enable_idempotence=True)
    await world.producer.start()
    tps = [TopicPartition(topics.events, at) for at in range(PARTITIONS)]
    world._consumer = AIOKafkaConsumer(
        **connection.options(), enable_auto_commit=False, auto_offset_reset="none"
    )
    await world._consumer.start()
    world._consumer.assign(tps)
    for tp in tps:
        world._consumer.seek(tp, 0)
    try:
        await world.producer.send_and_wait(
            topics.definitions, write_version(version_one(game)), partition=0
        )
        if before is not None:
            await before(world)
        async with connect(dsn) as database:
            world.key = await create(database, "test")
        # No verdict comes late because this machine is slow.
        told: dict[str, Any] = {"clock": lambda: AT, "verdict_timeout_s": PATIENCE_S} | config
        world.app = build_server(GatewayConfig(connection, dsn, topics, **told))
        async with (
            world.app.router.lifespan_context(world.app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(in_front(world.app), raise_app_exceptions=False),
                base_url="http://gateway",
                headers={"X-API-KEY": world.key},
            ) as world.client,
        ):
            await world.ready()
            yield world
    finally:
        await world._consumer.stop()
        await world.producer.stop()
