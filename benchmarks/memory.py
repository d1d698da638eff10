"""The row of memory: what a worker holds that has a million users on its partitions."""

import asyncio
from pathlib import Path
from typing import Final

import psutil

from benchmarks.bench import Bench
from benchmarks.events import evenly
from benchmarks.history import Shape, history_users, templates, write_history
from benchmarks.recovery import group_empty
from benchmarks.results import Figure

USERS: Final = 1_000_000
EVENTS: Final = 100_000
FOLD_S: Final = 600.0
MB: Final = 1e6


async def memory_row(bench: Bench) -> None:
    """Measure the row `memory`."""
    users = bench.count(USERS, 10_000)
    events = bench.count(EVENTS)
    shape = Shape(users, first_events=True)
    held: list[float] = []
    peaks: list[float] = []
    async with bench.system("memory") as system:
        await write_history(bench, system, shape)
        home = await templates(bench)
        known = await asyncio.to_thread(history_users, shape, home, system.partitions, events)
        async with bench.ends() as ends:
            total = await ends.total(system.topics.ledger)
            for number in range(bench.options.rounds):
                await group_empty(system)
                part = await system.start("worker", XP_DATA_DIR=str(system.home / f"m{number}"))
                process = psutil.Process(part.process.pid)
                total += system.unjudged + len(known)
                await system.publish(evenly(known, f"m{number}"))
                await system.wait_judged(ends, total, patience_s=FOLD_S)
                held.append(process.memory_info().rss / MB)
                peaks.append(_peak_mb(part.process.pid))
                await system.kill(part)
                bench.say(
                    f"round {number + 1}  {held[-1]:,.0f} MB, {peaks[-1]:,.0f} MB at the highest"
                )
    how = {
        "users": users,
        "events": len(known),
        "note": "resident memory after a fold from record zero and an event of every "
        f"{max(1, users // len(known))}th user",
    }
    beside = {"highest, MB": peaks}
    bench.record("memory", Figure(held, beside, how))


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MB
    raise LookupError("the kernel tells no peak of memory")
