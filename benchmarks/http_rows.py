"""Rows over HTTP: POST to its verdict under open-loop load, all parts running."""

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.http_load import CREATED, Job, Seen
from benchmarks.results import Figure
from benchmarks.system import ROOT, System

PARTS: Final = ("worker", "project", "serve", "notify")
WARM_UP_S: Final = 4.0
FAILED_MAX: Final = 0.01


async def post_200_rows(bench: Bench) -> None:
    """Measure the rows `post-200-p50` and `post-200-p99`."""
    await _post_rows(bench, 200, {"post-200-p50": 0.5, "post-200-p99": 0.99})


async def post_1000_row(bench: Bench) -> None:
    """Measure the row `post-1000-p99`."""
    await _post_rows(bench, 1000, {"post-1000-p99": 0.99})


async def _post_rows(bench: Bench, rate: float, rows: dict[str, float]) -> None:
    rounds: list[Seen] = []
    async with bench.system("http", database=True) as system:
        for part in PARTS:
            await system.start(part, XP_LOG_LEVEL="warning")
        await system.wait_ready()
        async with bench.ends() as ends:
            await system.wait_judged(ends, system.unjudged)
        for number in range(bench.options.rounds):
            seen = await _load(bench, system, rate, number)
            system.check()
            rounds.append(seen)
            p50, p99 = (quantile(seen.latencies_ms, part) for part in (0.5, 0.99))
            bench.say(
                f"round {number + 1}  {rate:,.0f}/s  p50 {p50:.1f} ms  p99 {p99:.1f} ms  "
                f"answers {seen.statuses}"
            )
    counts = [_shares(seen) for seen in rounds]
    for name in bench.wanted(*rows):
        if max(counts) > FAILED_MAX:
            bench.fail(name, f"{max(counts):.1%} of the requests had no verdict in time")
            continue
        figure = Figure(
            [quantile(seen.latencies_ms, rows[name]) for seen in rounds],
            {f"{word}, ms": [of(seen) for seen in rounds] for word, of in _BESIDE.items()},
            {
                "rate": rate,
                "seconds": bench.seconds(),
                "parts": list(PARTS),
                "statuses": [seen.statuses for seen in rounds],
            },
        )
        bench.record(name, figure)


_BESIDE: Final[dict[str, Callable[[Seen], float]]] = {
    "p50": lambda seen: quantile(seen.latencies_ms, 0.5),
    "p90": lambda seen: quantile(seen.latencies_ms, 0.9),
    "p99": lambda seen: quantile(seen.latencies_ms, 0.99),
    "p99.9": lambda seen: quantile(seen.latencies_ms, 0.999),
    "load generator late, p99": lambda seen: quantile(seen.late_ms, 0.99),
}


def _shares(seen: Seen) -> float:
    total = sum(seen.statuses.values())
    return 1 - seen.statuses.get(str(CREATED), 0) / max(1, total)


async def _load(bench: Bench, system: System, rate: float, number: int) -> Seen:
    job = Job(system.url, system.key, rate, bench.seconds(), WARM_UP_S, f"r{number}")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.http_load", json.dumps(job._asdict())),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        told, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    seen: dict[str, Any] = json.loads(told)
    return Seen(**seen)


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which this part of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
