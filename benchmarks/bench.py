"""What the rows of one run share: the stack they run on, the options, and where results go."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks.events import REFERENCE
from benchmarks.kafka import Ends
from benchmarks.results import Figure, Results
from benchmarks.rows import BY_NAME
from benchmarks.system import ROOT, System
from broker.connection import Connection
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.postgres import EmbeddedPostgres

SCALED_MIN: Final = 1000
# A broker that was just started takes twice the time for everything until its code is compiled.
COLD_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured."""

    rounds: int = 3
    # Multiplies every count of events and records, and how long a load lasts.
    scale: float = 1.0
    # How long each round of an open-loop load lasts, unscaled.
    seconds: float = 30.0
    # Records on the ledger that a bare worker takes over, unscaled.
    records: int = 20_000_000
    partitions: int = 4
    only: frozenset[str] = frozenset(BY_NAME)


class Bench:
    """One run."""

    def __init__(
        self,
        options: Options,
        results: Results,
        console: Console,
        *,
        kafka: EmbeddedKafka,
        postgres: EmbeddedPostgres,
        scratch: Path,
        cache_dir: Path,
    ) -> None:
        """Take the stack, which runs, and a directory for everything that the rows make."""
        self.options = options
        self.connection = Connection(kafka.bootstrap_servers)
        self._kafka = kafka
        self._postgres = postgres
        self.scratch = scratch
        self.cache_dir = cache_dir
        self.measured: list[str] = []
        self.failed: dict[str, str] = {}
        self._results = results
        self._console = console
        self._made = 0
        self._warm = False
        self._began = time.monotonic()

    @property
    def broker_pid(self) -> int:
        """The process of the broker, which runs."""
        pid = self._kafka.pid
        assert pid is not None, "the broker has ended"
        return pid

    @property
    def postgres_pid(self) -> int:
        """The first process of Postgres, which runs; its sessions are children of it."""
        pid = self._postgres.pid
        assert pid is not None, "Postgres has ended"
        return pid

    @property
    def dsn(self) -> str:
        """A database of the Postgres that runs, whose user may create others."""
        return self._postgres.administrator_dsn

    async def warm_up(self, load: Callable[[float], Awaitable[object]]) -> None:
        """Run a load for so many seconds, uncounted, if none has warmed this run's broker yet."""
        if not self._warm:
            seconds = self.seconds(COLD_S)
            self.say(f"warming the broker up for {seconds:.0f} s")
            await load(seconds)
            self._warm = True

    def say(self, text: str) -> None:
        """Tell the person who waits how far it is."""
        passed = int(time.monotonic() - self._began)
        self._console.print(
            f"{passed // 60:>3}:{passed % 60:02}  {text}", highlight=False, markup=False
        )

    def wanted(self, *names: str) -> list[str]:
        """Return which of these rows are to be measured."""
        return [name for name in names if name in self.options.only]

    def count(self, full: int, least: int = SCALED_MIN) -> int:
        """Return a count of events, records or users at the scale of this run."""
        return max(min(full, least), round(full * self.options.scale))

    def seconds(self, full: float | None = None) -> float:
        """Return how long a load lasts at the scale of this run: at least three seconds."""
        return max(3.0, (full or self.options.seconds) * min(1.0, self.options.scale))

    def record(self, name: str, figure: Figure) -> None:
        """Keep and tell a row's figure."""
        row = BY_NAME[name]
        self._results.record(name, figure)
        self.measured.append(name)
        self.failed.pop(name, None)
        self.say(f"= {name}: {figure.value:,.4g} {row.unit} ({row.reached(figure.value)})")

    def fail(self, name: str, reason: str) -> None:
        """Keep and tell why a row has no figure."""
        self._results.fail(name, reason)
        self.failed[name] = reason
        self.say(f"! {name}: {reason or 'no reason was told'}")

    def new_prefix(self, name: str) -> str:
        """Return a name that nothing else of this run has."""
        self._made += 1
        return f"bench-{name}-{self._made}"

    @asynccontextmanager
    async def system(
        self, name: str, *, game: Path = REFERENCE, database: bool = False, root: Path = ROOT
    ) -> AsyncIterator[System]:
        """Lend a system with a game in force, none of its parts running yet.

        `root` is the checkout whose programs it runs.
        """
        prefix = self.new_prefix(name)
        system = System(
            self.connection.bootstrap,
            self.dsn,
            prefix,
            self.scratch / prefix,
            self.options.partitions,
            root,
        )
        try:
            await system.set_up(game, database=database)
            yield system
        finally:
            # What could not be tidied up goes with the stack; it must not hide an error.
            with suppress(Exception):
                await asyncio.wait_for(system.close(), 60)

    def ends(self) -> Ends:
        """Return a watcher of topics' ends, to be entered."""
        return Ends(self.connection, self.options.partitions)
