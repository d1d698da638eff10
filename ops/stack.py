"""What `xp up` runs: our own parts, and the embedded stack where none is named.

What was started is stopped again: at Ctrl-C, at SIGTERM and when Kafka or Postgres dies. A part is
a process of its own, so that none can take another down, and dies with the supervisor even at
kill -9. A part that ends by itself is started again, unless it does so at the start or too often.
"""

import asyncio
import signal
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

import httpx
import structlog
from rich.console import Console

from broker import access
from broker.connection import Connection
from broker.topics import create_topics
from gateway import keys
from ops.addresses import mask, url_of
from ops.console import say
from ops.embedded.jars import fetch_jars
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.ports import PartDiedError, choose_port
from ops.embedded.postgres import EmbeddedPostgres
from ops.embedded.process import Child
from ops.embedded.server import EmbeddedServer
from ops.parts_secret import make as make_secret
from ops.private import make_private, write_privately
from ops.running import Login, Running, leave_running
from ops.settings import Settings
from ops.settings_file import SettingsError
from ops.settings_in_force import environment
from projections.database import connect
from projections.migrations import migrate

ROOT: Final = Path(__file__).resolve().parent.parent
PARTS: Final = ("worker", "project", "serve", "notify")
# Those that change no tables: they get a role that cannot.
SERVING_PARTS: Final = ("serve", "notify")
# Somebody waits for gateway and worker; who waits for rows or a webhook waits for them too. A third
# of their share where cores are short, all that is free otherwise.
NICENESS: Final = {"project": 5, "notify": 5}
READY_WAIT_S: Final = 60.0
STOP_PATIENCE_S: Final = 10.0
LOOK_EVERY_S: Final = 0.2
TURN_LOGS_EVERY_S: Final = 5.0
# A part that ended by itself so often within so many seconds will not fare better the next time.
RESTARTS_MAX: Final = 3
RESTARTS_WITHIN_S: Final = 60.0
# All that is ever made in a data directory.
OURS: Final = frozenset(
    {
        "gateway.port",
        "kafka",
        "parts",
        "parts-secret.json",
        "postgres",
        "running.json",
        "snapshots",
        "worker",
    }
)

log = structlog.get_logger(__name__)


