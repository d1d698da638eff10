"""`make bench`: every row of the table in docs/performance.md, or some of them."""

import argparse
import asyncio
import signal
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from benchmarks import (
    backlogs,
    growth,
    http_rows,
    idle,
    judge_alone,
    memory,
    own_rows,
    path,
    recovery,
)
from benchmarks.bench import Bench, Options
from benchmarks.results import Results
from benchmarks.rows import BY_NAME
from benchmarks.system import is_compiled
from benchmarks.table import print_rows
from ops.embedded.jars import fetch_jars
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.postgres import EmbeddedPostgres
from ops.logs import set_up_logs
from ops.settings_in_force import read_settings

# What is measured together, in the order in which it is measured: the longest last.
GROUPS: Final[tuple[tuple[tuple[str, ...], Callable[[Bench], Awaitable[None]]], ...]] = (
    (tuple(judge_alone.JOBS), judge_alone.judge_rows),
    (("reference",), backlogs.reference_row),
    (("quix", "streams"), backlogs.small_rows),
    (("pair",), backlogs.pair_row),
    (("one-user",), backlogs.one_user_row),
    (("scaling",), backlogs.scaling_row),
    (("post-200-p50", "post-200-p99", "cpu-200"), http_rows.post_200_rows),
    (("post-1000-p50", "post-1000-p99"), http_rows.post_1000_rows),
    (("post-2000-p99",), http_rows.post_2000_row),
    (("own-200-p99",), own_rows.own_200_row),
    (("own-ceiling",), own_rows.own_ceiling_row),
    (("idle",), idle.idle_row),
    (("postgres",), path.postgres_row),
    (("path",), path.path_row),
    (("growth-users", "growth-rules", "growth-keys"), growth.growth_rows),
    (("restart", "fold", "rebuild"), recovery.history_rows),
    (("memory",), memory.memory_row),
    (("takeover",), recovery.takeover_row),
)


def main() -> None:
    """Run the rows that are asked for; ends with 1 when one has no figure."""
    options, json = _arguments()
    set_up_logs("console", "error")
    console = Console()
    kind = "compiled modules" if is_compiled() else "plain Python, for `make compile` was not run"
    console.print(f"the parts run with {kind}")
    settings = read_settings(None, {})
    results = Results(json, options.scale)
    with ExitStack() as opened:
        scratch = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="xp-bench-")))
        console.print("starting Kafka and Postgres")
        jars = fetch_jars(settings.cache_dir)
        kafka = opened.enter_context(EmbeddedKafka(scratch / "stack", jars, open_to_all=True))
        postgres = opened.enter_context(EmbeddedPostgres(scratch / "stack"))
        bench = Bench(
            options,
            results,
            console,
            kafka=kafka,
            postgres=postgres,
            scratch=scratch,
            cache_dir=settings.cache_dir,
        )
        uvloop.run(_run(bench))
    print_rows(console, results.rows, bench.measured, bench.failed)
    if bench.failed:
        raise SystemExit(1)


async def _run(bench: Bench) -> None:
    task = asyncio.current_task()
    assert task is not None
    # What was started is to be ended, however this is.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    for names, measure in GROUPS:
        wanted = bench.wanted(*names)
        if not wanted:
            continue
        bench.say(f"- {', '.join(wanted)}")
        reason = "was not measured"
        try:
            await measure(bench)
        except Exception as error:  # noqa: BLE001  a row that fails must not stop the others
            reason = f"{type(error).__name__}: {error}"
        for name in wanted:
            if name not in bench.measured and name not in bench.failed:
                bench.fail(name, reason)


def _arguments() -> tuple[Options, Path | None]:
    default = Options()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=default.rounds, help="times per contender")
    parser.add_argument("--scale", type=float, default=1.0, help="of all counts; 0.1: a quick look")
    parser.add_argument(
        "--seconds", type=float, default=default.seconds, help="of each round of a steady load"
    )
    parser.add_argument(
        "--records", type=int, default=default.records, help="on the ledger of the row takeover"
    )
    parser.add_argument("--partitions", type=int, default=default.partitions, help="of every topic")
    parser.add_argument(
        "--only", nargs="+", default=list(BY_NAME), choices=BY_NAME, metavar="ROW", help="rows"
    )
    parser.add_argument("--json", type=Path, help="file of results, in which the rows are replaced")
    parser.epilog = f"Rows: {', '.join(BY_NAME)}."
    given = parser.parse_args()
    options = Options(
        rounds=given.rounds,
        scale=given.scale,
        seconds=given.seconds,
        records=given.records,
        partitions=given.partitions,
        only=frozenset(given.only),
    )
    return options, given.json


if __name__ == "__main__":
    main()
