"""Judge and keep, and nothing else: no broker, one process, CPU per event.

`python -m benchmarks.judge_alone small` prints the figure of the modules that Python finds, so that
`PYTHONPATH=.compiled:.` measures the compiled ones. The row runs it once for each in turn.
"""

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.bench import Bench
from benchmarks.events import REFERENCE, SMALL, Line, backlog, reference
from benchmarks.results import Figure
from benchmarks.system import ROOT, is_compiled
from ops.game_file import read_game
from processor.judge import judge
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.rules.compiling import compile_version
from processor.store import Store
from schemas.versions import succeed

EVENTS: Final = 100_000
USERS: Final = 10_000
# As the lane does: so many are judged before they are kept.
BATCH: Final = 500
FIRST_MS: Final = 1_790_000_000_000
JOBS: Final = {"judge-small": "small", "judge-reference": "reference"}


def measure(job: str, events: int) -> float:
    """Return µs of CPU per event, RocksDB's own threads included."""
    game = SMALL if job == "small" else REFERENCE
    version = succeed(None, read_game(game), "default", datetime(2025, 1, 1, tzinfo=UTC))
    rules = compile_version(version)
    context = LaneContext(0, 1, 0, "lane", lambda _tenant, _version: rules)
    messages = _messages(backlog(events, USERS) if job == "small" else reference(events, USERS))
    # As a worker does (ops/parts.py): what is made for an event does not live long.
    gc.set_threshold(50_000, 50, 50)
    with tempfile.TemporaryDirectory(prefix="xp-judge-") as scratch:
        state = PartitionState(Store(Path(scratch) / "store"), 0)
        marker = b'{"type":"definitions","version":1}'
        judge(context, state, Message(0, FIRST_MS, None, marker, ()))
        state.keep(1)
        began = time.process_time()
        for at in range(0, events, BATCH):
            for message in messages[at : at + BATCH]:
                judge(context, state, message)
            state.keep(at + BATCH + 1)
        return (time.process_time() - began) / events * 1e6


def _messages(lines: list[Line]) -> list[Message]:
    return [
        Message(number + 1, FIRST_MS + number, line.key, line.value, ())
        for number, line in enumerate(lines)
    ]


async def judge_rows(bench: Bench) -> None:
    """Measure the rows `judge-small` and `judge-reference`, plain and compiled in turn."""
    events = bench.count(EVENTS) // BATCH * BATCH
    kinds = {"plain": [str(ROOT)]}
    if is_compiled():
        kinds["compiled"] = [str(ROOT / ".compiled"), str(ROOT)]
    for row in bench.wanted(*JOBS):
        found: dict[str, list[float]] = {kind: [] for kind in kinds}
        for number in range(bench.options.rounds):
            for kind, path in kinds.items():
                found[kind].append(await _in_a_process(JOBS[row], events, path))
                bench.say(f"round {number + 1}  {row}, {kind}: {found[kind][-1]:.1f} µs")
        best = found.get("compiled", found["plain"])
        beside = {f"{kind}, µs": figures for kind, figures in found.items()}
        bench.record(row, Figure(best, beside, {"events": events, "users": USERS}))


async def _in_a_process(job: str, events: int, path: list[str]) -> float:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "benchmarks.judge_alone", job, "--events", str(events)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"benchmarks.judge_alone {job} ended with {process.returncode}")
    return float(told)


def main() -> None:
    """Measure one job in this process, and print the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge_alone", description=__doc__)
    parser.add_argument("job", choices=JOBS.values())
    parser.add_argument("--events", type=int, default=EVENTS)
    given = parser.parse_args()
    print(measure(given.job, given.events))


if __name__ == "__main__":
    main()
