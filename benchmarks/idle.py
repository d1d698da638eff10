"""The row of a system in which nothing happens: what its parts and the broker take of a core."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.http_rows import PARTS
from benchmarks.results import Figure

# Until everything has settled: groups joined, and what a start has used compiled by the broker.
SETTLE_S: Final = 90.0
MEASURE_S: Final = 60.0
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")


async def idle_row(bench: Bench) -> None:
    """Measure the row `idle`."""
    taken: list[dict[str, float]] = []
    seconds = bench.seconds(MEASURE_S)
    async with bench.system("idle", database=True) as system:
        pids = {"broker": bench.broker_pid}
        for part in PARTS:
            # Nothing is old here: the clock runs, as it does for users.
            started = await system.start(part, XP_LOG_LEVEL="warning", XP_CLOCK="true")
            pids[part] = started.process.pid
        await system.wait_ready()
        async with bench.ends() as ends:
            await system.wait_judged(ends, system.unjudged)
        await asyncio.sleep(bench.seconds(SETTLE_S))
        for number in range(bench.options.rounds):
            shares = await _shares(pids, seconds)
            system.check()
            taken.append(shares)
            told = "  ".join(f"{name} {share:.2f} %" for name, share in shares.items())
            bench.say(f"round {number + 1}  {sum(shares.values()):.2f} % of a core: {told}")
    figure = Figure(
        [sum(shares.values()) for shares in taken],
        {f"{name}, %": [shares[name] for shares in taken] for name in taken[0]},
        {"seconds": seconds, "parts": list(PARTS)},
    )
    bench.record("idle", figure)


async def _shares(pids: Mapping[str, int], seconds: float) -> dict[str, float]:
    """Return how many per cent of a core each process takes, over so many seconds."""
    before = {name: _cpu_s(pid) for name, pid in pids.items()}
    await asyncio.sleep(seconds)
    return {name: 100 * (_cpu_s(pid) - before[name]) / seconds for name, pid in pids.items()}


def _cpu_s(pid: int) -> float:
    """Return the processor time of a process so far, all its threads, in seconds."""
    # The second field is the name in brackets, which may hold anything.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S
