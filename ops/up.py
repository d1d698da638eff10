"""All parts under one supervisor: the embedded stack where none is named, and our own parts.

What was started is stopped again: at Ctrl-C, at SIGTERM and when Kafka or Postgres dies. A part is
a process of its own, so that none can take another down, and dies with the supervisor even at
kill -9. A part that ends by itself is started again, unless it does so at the start or too often.
"""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import httpx
import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from broker.definitions import DefinitionsReader
from broker.topics import create_topics
from gateway import keys
from ops.apply import apply_game
from ops.embedded.jars import fetch_jars
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.postgres import EmbeddedPostgres
from ops.embedded.process import Child, choose_port
from ops.embedded.server import EmbeddedServer
from ops.game_file import read_game
from ops.publish import Published, publish
from ops.settings import RUNNING_FILE, Settings, environment, mask
from ops.tables import print_tops
from projections.database import connect
from projections.migrations import migrate
from projections.positions import positions
from schemas.topics import DEFAULT_TENANT

ROOT: Final = Path(__file__).resolve().parent.parent
PARTS: Final = ("worker", "project", "serve", "notify")
READY_WAIT_S: Final = 60.0
STOP_PATIENCE_S: Final = 10.0
LOOK_EVERY_S: Final = 0.2
REFUSED_SHOWN_MAX: Final = 20
# A part that ended by itself so often within so many seconds will not fare better the next time.
RESTARTS_MAX: Final = 3
RESTARTS_WITHIN_S: Final = 60.0

log = structlog.get_logger(__name__)


