"""One running system of its own: broker, Postgres and all parts as processes, kept running.

What ends is started again after a moment, as a supervisor does in production. Strikes kill, pause
and start things through here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import math
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import psycopg
import stack
from faults.classes import Options
from faults.plan import GAME, founded
from faults.receiver import Receiver

from broker.apply import put_in_force
from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.topics import create_topics
from gateway import keys
from notifier import endpoints
from ops.apply import apply_game
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.postgres import EmbeddedPostgres
from ops.embedded.process import Child, StackError
from ops.embedded.server import EmbeddedServer
from projections.database import connect
from projections.migrations import migrate
from schemas.definitions import Definitions, problems
from schemas.topics import DEFAULT_TENANT, Topics

if TYPE_CHECKING:
    from faults.load import Load

ROOT = Path(__file__).resolve().parents[2]
SERVERS = ("kafka", "postgres")
HOOK = "/hook"
RESTART_S = 0.5
LOOK_S = 0.05
READY_S = 90.0
STOP_S = 3.0
# Short waits between the attempts of a delivery, and enough of them for any fault of a round.
WEBHOOK_SCHEDULE = "[0.2, 0.5, 1, 1, 2, 2, 3, 3, 5, 5, 5, 10, 10, 10, 10, 10, 10, 10, 10, 10]"


@dataclass
class Part:
    """A process under supervision: one of ours, or one of the servers."""

    name: str
    # Variables of its own at every start, and for the next start only.
    environment: dict[str, str] = field(default_factory=dict)
    once: dict[str, str] = field(default_factory=dict)
    child: Child | EmbeddedServer | None = None
    # Whether it is to run; when it is due to be started again.
    wanted: bool = True
    due: float | None = None
    pause_s: float = RESTART_S
    starts: int = 0
    launching: bool = False


class World:
    """Starts, kills, pauses and restarts the processes of one system."""

    def __init__(self, home: Path, options: Options) -> None:
        """Take the directory for all data and logs; nothing runs before `start`."""
        self.home = home
        self.options = options
        self.topics = Topics("xp.")
        self.receiver = Receiver()
        self.parts: dict[str, Part] = {}
        self.api_key = ""
        self.dsn = ""
        # The definitions that were put in force last.
        self.game: dict[str, Any] = {}
        # Of the round that runs now.
        self.load: Load
        # When the last blow fell, by the monotonic clock; None while none did in this round.
        self.last_blow: float | None = None
        # What strikes have to say about the round.
        self.notes: list[str] = []
        # What a class keeps from one round to the next, by a name of its own.
        self.kept: dict[str, Any] = {}
        # Part -> seconds by which its clock is ahead, or, negative, behind, from its next start on.
        self.skews: dict[str, float] = {}
        # By how much any clock was ahead so far.
        self.ahead_s = 0.0
        self._opened = contextlib.AsyncExitStack()
        self._supervisor: asyncio.Task[None] | None = None
        self._ports: dict[str, int] = {}

    # What another kind of world does otherwise

    def make_kafka(self) -> EmbeddedKafka:
        """Make the broker."""
        return EmbeddedKafka(self.home / "servers", stack.jars())

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
        self.dsn = self.postgres.dsn
        self.connection = Connection(self.kafka.bootstrap_servers)
        await self._opened.enter_async_context(self.receiver.running())
        await self._set_up()
        for name in self.options.parts:
            await self.start_part(name)
        self._supervisor = asyncio.create_task(self._supervise())
        await self.wait_ready()

    async def _set_up(self) -> None:
        await migrate(self.dsn)
        await create_topics(self.connection, self.topics, self.options.partitions)
        async with connect(self.dsn) as database:
            self.api_key = await keys.create(database, "admin")
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
        """Return when every gateway says it is ready and the notifier has begun; TimeoutError."""
        async with asyncio.timeout(READY_S), httpx.AsyncClient() as client:
            for url in self.urls():
                while not await _is_ready(client, url):
                    await asyncio.sleep(0.1)
            while "notify" in self.parts and not await self._notifier_began():
                await asyncio.sleep(0.1)

    async def _notifier_began(self) -> bool:
        rows = await self.query("SELECT count(*) FROM own.notifier_positions")
        return bool(rows[0][0] == self.options.partitions)

    async def stop(self) -> None:
        """End everything at once: nothing of it is needed any more."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
        for part in self.parts.values():
            part.wanted = False
            for process in self._processes(part.name):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        await self._opened.aclose()
        for part in self.parts.values():
            if isinstance(part.child, Child):
                await asyncio.to_thread(part.child.stop, STOP_S)
            elif part.child is not None:
                await asyncio.to_thread(part.child.stop)

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            for part in list(self.parts.values()):
                if not part.wanted or part.child is None or part.child.alive:
                    continue
                now = time.monotonic()
                if part.due is None:
                    part.due = now + part.pause_s
                if now >= part.due:
                    part.due = None
                    # A full disk, for one, stops it from starting: it is tried again.
                    with contextlib.suppress(OSError, StackError):
                        await self._launch(part)

    async def _launch(self, part: Part) -> None:
        part.launching = True
        try:
            await self._launch_now(part)
        finally:
            part.launching = False

    async def _launch_now(self, part: Part) -> None:
        part.pause_s = RESTART_S
        part.starts += 1
        if part.name in SERVERS:
            server = part.child
            assert isinstance(server, EmbeddedServer)
            address = self.kafka.bootstrap_servers, self.postgres.dsn
            await asyncio.to_thread(server.start)
            assert address == (self.kafka.bootstrap_servers, self.postgres.dsn), "the port is taken"
            return
        if isinstance(part.child, Child):
            part.child.release()
        once, part.once = part.once, {}
        child = Child(
            part.name,
            self.home / "parts" / part.name.replace(" ", "-"),
            marks=(str(self.home), command_of(part.name)),
            stop_signal=signal.SIGTERM,
            environment=self._environment(part) | once,
        )
        await asyncio.to_thread(child.claim)
        await asyncio.to_thread(child.start, self.command(part.name))
        part.child = child

    def _environment(self, part: Part) -> dict[str, str]:
        return {
            "XP_KAFKA": self.kafka_address(part.name),
            "XP_POSTGRES": self.postgres_address(part.name),
            "XP_TOPIC_PREFIX": self.topics.prefix,
            "XP_DATA_DIR": str(self.home / "state"),
            "XP_PORT": str(self._port(part.name)),
            "XP_WEBHOOK_ALLOW_PRIVATE": "true",
            "XP_WEBHOOK_SCHEDULE_S": WEBHOOK_SCHEDULE,
            "XP_WEBHOOK_TIMEOUT_S": "5",
            "XP_FAULT_SKEW_S": str(self.skews.get(part.name, 0.0)),
            "PYTHONUNBUFFERED": "1",
            **self.options.environment,
            **part.environment,
        }

    def _port(self, name: str) -> int:
        if name not in self._ports:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._ports[name] = probe.getsockname()[1]
        return self._ports[name]

    # What strikes do

    def blow(self) -> None:
        """Say that a fault has just been brought about, or is over: recovery counts from here."""
        self.last_blow = time.monotonic()

    async def start_part(self, name: str, **environment: str) -> None:
        """Start a part, a new one or one that was stopped; `environment` is for this start only."""
        part = self.parts.setdefault(name, Part(name))
        part.once |= environment
        part.wanted = True
        part.due = None
        await self._launch(part)

    async def kill(self, name: str, restart_s: float = RESTART_S, **environment: str) -> None:
        """End a process as kill -9 does; it is started again after `restart_s` seconds.

        `environment` is for its next start only: `XP_FAILPOINT="lane.appended:3"`.
        """
        part = self.parts[name]
        part.once |= environment
        part.pause_s = restart_s
        part.due = None
        self.signal(name, signal.SIGKILL)
        self.blow()
        await self.gone(name)

    async def terminate(self, name: str, *, restart: bool = True) -> None:
        """Ask a part to end in good order and wait for it; it is started again, or stays away."""
        part = self.parts[name]
        part.wanted = restart
        self.signal(name, signal.SIGTERM)
        self.blow()
        await self.gone(name)

    async def drop(self, name: str) -> None:
        """End a part as kill -9 does, for good."""
        self.parts[name].wanted = False
        self.signal(name, signal.SIGKILL)
        self.blow()
        await self.gone(name)

    async def gone(self, name: str, patience_s: float = 30.0) -> None:
        """Return when the process that runs now has ended; TimeoutError."""
        part = self.parts[name]
        child, starts = part.child, part.starts
        async with asyncio.timeout(patience_s):
            while child is not None and part.starts == starts and child.alive:
                await asyncio.sleep(0.01)

    async def back(self, name: str, patience_s: float = 120.0) -> None:
        """Return when the process runs again, and serves if it is a server; TimeoutError."""
        part = self.parts[name]
        async with asyncio.timeout(patience_s):
            while part.launching or part.child is None or not part.child.alive:
                await asyncio.sleep(0.02)

    async def die_at(self, name: str, point: str, patience_s: float = 15.0) -> bool:
        """Restart a part with a failpoint (`NAME:N`); tell whether it has died there in time.

        One that did not is killed, so that no later round dies of it.
        """
        await self.kill(name, restart_s=0.0, XP_FAILPOINT=point)
        await self.back(name)
        try:
            await self.gone(name, patience_s)
        except TimeoutError:
            await self.kill(name)
            return False
        self.blow()
        return True

    async def halt_at(
        self, name: str, point: str, seconds: float, patience_s: float = 15.0
    ) -> bool:
        """Restart a part so that it halts at a failpoint (`NAME:N`), and let it go on later.

        It goes on `seconds` after it halted; tells whether it halted within `patience_s`.
        """
        await self.kill(name, restart_s=0.0, XP_FAILPOINT=f"{point}:stop")
        await self.back(name)
        halted = await eventually(lambda: self._halted(name), patience_s)
        if not halted:
            await self.kill(name)
            return False
        self.last_blow = math.inf
        await asyncio.sleep(seconds)
        self.signal(name, signal.SIGCONT)
        self.blow()
        return True

    def _halted(self, name: str) -> bool:
        processes = self._processes(name)
        return bool(processes) and processes[0].status() == psutil.STATUS_STOPPED

    async def pause(self, name: str, seconds: float) -> None:
        """Stop a process as SIGSTOP does, for so many seconds."""
        # The blow lasts: nobody's patience ends before it is over.
        self.last_blow = math.inf
        self.signal(name, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.signal(name, signal.SIGCONT)
            self.blow()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part or server; a pause takes a server's children along."""
        whole = number in (signal.SIGSTOP, signal.SIGCONT)
        for process in self._processes(name) if whole else self._processes(name)[:1]:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                os.kill(process.pid, number)

    def _processes(self, name: str) -> list[psutil.Process]:
        child = self.parts[name].child
        if child is None or (pid := child.pid) is None:
            return []
        try:
            process = psutil.Process(pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def pid(self, name: str) -> int | None:
        """The process id of a part or server while it runs."""
        child = self.parts[name].child
        return child.pid if child is not None else None

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

    def log_of(self, name: str, characters: int = 3000) -> str:
        """Return the end of a part's log."""
        child = self.parts[name].child
        if child is None or not child.log.exists():
            return ""
        return child.log.read_text(errors="replace")[-characters:]


def command_of(part: str) -> str:
    """Return the command that a part runs: that of "worker 2" is "worker"."""
    return part.partition(" ")[0]


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/readyz", timeout=5)).is_success
    except httpx.TransportError:
        return False


async def eventually(holds: Callable[[], bool], patience_s: float) -> bool:
    """Wait until a condition holds; tell whether it did in time."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
