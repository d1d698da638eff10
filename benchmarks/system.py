"""The system that is measured: its parts as processes, on topics and a database of its own.

Parts are started as an operator starts them (`xp worker` and so on, told by XP_… variables), and
nothing of ours is patched.
"""

import asyncio
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

import aiohttp
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from benchmarks.events import Line
from benchmarks.kafka import Ends, drop_topics, fill
from broker.connection import Connection
from broker.topics import create_topics
from ops.apply import apply_game
from ops.game_file import read_game
from projections.migrations import migrate
from schemas.signing import Secrets
from schemas.topics import DEFAULT_TENANT, Topics

ROOT: Final = Path(__file__).resolve().parent.parent
READY_S: Final = 90.0
STOP_S: Final = 20.0
JUDGED_S: Final = 300.0
LOG_TAIL: Final = 1500
# What the parts sign with.
SECRET: Final = "a secret of the parts of a benchmark"  # noqa: S105  it guards nothing


COMPILED: Final = ".compiled"
ROOMS: Final = (
    "schemas",
    "broker",
    "processor",
    "projections",
    "contract",
    "gateway",
    "notifier",
    "ops",
)


def is_compiled(root: Path = ROOT) -> bool:
    """Whether `make compile` has made modules of a checkout's sources as they are now."""
    stamp = root / COMPILED / "stamp"
    if not stamp.exists():
        return False
    made = stamp.stat().st_mtime
    return not any(
        path.stat().st_mtime > made for room in ROOMS for path in (root / room).rglob("*.py")
    )


class PartEndedError(Exception):
    """A process that is measured ended by itself; the message has the end of its log."""


