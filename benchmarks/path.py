"""Rows from the log to Postgres: how many events a second it lasts with, and how late a row is.

Worker and projector run as processes; what watches them asks the broker for the ends of the topics
and Postgres for the projector's own positions, which move in the transaction that stores the rows.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from random import Random
from statistics import mean
from typing import Any, Final, NamedTuple

import psycopg
from aiokafka import AIOKafkaProducer

from benchmarks.bench import Bench
from benchmarks.ceiling import highest
from benchmarks.events import SEED, Line, reference
from benchmarks.http_rows import quantile
from benchmarks.kafka import Ends
from benchmarks.results import Figure
from benchmarks.system import System
from broker.partitions import partition_of
from broker.producer import producer

USERS: Final = 10_000
START_S: Final = 60.0
DRAIN_S: Final = 120.0
LOOK_EVERY_S: Final = 0.25
TICK_S: Final = 0.01

# The search for the highest rate.
FIRST_RATE: Final = 4000.0
STEP_S: Final = 15.0
RATE_MAX: Final = 60_000.0
RATE_MIN: Final = 250.0
STEP_BACK: Final = 0.93
STEPS_BACK_MAX: Final = 5
# What lag may do: grow by this part of the events, and by so many seconds' worth of them.
GROWTH_MAX: Final = 0.02
GROWTH_S: Final = 0.1
PUBLISHED_MIN: Final = 0.98

# Event to row.
ROW_RATE: Final = 1000
POLL_S: Final = 0.005
WARM_UP_S: Final = 3.0

POSITIONS: Final = "SELECT partition, next_offset, source_offset FROM read.positions"


class Trial(NamedTuple):
    """What happened at one rate."""

    rate: float
    holds: bool
    # Events per second that came to be rows.
    stored: float
    # In seconds' worth of events, at the end: what the worker and the whole path were behind.
    worker_lag_s: float
    lag_s: float


class _Watch:
    """Looks at events, ledger and rows of a system without a history."""

    def __init__(self, system: System, ends: Ends, database: psycopg.AsyncConnection[Any]) -> None:
        self._system = system
        self._ends = ends
        self._database = database

    async def look(self) -> tuple[int, int, int]:
        """Return how many events were published, judged, and stored as rows."""
        topics = self._system.topics
        rows = await (await self._database.execute(POSITIONS)).fetchall()
        judged = await self._ends.total(topics.ledger)
        published = await self._ends.total(topics.events)
        return published, judged, sum(row[1] for row in rows)

    async def drain(self) -> None:
        async with asyncio.timeout(DRAIN_S):
            while True:
                published, _judged, stored = await self.look()
                if stored >= published:
                    return
                self._system.check()
                await asyncio.sleep(0.1)


async def path_row(bench: Bench) -> None:
    """Measure the row `path`."""
    async with (
        bench.system("path", database=True) as system,
        bench.ends() as ends,
        await psycopg.AsyncConnection.connect(system.dsn, autocommit=True) as database,
    ):
        for part in ("worker", "project"):
            await system.start(part, XP_LOG_LEVEL="warning")
        watch = _Watch(system, ends, database)
        await asyncio.wait_for(watch.drain(), START_S)
        trials = _Trials(bench, system, watch)
        rate = await trials.search()
        rounds: list[Trial] = []
        for _ in range(STEPS_BACK_MAX):
            rounds = []
            while len(rounds) < bench.options.rounds:
                rounds.append(await trials.at(rate, bench.seconds()))
                if not rounds[-1].holds:
                    break
            if rounds[-1].holds:
                break
            rate *= STEP_BACK
        else:
            raise RuntimeError(f"no rate lasted for {bench.seconds():.0f} s")
    beside = {
        "lag of the worker, s": [trial.worker_lag_s for trial in rounds],
        "lag of the rows, s": [trial.lag_s for trial in rounds],
    }
    how = {
        "rate": rate,
        "seconds": bench.seconds(),
        "note": "lag is told in seconds' worth of events; the producer runs on the same cores",
        "trials": [
            {"rate": round(trial.rate), "holds": trial.holds, "lag_s": round(trial.lag_s, 2)}
            for trial in trials.made
        ],
    }
    bench.record("path", Figure([trial.stored for trial in rounds], beside, how))


class _Trials:
    def __init__(self, bench: Bench, system: System, watch: _Watch) -> None:
        self._bench = bench
        self._system = system
        self._watch = watch
        self.made: list[Trial] = []

    async def search(self) -> float:
        """Return the highest rate that held for a step."""
        seconds = self._bench.seconds(STEP_S)

        async def holds(rate: float) -> bool:
            return (await self.at(rate, seconds)).holds

        return await highest(holds, FIRST_RATE, least=RATE_MIN, most=RATE_MAX)

    async def at(self, rate: float, seconds: float) -> Trial:
        """Publish at a rate for some seconds and see what lag does."""
        lines = reference(round(rate * seconds), USERS, run=f"t{len(self.made)}", dated=False)
        sending = asyncio.create_task(_send(self._system, lines, rate))
        looks: list[tuple[float, int, int, int]] = []
        began = time.perf_counter()
        try:
            while not sending.done() and time.perf_counter() - began < seconds:
                looks.append((time.perf_counter(), *await self._watch.look()))
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        if not sending.cancelled() and sending.exception():
            await sending
        self._system.check()
        trial = _judged(rate, looks)
        self.made.append(trial)
        self._bench.say(
            f"{rate:>9,.0f}/s  {'holds' if trial.holds else 'lags '}  stored {trial.stored:,.0f}/s"
            f"  behind: worker {trial.worker_lag_s:.2f} s, rows {trial.lag_s:.2f} s"
        )
        await self._watch.drain()
        return trial


def _judged(rate: float, looks: Sequence[tuple[float, int, int, int]]) -> Trial:
    quarter = max(1, len(looks) // 4)
    second, fourth = looks[quarter : 2 * quarter] or looks[:1], looks[-quarter:]
    lags = [
        mean(published - stored for _, published, _, stored in some) for some in (second, fourth)
    ]
    worker = mean(published - judged for _, published, judged, _ in fourth)
    passed = mean(at for at, *_ in fourth) - mean(at for at, *_ in second)
    (began, *before), (ended, *after) = second[0], looks[-1]
    spent = max(ended - began, 1e-9)
    published, stored = (after[0] - before[0]) / spent, (after[2] - before[2]) / spent
    grown = lags[1] - lags[0]
    holds = published >= PUBLISHED_MIN * rate and grown <= rate * (GROWTH_MAX * passed + GROWTH_S)
    return Trial(rate, holds, stored, worker / rate, lags[1] / rate)


async def _send(system: System, lines: list[Line], rate: float) -> None:
    """Publish at a rate: what is due by the clock, whatever became of what went before."""
    placed = [(partition_of(line.key, system.partitions), line) for line in lines]
    topic = system.topics.events
    flying: set[asyncio.Future[Any]] = set()
    async with producer(system.connection) as client:
        began, sent = time.perf_counter(), 0
        while sent < len(placed):
            due = min(len(placed), int((time.perf_counter() - began) * rate))
            builders: dict[int, Any] = {}
            for partition, line in placed[sent:due]:
                builder = builders.get(partition)
                if builder is None:
                    builder = builders[partition] = client.create_batch()
                if builder.append(key=line.key, value=line.value, timestamp=None) is None:
                    flying.add(await client.send_batch(builder, topic, partition=partition))
                    builder = builders[partition] = client.create_batch()
                    builder.append(key=line.key, value=line.value, timestamp=None)
            for partition, builder in builders.items():
                flying.add(await client.send_batch(builder, topic, partition=partition))
            sent = due
            flying = {future for future in flying if not future.done()}
            await asyncio.sleep(TICK_S)
        await asyncio.gather(*flying)


async def postgres_row(bench: Bench) -> None:
    """Measure the row `postgres`."""
    rounds: list[list[float]] = []
    async with bench.system("rows", database=True) as system, bench.ends() as ends:
        for part in ("worker", "project"):
            await system.start(part, XP_LOG_LEVEL="warning")
        async with await psycopg.AsyncConnection.connect(system.dsn, autocommit=True) as database:
            watch = _Watch(system, ends, database)
            await asyncio.wait_for(watch.drain(), START_S)
            await bench.warm_up(lambda seconds: _latencies(system, database, seconds, "warm"))
            await watch.drain()
            for number in range(bench.options.rounds):
                found = await _latencies(system, database, bench.seconds(), f"{number}")
                rounds.append(found)
                p50, p99 = quantile(found, 0.5), quantile(found, 0.99)
                bench.say(f"round {number + 1}  p50 {p50:.0f} ms  p99 {p99:.0f} ms")
                await watch.drain()
    beside = {
        "p50, ms": [quantile(found, 0.5) for found in rounds],
        "p99.9, ms": [quantile(found, 0.999) for found in rounds],
    }
    how = {
        "rate": ROW_RATE,
        "seconds": bench.seconds(),
        "note": "from when an event was due to be sent until a look at the projector's positions, "
        f"every {1000 * POLL_S:.0f} ms, found it stored",
    }
    bench.record("postgres", Figure([quantile(found, 0.99) for found in rounds], beside, how))


async def _latencies(
    system: System, database: psycopg.AsyncConnection[Any], counted_s: float, name: str
) -> list[float]:
    """Return the milliseconds of each event that was due after the first few seconds."""
    seconds = WARM_UP_S + counted_s
    dice = Random(f"{SEED}{name}")
    lines = reference(round(ROW_RATE * seconds), USERS, run=f"w{name}", dated=False)
    # (partition, offset) -> when the event was due.
    waiting: dict[int, dict[int, float]] = {p: {} for p in range(system.partitions)}
    found: list[float] = []
    began = time.perf_counter() + 0.1
    async with producer(system.connection) as client:
        sending = asyncio.create_task(_send_each(client, system, lines, dice, began, waiting))
        reached = dict.fromkeys(waiting, -1)
        while not sending.done() or any(waiting.values()):
            rows = await (await database.execute(POSITIONS)).fetchall()
            now = time.perf_counter()
            for partition, _next, source in rows:
                if source is not None and source > reached[partition]:
                    _take(waiting[partition], source, now, found, began + WARM_UP_S)
                    reached[partition] = source
                elif source is not None:
                    # An acknowledgement may come after the row.
                    _take(waiting[partition], source, now, found, began + WARM_UP_S)
            if sending.done() and now > began + seconds + START_S:
                raise TimeoutError("events were not stored in time")
            system.check()
            await asyncio.sleep(POLL_S)
        await sending
    return found


def _take(
    waiting: dict[int, float], source: int, now: float, found: list[float], counted_from: float
) -> None:
    for offset in [offset for offset in waiting if offset <= source]:
        due = waiting.pop(offset)
        if due >= counted_from:
            found.append(1000 * (now - due))


async def _send_each(
    client: AIOKafkaProducer,
    system: System,
    lines: list[Line],
    dice: Random,
    began: float,
    waiting: Mapping[int, dict[int, float]],
) -> None:
    due = began
    last: asyncio.Future[Any] | None = None
    for line in lines:
        due += dice.expovariate(ROW_RATE)
        left = due - time.perf_counter()
        if left > 0:
            await asyncio.sleep(left)
        partition = partition_of(line.key, system.partitions)
        last = await client.send(
            system.topics.events, line.value, key=line.key, partition=partition
        )

        def acknowledged(sent: asyncio.Future[Any], due: float = due) -> None:
            landed = sent.result()
            waiting[landed.partition][landed.offset] = due

        last.add_done_callback(acknowledged)
    if last is not None:
        await last
