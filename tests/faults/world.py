"""One running system of its own: broker, Postgres and all parts as processes, kept running."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import stack
from faults.classes import Options
from faults.game import GAME, founded
from faults.receiver import Receiver
from faults.recording import Recording
from faults.signatures import SECRET
from faults.strikes import Strikes
from faults.supervisor import Part, command_of

from broker.apply import put_in_force
from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.topics import create_topics
from gateway import keys
from notifier import endpoints
from ops.apply import apply_game
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.postgres import EmbeddedPostgres
from projections.database import connect
from projections.migrations import migrate
from schemas.definitions import Definitions, problems
from schemas.signing import Secrets
from schemas.topics import DEFAULT_TENANT, Topics

if TYPE_CHECKING:
    from faults.load import Load

ROOT = Path(__file__).resolve().parents[2]
HOOK = "/hook"
READY_S = 90.0
SAID_CHARACTERS = 600
# Short waits between the attempts of a delivery, and enough of them for any fault of a round.
WEBHOOK_SCHEDULE = "[0.2, 0.5, 1, 1, 2, 2, 3, 3, 5, 5, 5, 10, 10, 10, 10, 10, 10, 10, 10, 10]"


class NotReadyError(Exception):
    """A world did not come to work in time."""


class World(Strikes):
    """A system, and what its driver knows and asks of it."""

    # Whether what only its parts may say counts from them alone, from the first record on.
    is_signed = True

    def __init__(self, home: Path, options: Options) -> None:
        """Take the directory for all data and logs; nothing runs before `start`."""
        super().__init__(home)
        self.options = options
        self.topics = Topics("xp.")
        self.receiver = Receiver()
        self.api_key = ""
        self.dsn = ""
        # The definitions that were put in force last.
        self.game: dict[str, Any] = {}
        # What was there before anything of this world began; and the epoch of its source positions.
        self.recording: Recording | None = None
        self.epoch = 0
        # Of the round that runs now.
        self.load: Load
        # What strikes have to say about the round.
        self.notes: list[str] = []
        # What a class keeps from one round to the next, by a name of its own.
        self.kept: dict[str, Any] = {}
        # Part -> seconds by which its clock is ahead, or, negative, behind, from its next start on.
        self.skews: dict[str, float] = {}
        # By how much any clock was ahead so far.
        self.ahead_s = 0.0
        self._opened = contextlib.AsyncExitStack()
        self._ports: dict[str, int] = {}

    # What another kind of world does otherwise

    def make_kafka(self) -> EmbeddedKafka:
        """Make the broker."""
        return EmbeddedKafka(self.home / "servers", stack.jars(), open_to_all=True)

    def make_postgres(self) -> EmbeddedPostgres:
        """Make the database server."""
        return EmbeddedPostgres(self.home / "servers")

    def kafka_address(self, _part: str) -> str:
        """The bootstrap servers that a part is told."""
        return self.kafka.bootstrap_servers

    def postgres_address(self, _part: str) -> str:
        """The DSN that a part is told."""
        return self.dsn

    def command(self, part: str) -> list[str]:
        """The command line of a part of ours."""
        skewed = Path(__file__).with_name("skewed.py")
        script = skewed if self.skews.get(part) else ROOT / "ops" / "part.py"
        return [sys.executable, str(script), part.split(maxsplit=1)[0], str(self.home)]

    # Life

    async def start(self) -> None:
        """Start everything, and return when all of it works."""
        self.kafka = self.make_kafka()
        self.postgres = self.make_postgres()
        self.parts["kafka"] = Part("kafka", child=self.kafka)
        self.parts["postgres"] = Part("postgres", child=self.postgres)
        await asyncio.gather(
            asyncio.to_thread(self.kafka.start), asyncio.to_thread(self.postgres.start)
        )
        self.dsn = self.postgres.administrator_dsn
        self.connection = Connection(self.kafka.bootstrap_servers, secrets=Secrets(SECRET))
        await self._opened.enter_async_context(self.receiver.running())
        await self._set_up()
        for name in self.options.parts:
            await self.start_part(name)
        self.supervise()
        await self.wait_ready()

    async def migrate(self) -> None:
        """Make the tables, or bring them up to this version."""
        await migrate(self.dsn)

    async def publish_past(self) -> None:
        """Put what was there before anything of this world began on its topics: nothing."""

    async def _set_up(self) -> None:
        await self.migrate()
        await create_topics(self.connection, self.topics, self.options.partitions)
        async with connect(self.dsn) as database:
            self.api_key = await keys.create(database, "admin")
        await self.publish_past()
        async with DefinitionsReader(self.connection, self.topics.definitions) as reader:
            await put_in_force(self.connection, self.topics, reader, founded())
        self.game = copy.deepcopy(GAME)
        await self.add_webhook(HOOK)

    async def change(self, game: Mapping[str, Any]) -> None:
        """Put other definitions in force; OvertakenError when somebody else was faster."""
        definitions = Definitions.model_validate(game)
        assert problems(definitions) == [], problems(definitions)
        await apply_game(self.connection, self.topics, definitions, tenant=DEFAULT_TENANT)
        self.game = copy.deepcopy(dict(game))

    async def add_webhook(self, path: str) -> None:
        """Add a webhook at a path of the receiver."""
        url = self.receiver.url(path)
        added = await endpoints.add(self.dsn, url, allow_private=True)
        self.receiver.secrets[path] = added.secret

    async def wait_ready(self) -> None:
        """Return when everybody is at work, so that what strikes strike at is there.

        Raises NotReadyError, with what the parts have said last.
        """
        try:
            async with asyncio.timeout(READY_S):
                await self._ready()
        except TimeoutError as error:
            ends = [f"{name}: ...{self.log_of(name, SAID_CHARACTERS)}" for name in self.parts]
            raise NotReadyError("\n".join(ends)) from error

    async def _ready(self) -> None:
        async with httpx.AsyncClient() as client:
            for url in self.urls():
                while not await _is_ready(client, url):
                    await asyncio.sleep(0.1)
            while "notify" in self.parts and not await self._is_whole("own.notifier_positions"):
                await asyncio.sleep(0.1)
            # The first version is judged in every partition.
            while not await self._is_whole("read.in_force"):
                await asyncio.sleep(0.1)

    async def _is_whole(self, table: str) -> bool:
        """Whether a table has a row of every partition."""
        rows = await self.query(f"SELECT count(*) FROM {table}")
        return bool(rows[0][0] == self.options.partitions)

    async def stop(self) -> None:
        """End everything at once: nothing of it is needed any more."""
        await self.end()
        await self._opened.aclose()
        await self.close()

    def environment(self, part: str) -> dict[str, str]:
        """See Supervisor."""
        return {
            "XP_KAFKA": self.kafka_address(part),
            "XP_POSTGRES": self.postgres_address(part),
            "XP_TOPIC_PREFIX": self.topics.prefix,
            "XP_DATA_DIR": str(self.home / "state"),
            "XP_PORT": str(self._port(part)),
            "XP_PARTS_SECRET": SECRET,
            "XP_WEBHOOK_ALLOW_PRIVATE": "true",
            "XP_WEBHOOK_SCHEDULE_S": WEBHOOK_SCHEDULE,
            "XP_WEBHOOK_TIMEOUT_S": "5",
            "XP_FAULT_SKEW_S": str(self.skews.get(part, 0.0)),
            "PYTHONUNBUFFERED": "1",
            **self.options.environment,
        }

    def addresses(self) -> tuple[str, ...]:
        """See Supervisor."""
        return self.kafka.bootstrap_servers, self.postgres.administrator_dsn

    def _port(self, name: str) -> int:
        if name not in self._ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._ports[name] = probe.getsockname()[1]
        return self._ports[name]

    # What the driver asks

    def urls(self) -> list[str]:
        """The addresses of the gateways."""
        return [
            f"http://127.0.0.1:{self._port(name)}"
            for name in self.parts
            if command_of(name) == "serve"
        ]

    async def query(
        self, text: str, parameters: Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Ask Postgres, as a superuser would; psycopg's OperationalError while it is away."""
        async with await psycopg.AsyncConnection.connect(
            self.dsn, autocommit=True, connect_timeout=3
        ) as database:
            cursor = await database.execute(text.encode(), parameters)
            return await cursor.fetchall() if cursor.description else []

    async def query_at_once(self, queries: Mapping[str, str]) -> dict[str, list[tuple[Any, ...]]]:
        """Ask Postgres several things of one moment, each under a name; as `query` otherwise."""
        async with await psycopg.AsyncConnection.connect(self.dsn, connect_timeout=3) as database:
            await database.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            return {
                name: await (await database.execute(text.encode())).fetchall()
                for name, text in queries.items()
            }


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/readyz", timeout=5)).is_success
    except httpx.TransportError:
        return False