class Part:
    """One process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        """Take what was started, and when."""
        self.name = name
        self.process = process
        self.started = time.perf_counter()
        self._log = log

    @classmethod
    async def start(
        cls, name: str, command: list[str], log: Path, env: dict[str, str], cwd: Path = ROOT
    ) -> Self:
        """Start a process in a group of its own, its output in the file `log`."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=cwd, env=env, stdout=file, stderr=file
            )
        return cls(name, process, log)

    def check(self) -> None:
        """Raise PartEndedError if it runs no longer."""
        if self.process.returncode is not None:
            text = self._log.read_text(errors="replace").rstrip()[-LOG_TAIL:]
            # What it said last comes first: a table has room for one line.
            said = text.rpartition("\n")[2]
            raise PartEndedError(
                f"{self.name} ended with {self.process.returncode}: {said}\n{text}"
            )

    async def stop(self) -> None:
        """End it in good order, by force after a while."""
        if self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), STOP_S)
            except TimeoutError:
                await self.kill()

    async def kill(self) -> None:
        """End it as kill -9 does."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


class System:
    """Topics, a database and the parts on them; `close` leaves nothing behind."""

    def __init__(
        self,
        bootstrap: str,
        dsn: str,
        prefix: str,
        home: Path,
        partitions: int,
        root: Path = ROOT,
    ) -> None:
        """Take where it is to live; nothing is made before `set_up`.

        `root` is the checkout whose programs are measured: this one, or one of another version.
        """
        self._root = root
        self.connection = Connection(bootstrap, secrets=Secrets(SECRET))
        self.topics = Topics(f"{prefix}.")
        self.home = home
        self.partitions = partitions
        self.port = free_port()
        self.dsn = ""
        self.key = ""
        # Events on the topic that have no record yet: at first the game's markers.
        self.unjudged = partitions
        # All that was put on the events by others than workers.
        self._sent = partitions
        self._admin_dsn = dsn
        self._database = prefix.replace("-", "_")
        self._parts: list[Part] = []

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://127.0.0.1:{self.port}"

    async def set_up(self, game: Path, *, database: bool) -> None:
        """Make the topics and put a game in force; make the tables and an API key if wanted."""
        self.home.mkdir(parents=True)
        if self._root == ROOT:
            await create_topics(self.connection, self.topics, self.partitions)
            await apply_game(self.connection, self.topics, read_game(game), tenant=DEFAULT_TENANT)
        else:
            # Another version has other topics, and other words for definitions.
            await self.run("topics")
            await self.run("apply", str(game))
        if database:
            await self.make_database()
            self.key = json.loads(await self.run("keys", "create", "--json"))["key"]

    async def make_database(self) -> None:
        """Make an empty database with our tables, in place of the one that is there."""
        name = sql.Identifier(self._database)
        async with await psycopg.AsyncConnection.connect(
            self._admin_dsn, autocommit=True
        ) as connection:
            await connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name)
            )
            await connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        self.dsn = make_conninfo(self._admin_dsn, dbname=self._database)
        if self._root == ROOT:
            await migrate(self.dsn)
        else:
            await self.run("migrate")

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the variables that a part is told.

        XP_COMPILED=0 asks for plain Python, as it does of `xp`.
        """
        kept = {name: text for name, text in os.environ.items() if not name.startswith("XP_")}
        plain = settings.get("XP_COMPILED") == "0" or not is_compiled(self._root)
        told = {
            "PYTHONPATH": str(self._root if plain else self._root / COMPILED),
            "XP_KAFKA": self.connection.bootstrap,
            "XP_PARTS_SECRET": SECRET,
            "XP_TOPIC_PREFIX": self.topics.prefix,
            "XP_DATA_DIR": str(self.home / "data"),
            "XP_PORT": str(self.port),
            "XP_PARTITIONS": str(self.partitions),
            # The events are of the past: what has fallen due since would be judged beside them.
            **({"XP_CLOCK": "false"} if self._root == ROOT else {}),
            **({"XP_POSTGRES": self.dsn} if self.dsn else {}),
        }
        return kept | told | settings

    async def start(self, command: str, **settings: str) -> Part:
        """Start a part: worker, project, serve or notify."""
        log = self.home / f"{command}-{len(self._parts)}.log"
        words = [sys.executable, "-P", "-m", "ops", command]
        env = self.environment(**settings)
        part = await Part.start(f"xp {command}", words, log, env, self._root)
        self._parts.append(part)
        return part

    async def run(self, *arguments: str) -> str:
        """Run a command to its end and return what it printed; PartEndedError if it failed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "ops", *arguments),
            cwd=self._root,
            env=self.environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            told, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        text = told.decode(errors="replace")
        if process.returncode:
            raise PartEndedError(f"xp {' '.join(arguments)}: {text[-LOG_TAIL:]}")
        return text

    def check(self) -> None:
        """Raise PartEndedError if a part that was started and not stopped runs no longer."""
        for part in self._parts:
            part.check()

    async def stop(self, part: Part) -> None:
        """End one part in good order."""
        self._parts.remove(part)
        await part.stop()

    async def kill(self, part: Part) -> None:
        """End one part as kill -9 does."""
        self._parts.remove(part)
        await part.kill()

    async def wait_ready(self) -> None:
        """Return once the gateway says that it is ready."""
        async with aiohttp.ClientSession() as client, asyncio.timeout(READY_S):
            while True:
                self.check()
                try:
                    async with client.get(f"{self.url}/readyz") as answer:
                        if answer.ok:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)

    async def wait_for(
        self, ends: Ends, topic: str, total: int, *, patience_s: float, every_s: float = 0.02
    ) -> float:
        """Return the time at which a topic had so many records; TimeoutError if it never had."""
        async with asyncio.timeout(patience_s):
            while await ends.total(topic) < total:
                self.check()
                await asyncio.sleep(every_s)
        return time.perf_counter()

    async def publish(self, lines: Sequence[Line]) -> None:
        """Put events on their topic, for workers that will judge them or do already."""
        await fill(self.connection, self.topics.events, lines, self.partitions)
        self.unjudged += len(lines)
        self._sent += len(lines)

    async def wait_judged(
        self, ends: Ends, total: int, *, patience_s: float = JUDGED_S, every_s: float = 0.1
    ) -> None:
        """Return once every event has its record: the ledger has `total` records then.

        It may have more, of what a worker's clock has published since a partition's backlog was
        done. Raises TimeoutError, and ValueError when there are more than that.
        """
        await self.wait_for(ends, self.topics.ledger, total, patience_s=patience_s, every_s=every_s)
        found = await ends.total(self.topics.ledger)
        # After the ledger: every record's event is there already.
        by_clock = await ends.total(self.topics.events) - self._sent
        if found > total + by_clock:
            raise ValueError(f"the ledger has {found:,} records, not {total:,} and {by_clock:,}")
        self.unjudged = 0

    async def close(self) -> None:
        """End every part and remove topics, database and files."""
        await asyncio.gather(*(part.stop() for part in self._parts))
        await drop_topics(self.connection, self.topics.prefix)
        if self.dsn:
            async with await psycopg.AsyncConnection.connect(
                self._admin_dsn, autocommit=True
            ) as connection:
                name = sql.Identifier(self._database)
                await connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        await asyncio.to_thread(shutil.rmtree, self.home, ignore_errors=True)


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
