"""Two versions side by side: `python -m benchmarks.versions --tree CHECKOUT`.

The worker of another checkout, with the same environment, and the worker of this one judge the same
backlog of the reference rules; this one judges it with every rule in use as well. With --posts all
parts of both serve POSTs, at 200 and at 1,000 a second. They take turns. Of the other checkout only
its programs are run.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import uvloop
from rich.console import Console

from benchmarks.backlogs import EVENTS, USERS, take_turns
from benchmarks.bench import Bench, Options
from benchmarks.contest import worker_contends
from benchmarks.events import HERE, REFERENCE, reference
from benchmarks.http_rows import Load, send_load, system_serving, told
from benchmarks.results import Results, rounded
from benchmarks.system import ROOT, is_compiled
from ops.embedded.jars import fetch_jars
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.postgres import EmbeddedPostgres
from ops.logs import set_up_logs
from ops.settings_in_force import read_settings

EVERY: Final = HERE / "every.yaml"
# Requests per second.
RATES: Final = (200.0, 1000.0)


def main() -> None:
    """Measure and print, and write the figures as JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__)
    parser.add_argument("--tree", type=Path, required=True, help="checkout of the other version")
    parser.add_argument("--rounds", type=int, default=3, help="times per contender")
    parser.add_argument("--scale", type=float, default=1.0, help="of the count of events")
    parser.add_argument("--posts", action="store_true", help="measure POSTs, not backlogs")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each load of POSTs")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    set_up_logs("console", "error")
    console = Console()
    settings = read_settings(None, {})
    with ExitStack() as opened:
        scratch = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="xp-versions-")))
        kafka = opened.enter_context(
            EmbeddedKafka(scratch / "stack", fetch_jars(settings.cache_dir), open_to_all=True)
        )
        postgres = opened.enter_context(EmbeddedPostgres(scratch / "stack"))
        bench = Bench(
            Options(rounds=given.rounds, scale=given.scale, seconds=given.seconds),
            Results(None, given.scale),
            console,
            kafka=kafka,
            postgres=postgres,
            scratch=scratch,
            cache_dir=settings.cache_dir,
        )
        tree = given.tree.resolve()
        measure = _measure_posts if given.posts else _measure
        found = uvloop.run(measure(bench, tree))
    printed = {"compiled": {"before": is_compiled(tree), "now": is_compiled()}, **found}
    console.print_json(json.dumps(printed, ensure_ascii=False))
    if given.json:
        given.json.write_text(json.dumps(printed, indent=2, ensure_ascii=False) + "\n")


async def _measure(bench: Bench, tree: Path) -> dict[str, object]:
    lines = reference(bench.count(EVENTS), USERS)
    rates, missing = await take_turns(
        bench,
        {
            "before": lambda: worker_contends(bench, REFERENCE, lines, tree),
            "now": lambda: worker_contends(bench, REFERENCE, lines),
            "now, every rule": lambda: worker_contends(bench, EVERY, lines),
        },
    )
    if missing:
        raise SystemExit(str(missing))
    middle = {name: median(found) for name, found in rates.items()}
    before = middle["before"]
    return {
        "events": bench.count(EVENTS),
        "events/s": rates,
        "cost per event, before = 1": {name: before / rate for name, rate in middle.items()},
    }


async def _measure_posts(bench: Bench, tree: Path) -> dict[str, object]:
    loads: dict[tuple[float, str], list[Load]] = {}
    for number in range(bench.options.rounds):
        for name, root in (("before", tree), ("now", ROOT)):
            async with system_serving(bench, root) as target:
                for rate in RATES:
                    run = f"{rate:.0f}-{number}"
                    load = await send_load(target, rate, bench.seconds(), run)
                    bench.say(f"round {number + 1}  {name:<6}  {told(load)}")
                    if trouble := load.trouble():
                        raise SystemExit(f"{name} at {rate:,.0f}/s: {trouble}")
                    loads.setdefault((rate, name), []).append(load)
    return {
        "seconds": bench.seconds(),
        **{f"{name}, {rate:,.0f}/s": _medians(found) for (rate, name), found in loads.items()},
    }


def _medians(loads: Sequence[Load]) -> dict[str, object]:
    """Return the medians of some loads of one version, and the rounds of what varies most."""
    p99 = [load.latency_ms(0.99) for load in loads]
    middle = {
        "p50, ms": median(load.latency_ms(0.5) for load in loads),
        "p99, ms": median(p99),
        "CPU per request, µs": median(load.all_cpu_us for load in loads),
        **{
            f"CPU of {name} per request, µs": median(load.cpu_us[name] for load in loads)
            for name in loads[0].cpu_us
        },
    }
    return {
        **{name: rounded(value) for name, value in middle.items()},
        "p99 of each round, ms": [rounded(value) for value in p99],
        # Of a load that is not kept up with, CPU per request is that of requests before as well.
        "kept up": all(load.kept_up() for load in loads),
    }


if __name__ == "__main__":
    main()