class Stack:
    """What `xp up` has started, in the order of starting."""

    def __init__(self, settings: Settings, console: Console) -> None:
        """Take what is to be run; nothing starts before it is entered."""
        self.settings = settings
        self._console = console
        self._data_dir = settings.data_dir.resolve()
        self._opened = AsyncExitStack()
        self._watched: dict[str, Child | EmbeddedServer] = {}
        # Of our own parts, what one alone is told.
        self._variables: dict[str, dict[str, str]] = {}
        # What commands beside this one need to know.
        self._running = Running()
        # Of our own parts: how each is started, and when it had to be started again.
        self._commands: dict[str, list[str]] = {}
        self._restarts: dict[str, list[float]] = {}
        self._ready = False

    async def __aenter__(self) -> Self:
        """Start Kafka and Postgres where none are named, make topics and tables."""
        await self._opened.__aenter__()
        try:
            await self._start_stack()
        except BaseException:
            await self._opened.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything that was started, last first."""
        await self._opened.aclose()

    async def _start_stack(self) -> None:
        settings = self.settings
        write_privately()
        try:
            self._make_data_dir()
        except OSError as error:
            raise SettingsError(
                f"data_dir: {self._data_dir} cannot be a directory of data: {error.strerror}"
            ) from error
        if settings.parts_secret is None:
            make_secret(self._data_dir)
        if not settings.kafka:
            await self._start_kafka()
        if not settings.postgres:
            await self._start_postgres()
        self.settings = settings.model_copy(update={"data_dir": self._data_dir})
        self.settings.connection()
        done = await migrate(self.settings.dsn())
        created = await create_topics(
            self.settings.connection(),
            settings.topics,
            settings.partitions,
            settings.replication,
        )
        log.info("stack.ready", migrations=done, topics=created)

    def _make_data_dir(self) -> None:
        # One that is for something else as well, a home directory say, is left as it is: what is
        # made in it is closed itself.
        there = {it.name for it in self._data_dir.iterdir()} if self._data_dir.is_dir() else set()
        if there <= OURS:
            make_private(self._data_dir)

    async def _start_kafka(self) -> None:
        say("Kafka     starting …", self._console, style="dim")
        jars = await asyncio.to_thread(fetch_jars, self.settings.cache_dir)
        rules = access.rules(self.settings.topics)
        kafka = EmbeddedKafka(
            self._data_dir,
            jars,
            self.settings.kafka_port,
            grants=[rule for rule in rules if rule.role in access.OUTSIDE],
        )
        self._opened.push_async_callback(asyncio.to_thread, kafka.stop)
        await asyncio.to_thread(kafka.start)
        self._watched["kafka"] = kafka
        say(f"Kafka     {kafka.bootstrap_servers}", self._console)
        say("          (for producers and consumers: `xp client-config`)", self._console)
        self._leave(
            kafka=kafka.bootstrap_servers,
            kafka_parts=_login(kafka.connection),
            kafka_clients=_login(kafka.clients_connection),
        )

    async def _start_postgres(self) -> None:
        postgres = EmbeddedPostgres(self._data_dir, self.settings.postgres_port)
        self._opened.push_async_callback(asyncio.to_thread, postgres.stop)
        await asyncio.to_thread(postgres.start)
        self._watched["postgres"] = postgres
        say(f"Postgres  {mask(postgres.dsn)}", self._console)
        self._leave(postgres=postgres.dsn, postgres_reading=postgres.reading_dsn)
        for part in SERVING_PARTS:
            self._variables[part] = {"XP_POSTGRES": postgres.serving_dsn}

    def _leave(self, **known: object) -> None:
        self._running = self._running.model_copy(update=known)
        path = leave_running(self._data_dir, self._running)
        self._opened.callback(path.unlink, missing_ok=True)

    async def first_key(self) -> str | None:
        """Return a new API key if there is none yet: the only time that it is shown."""
        async with connect(self.settings.dsn()) as connection:
            # A key of the settings is adopted by the gateway itself.
            if self.settings.api_key is not None or await keys.listed(connection):
                return None
            return await keys.create(connection, "admin")

    async def start_parts(self) -> str:
        """Start our own parts, and return the address that the gateway will have."""
        port = choose_port("gateway", self._data_dir / "gateway.port", self.settings.port)
        resolved = self.settings.model_copy(update={"port": port})
        for number, part in enumerate(PARTS):
            variables = environment(resolved) | self._variables.get(part, {})
            if self.settings.metrics_port is not None:
                variables["XP_METRICS_PORT"] = str(self.settings.metrics_port + number)
            child = Child(
                part,
                self._data_dir / "parts" / part,
                marks=(str(self._data_dir), part),
                stop_signal=signal.SIGTERM,
                environment=variables,
                niceness=NICENESS.get(part, 0),
            )
            await asyncio.to_thread(child.claim)
            self._opened.push_async_callback(asyncio.to_thread, child.stop, STOP_PATIENCE_S)
            command = [sys.executable, str(ROOT / "ops" / "part.py"), part, str(self._data_dir)]
            await asyncio.to_thread(child.start, command)
            self._watched[part] = child
            self._commands[part] = command
        url = url_of(self.settings.host, port)
        self._leave(gateway=url)
        return url

    async def wait_ready(self, url: str) -> None:
        """Return when the gateway is ready; PartDiedError when it will not be."""
        said = "it does not answer"
        try:
            async with httpx.AsyncClient() as client, asyncio.timeout(READY_WAIT_S):
                while True:
                    self.check()
                    try:
                        answer = await client.get(f"{url}/readyz")
                    except httpx.TransportError:
                        pass
                    else:
                        if answer.is_success:
                            self._ready = True
                            return
                        said = " ".join(answer.text.split())
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            raise PartDiedError(
                f"the gateway was not ready within {READY_WAIT_S:.0f} s: {said}. "
                f"The logs are in {self._data_dir / 'parts'}"
            ) from None

    def check(self) -> None:
        """Raise PartDiedError when something that was started is no longer running."""
        for name, child in self._watched.items():
            if not child.alive:
                raise PartDiedError(f"{name} ended by itself; its log ends:\n{child.log_tail()}")

    async def watch(self) -> None:
        """Start again what ends by itself; PartDiedError when that is of no use.

        Turns the logs of what runs, too.
        """
        turned_s = time.monotonic()
        while True:
            for part, command in self._commands.items() if self._ready else ():
                child = self._watched[part]
                if isinstance(child, Child) and not child.alive and self._may_restart(part):
                    log.warning("part.restarted", part=part, code=child.exit_code)
                    say(f"{part} ended by itself and is started again", self._console, style="red")
                    await asyncio.to_thread(child.start, command)
            self.check()
            if time.monotonic() > turned_s + TURN_LOGS_EVERY_S:
                turned_s = time.monotonic()
                for watched in self._watched.values():
                    watched.turn_log()
            await asyncio.sleep(LOOK_EVERY_S)

    def _may_restart(self, part: str) -> bool:
        now = time.monotonic()
        lately = [at for at in self._restarts.get(part, []) if now - at < RESTARTS_WITHIN_S]
        self._restarts[part] = [*lately, now]
        return len(lately) < RESTARTS_MAX


def _login(connection: Connection) -> Login | None:
    if connection.user is None or connection.password is None:
        return None
    return Login(user=connection.user, password=connection.password, mechanism=connection.mechanism)