class PartDiedError(Exception):
    """A part ended by itself; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Job:
    """What `xp up` is to do once everything runs."""

    game: Path | None = None
    publish: Path | None = None
    tenant: str = DEFAULT_TENANT
    exit_when_idle: bool = False


class Stack:
    """What `xp up` has started, in the order of starting."""

    def __init__(self, settings: Settings, console: Console) -> None:
        """Take what is to be run; nothing starts before it is entered."""
        self.settings = settings
        self._console = console
        self._data_dir = settings.data_dir.resolve()
        self._opened = AsyncExitStack()
        self._watched: dict[str, Child | EmbeddedServer] = {}
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
        settings, running = self.settings, {}
        self._data_dir.mkdir(parents=True, exist_ok=True)
        if settings.kafka is None:
            running["kafka"] = await self._start_kafka()
        if settings.postgres is None:
            running["postgres"] = await self._start_postgres()
        self._leave_addresses(running)
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

    async def _start_kafka(self) -> str:
        self._console.print("Kafka     starting …", style="dim")
        jars = await asyncio.to_thread(fetch_jars, self.settings.cache_dir)
        kafka = EmbeddedKafka(self._data_dir, jars, self.settings.kafka_port)
        self._opened.push_async_callback(asyncio.to_thread, kafka.stop)
        await asyncio.to_thread(kafka.start)
        self._watched["kafka"] = kafka
        self._console.print(f"Kafka     {kafka.bootstrap_servers}")
        return kafka.bootstrap_servers

    async def _start_postgres(self) -> str:
        postgres = EmbeddedPostgres(self._data_dir, self.settings.postgres_port)
        self._opened.push_async_callback(asyncio.to_thread, postgres.stop)
        await asyncio.to_thread(postgres.start)
        self._watched["postgres"] = postgres
        self._console.print(f"Postgres  {mask(postgres.dsn)}")
        return postgres.dsn

    def _leave_addresses(self, running: dict[str, str]) -> None:
        if not running:
            return
        path = self._data_dir / RUNNING_FILE
        path.touch(mode=0o600)
        path.write_text(json.dumps(running))
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
            variables = environment(resolved)
            if self.settings.metrics_port is not None:
                variables["XP_METRICS_PORT"] = str(self.settings.metrics_port + number)
            child = Child(
                part,
                self._data_dir / "parts" / part,
                marks=(str(self._data_dir), part),
                stop_signal=signal.SIGTERM,
                environment=variables,
            )
            await asyncio.to_thread(child.claim)
            self._opened.push_async_callback(asyncio.to_thread, child.stop, STOP_PATIENCE_S)
            command = [sys.executable, str(ROOT / "ops" / "part.py"), part, str(self._data_dir)]
            await asyncio.to_thread(child.start, command)
            self._watched[part] = child
            self._commands[part] = command
        return f"http://{self.settings.host}:{port}"

    async def wait_ready(self, url: str) -> None:
        """Return when the gateway is ready; PartDiedError or TimeoutError when it will not be."""
        async with httpx.AsyncClient() as client, asyncio.timeout(READY_WAIT_S):
            while True:
                self.check()
                try:
                    if (await client.get(f"{url}/readyz")).is_success:
                        self._ready = True
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(LOOK_EVERY_S)

    def check(self) -> None:
        """Raise PartDiedError when something that was started is no longer running."""
        for name, child in self._watched.items():
            if not child.alive:
                raise PartDiedError(f"{name} ended by itself; its log ends:\n{child.log_tail()}")

    async def watch(self) -> None:
        """Start again what ends by itself; PartDiedError when that is of no use."""
        while True:
            for part, command in self._commands.items() if self._ready else ():
                child = self._watched[part]
                if isinstance(child, Child) and not child.alive and self._may_restart(part):
                    log.warning("part.restarted", part=part, code=child.exit_code)
                    self._console.print(f"{part} ended by itself and is started again", style="red")
                    await asyncio.to_thread(child.start, command)
            self.check()
            await asyncio.sleep(LOOK_EVERY_S)

    def _may_restart(self, part: str) -> bool:
        now = time.monotonic()
        lately = [at for at in self._restarts.get(part, []) if now - at < RESTARTS_WITHIN_S]
        self._restarts[part] = [*lately, now]
        return len(lately) < RESTARTS_MAX


async def up(settings: Settings, job: Job, console: Console) -> None:
    """Run everything and do the job; return when it is done, if it is to end then.

    Raises PartDiedError, and the typed errors of what could not be started or read.
    """
    game = read_game(job.game) if job.game else None
    async with Stack(settings, console) as stack:
        settings = stack.settings
        key = await stack.first_key()
        if key is not None:
            console.print(
                f"API key   [bold]{key}[/bold]  (shown once; `xp keys create` makes others)"
            )
        if game is not None:
            applied = await apply_game(
                settings.connection(), settings.topics, game, tenant=job.tenant
            )
            console.print(f"Game      {job.game}: version {applied.version} in force")
        url = await stack.start_parts()
        watching = asyncio.create_task(stack.watch())
        try:
            doing = asyncio.create_task(_do(stack, job, url, console))
            await asyncio.wait({watching, doing}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                doing.cancel()
                await watching
            await doing
            if not job.exit_when_idle:
                await watching
        finally:
            watching.cancel()


async def _do(stack: Stack, job: Job, url: str, console: Console) -> None:
    settings = stack.settings
    if job.publish is not None:
        published = await publish_file(settings, job.publish, console)
        await _wait_in_postgres(settings, published, console)
        await print_tops(settings, job.tenant, console)
    await stack.wait_ready(url)
    if job.exit_when_idle:
        return
    console.print(f"\nGateway   {url}/v1   docs {url}/docs   ready {url}/readyz")
    console.print(f"Logs      {settings.data_dir / 'parts'}")
    console.print("Try       xp doctor   xp --help   (Ctrl-C stops everything)")


async def publish_file(settings: Settings, path: Path, console: Console) -> Published:
    """Publish an NDJSON file (- for standard input) with a progress bar, and tell how it went."""
    with _lines(path) as (lines, size), _progress(console) as progress:
        task = progress.add_task("Publishing", total=size)
        published = await publish(
            settings.connection(),
            settings.topics,
            lines,
            progress=lambda read: progress.advance(task, read),
        )
    console.print(
        f"Published {published.accepted:,} events from {path}, {len(published.refused):,} refused"
    )
    for number, reason in published.refused[:REFUSED_SHOWN_MAX]:
        console.print(f"  {path}:{number}: {reason}", style="red", markup=False)
    more = len(published.refused) - REFUSED_SHOWN_MAX
    if more > 0:
        console.print(f"  and {more:,} more", style="red")
    return published


@contextmanager
def _lines(path: Path) -> Iterator[tuple[Iterable[bytes], int | None]]:
    if str(path) == "-":
        yield sys.stdin.buffer, None
    else:
        with path.open("rb") as file:
            yield file, path.stat().st_size


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<10}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


async def _wait_in_postgres(settings: Settings, published: Published, console: Console) -> None:
    """Wait until every published event is in Postgres."""
    async with DefinitionsReader(settings.connection(), settings.topics.definitions) as reader:
        epoch = reader.epoch
    total = sum(offset + 1 for offset in published.last.values())
    with _progress(console) as progress:
        progress.columns = (*progress.columns, MofNCompleteColumn())
        task = progress.add_task("Judging", total=total)
        while True:
            async with connect(settings.dsn()) as connection:
                held = await positions(connection)
            done = 0
            behind = False
            for partition, wanted in published.last.items():
                last = held[partition].last if partition in held else None
                reached = last.offset if last is not None and last.epoch == epoch else -1
                done += min(reached, wanted) + 1
                behind = behind or reached < wanted
            progress.update(task, completed=done)
            if not behind:
                return
            await asyncio.sleep(LOOK_EVERY_S)
