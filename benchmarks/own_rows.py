"""Rows of POSTs beside an API on Postgres that a team writes itself (`peers/own_api.py`).

The same load on the same Postgres. They take turns, and while one is measured the other's processes
do not run.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from statistics import median
from typing import Final

import aiohttp
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from benchmarks.bench import Bench
from benchmarks.ceiling import highest
from benchmarks.http_rows import Load, Target, send_load, system_serving, told
from benchmarks.peers import own_api
from benchmarks.results import Figure
from benchmarks.system import Part, free_port

OURS: Final = "xpledger"
OWN: Final = "own API"
# Of uvicorn: one per core, for it would wait for one core while another has nothing to do.
WORKERS: Final = os.cpu_count() or 1
READY_S: Final = 30.0

# The search for the highest rate.
P99_MAX_MS: Final = 100.0
STEP_S: Final = 10.0
FIRST_RATE: Final = 400.0
RATE_MIN: Final = 50.0
RATE_MAX: Final = 20_000.0
# What a rate that did not hold has left behind is worked off.
REST_S: Final = 3.0

Serve = Callable[[Bench], AbstractAsyncContextManager[Target]]


async def own_200_row(bench: Bench) -> None:
    """Measure the row `own-200-p99`."""
    rate = 200.0
    loads: dict[str, list[Load]] = {name: [] for name in CONTENDERS}
    for number in range(bench.options.rounds):
        for name, serve in CONTENDERS.items():
            async with serve(bench) as target:
                load = await send_load(target, rate, bench.seconds(), f"r{number}")
            bench.say(f"round {number + 1}  {name:<8}  {told(load)}")
            if trouble := load.trouble():
                raise RuntimeError(f"{name}: {trouble}")
            loads[name].append(load)
    p99 = {name: [load.latency_ms(0.99) for load in found] for name, found in loads.items()}
    beside = {}
    for name, found in loads.items():
        beside[f"{name}, p50, ms"] = [load.latency_ms(0.5) for load in found]
        beside[f"{name}, p99, ms"] = p99[name]
        beside[f"{name}, CPU, µs"] = [load.all_cpu_us for load in found]
    how = {"rate": rate, "seconds": bench.seconds(), "workers": WORKERS}
    bench.record("own-200-p99", _ratio(p99, beside, how))


async def own_ceiling_row(bench: Bench) -> None:
    """Measure the row `own-ceiling`."""
    ceilings: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in range(bench.options.rounds):
        for name, serve in CONTENDERS.items():
            async with serve(bench) as target:
                ceiling = await _ceiling(bench, target)
            bench.say(f"round {number + 1}  {name:<8}  {ceiling:,.0f}/s")
            ceilings[name].append(ceiling)
    beside = {f"{name}, requests/s": found for name, found in ceilings.items()}
    how = {"seconds": bench.seconds(STEP_S), "p99_max_ms": P99_MAX_MS, "workers": WORKERS}
    bench.record("own-ceiling", _ratio(ceilings, beside, how))


async def _ceiling(bench: Bench, target: Target) -> float:
    """Return the highest rate that a target holds."""

    async def holds(rate: float) -> bool:
        load = await send_load(target, rate, bench.seconds(STEP_S), f"c{rate:.0f}")
        held = _holds(load)
        bench.say(f"{'holds' if held else 'fails'}  {told(load)}")
        await asyncio.sleep(REST_S)
        return held

    return await highest(holds, FIRST_RATE, least=RATE_MIN, most=RATE_MAX)


def _holds(load: Load) -> bool:
    return not load.trouble(held=True) and load.latency_ms(0.99) < P99_MAX_MS


@asynccontextmanager
async def own_serving(bench: Bench) -> AsyncIterator[Target]:
    """Lend the contender, running, on a database of its own."""
    name = bench.new_prefix("own").replace("-", "_")
    dsn, key, port = make_conninfo(bench.dsn, dbname=name), secrets.token_hex(16), free_port()
    async with await psycopg.AsyncConnection.connect(bench.dsn, autocommit=True) as admin:
        await admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            async with await psycopg.AsyncConnection.connect(dsn) as connection:
                await connection.execute(own_api.SCHEMA)
            env = {**os.environ, own_api.POSTGRES: dsn, own_api.API_KEY: key}
            log = bench.scratch / f"{name}.log"
            part = await Part.start(OWN, own_api.command(port, WORKERS), log, env)
            try:
                url = f"http://127.0.0.1:{port}"
                await _wait_ready(part, url)
                pids = {OWN: part.process.pid, "Postgres": bench.postgres_pid}
                yield Target(url, key, pids, part.check)
            finally:
                await part.stop()
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            await admin.execute(drop)


async def _wait_ready(part: Part, url: str) -> None:
    async with aiohttp.ClientSession() as client, asyncio.timeout(READY_S):
        while True:
            part.check()
            try:
                async with client.get(f"{url}/health") as answer:
                    if answer.ok:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


CONTENDERS: Final[Mapping[str, Serve]] = {OURS: system_serving, OWN: own_serving}


def _ratio(
    values: Mapping[str, list[float]],
    beside: Mapping[str, list[float]],
    how: Mapping[str, object],
) -> Figure:
    """Return ours by theirs."""
    ours, own = values[OURS], values[OWN]
    ratios = [mine / other for mine, other in zip(ours, own, strict=True)]
    return Figure(ratios, beside, how, median(ours) / median(own))
