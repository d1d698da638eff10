"""Rows over HTTP: POST to its verdict under open-loop load, all parts running.

Beside the latencies, what each part takes of the processors per request.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.bench import Bench
from benchmarks.cpu import all_cpu_s
from benchmarks.http_load import COUNTING, CREATED, Job, Seen
from benchmarks.results import Figure
from benchmarks.system import ROOT

PARTS: Final = ("worker", "project", "serve", "notify")
# What the parts are called elsewhere.
NAMES: Final = {"project": "projector", "serve": "gateway", "notify": "notifier"}
WARM_UP_S: Final = 4.0
WARMING_RATE: Final = 500.0
FAILED_MAX: Final = 0.01
# What may be without an answer when the last request is due: this part of them, and so many
# seconds' worth.
BEHIND_MAX: Final = 0.02
BEHIND_S: Final = 0.1
# Of a load that is not kept up with, these say nothing: work is left over, or of requests before.
HELD: Final = frozenset({"cpu-200", "post-2000-p99"})


class Target(NamedTuple):
    """What serves the POSTs."""

    url: str
    key: str
    # Name -> process, whose children count with it.
    pids: Mapping[str, int]
    # Raises PartEndedError if one of the processes that were started runs no longer.
    check: Callable[[], None]


class Load(NamedTuple):
    """What came of one load."""

    rate: float
    seen: Seen
    # Name -> microseconds of processor time per counted request.
    cpu_us: Mapping[str, float]

    def latency_ms(self, part: float) -> float:
        """Return the latency below which this part of them lies."""
        return quantile(self.seen.latencies_ms, part)

    @property
    def all_cpu_us(self) -> float:
        """Microseconds of processor time per counted request, of everything."""
        return sum(self.cpu_us.values())

    def trouble(self, *, held: bool = False) -> str | None:
        """Return None if it gives a figure, else a sentence why not.

        `held`: the figure means something only where the answers keep up with the requests.
        """
        statuses = self.seen.statuses
        failed = 1 - statuses.get(str(CREATED), 0) / max(1, sum(statuses.values()))
        if failed > FAILED_MAX:
            return f"{failed:.1%} of the requests had no verdict in time"
        if held and not self.kept_up():
            return f"answers do not keep up: {self.seen.behind:,} waited when the last was due"
        return None

    def kept_up(self) -> bool:
        """Whether the answers came as fast as the requests."""
        allowed = BEHIND_MAX * len(self.seen.latencies_ms) + BEHIND_S * self.rate
        return self.seen.behind <= allowed


async def post_200_rows(bench: Bench) -> None:
    """Measure the rows `post-200-p50`, `post-200-p99` and `cpu-200`."""
    rows = {"post-200-p50": _p50, "post-200-p99": _p99, "cpu-200": _cpu}
    await _post_rows(bench, 200, rows)


async def post_1000_rows(bench: Bench) -> None:
    """Measure the rows `post-1000-p50` and `post-1000-p99`."""
    await _post_rows(bench, 1000, {"post-1000-p50": _p50, "post-1000-p99": _p99})


async def post_2000_row(bench: Bench) -> None:
    """Measure the row `post-2000-p99`, which has no figure when the answers do not keep up."""
    await _post_rows(bench, 2000, {"post-2000-p99": _p99})


def _p50(load: Load) -> float:
    return load.latency_ms(0.5)


def _p99(load: Load) -> float:
    return load.latency_ms(0.99)


def _cpu(load: Load) -> float:
    return load.all_cpu_us


async def _post_rows(
    bench: Bench, rate: float, rows: Mapping[str, Callable[[Load], float]]
) -> None:
    loads: list[Load] = []
    async with system_serving(bench) as target:
        for number in range(bench.options.rounds):
            load = await send_load(target, rate, bench.seconds(), f"r{number}")
            loads.append(load)
            bench.say(f"round {number + 1}  {told(load)}")
    how = {
        "rate": rate,
        "seconds": bench.seconds(),
        "parts": list(PARTS),
        "statuses": [load.seen.statuses for load in loads],
    }
    for name in bench.wanted(*rows):
        troubles = [load.trouble(held=name in HELD) for load in loads]
        if trouble := next(filter(None, troubles), None):
            bench.fail(name, trouble)
            continue
        bench.record(name, Figure([rows[name](load) for load in loads], _beside(loads), how))


def _beside(loads: Sequence[Load]) -> dict[str, list[float]]:
    latencies = {
        f"p{100 * part:g}, ms": [load.latency_ms(part) for load in loads]
        for part in (0.5, 0.9, 0.99, 0.999)
    }
    cpu = {f"CPU of {name}, µs": [load.cpu_us[name] for load in loads] for name in loads[0].cpu_us}
    late = [quantile(load.seen.late_ms, 0.99) for load in loads]
    return latencies | cpu | {"load generator late, p99, ms": late}


def told(load: Load) -> str:
    """Return what came of a load in a line."""
    cpu = ", ".join(f"{name} {us:,.0f}" for name, us in load.cpu_us.items())
    return (
        f"{load.rate:,.0f}/s  p50 {load.latency_ms(0.5):.1f} ms  p99 {load.latency_ms(0.99):.1f} ms"
        f"  {load.all_cpu_us:,.0f} µs per request ({cpu})  answers {load.seen.statuses}"
        f"{'' if load.kept_up() else f'  {load.seen.behind:,} behind'}"
    )


@asynccontextmanager
async def system_serving(bench: Bench, root: Path = ROOT) -> AsyncIterator[Target]:
    """Lend a system with all its parts running, on a broker that is warm.

    `root` is the checkout whose programs it runs.
    """
    async with bench.system("http", database=True, root=root) as system:
        pids = {"broker": bench.broker_pid, "Postgres": bench.postgres_pid}
        for part in PARTS:
            # Nothing is old here: the clock runs, as it does for users.
            started = await system.start(part, XP_LOG_LEVEL="warning", XP_CLOCK="true")
            pids[NAMES.get(part, part)] = started.process.pid
        await system.wait_ready()
        async with bench.ends() as ends:
            await system.wait_judged(ends, system.unjudged)
        target = Target(system.url, system.key, pids, system.check)
        await bench.warm_up(lambda seconds: send_load(target, WARMING_RATE, seconds, "warm"))
        yield target


async def send_load(target: Target, rate: float, seconds: float, run: str) -> Load:
    """Send so many requests per second and return what came of them.

    Those of some seconds before are not counted. `run` keeps the idempotency keys apart from those
    of another load on the same target. Raises PartEndedError if the target did not live to the end.
    """
    job = Job(target.url, target.key, rate, seconds, WARM_UP_S, run)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.http_load", json.dumps(job._asdict())),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        counts = await process.stdout.readline() == COUNTING
        before = all_cpu_s(target.pids) if counts else {}
        printed = await process.stdout.read(1)
        after = all_cpu_s(target.pids) if counts else {}
        printed += await process.stdout.read()
        await process.wait()
    except asyncio.CancelledError:
        process.kill()
        raise
    target.check()
    if process.returncode or not counts:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    seen = Seen(**json.loads(printed))
    cpu_us = {
        name: 1e6 * (after[name] - before[name]) / len(seen.latencies_ms) for name in target.pids
    }
    return Load(rate, seen, cpu_us)


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which this part of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
