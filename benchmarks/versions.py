"""Two versions side by side: `python -m benchmarks.versions --tree CHECKOUT`.

The worker of another checkout, with the same environment, and the worker of this one judge the same
backlog of the reference rules; this one judges it with every rule in use as well. They take turns.
"""

import argparse
import json
import tempfile
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
from benchmarks.results import Results
from benchmarks.system import is_compiled
from ops.embedded.jars import fetch_jars
from ops.embedded.kafka import EmbeddedKafka
from ops.embedded.postgres import EmbeddedPostgres
from ops.logs import set_up_logs
from ops.settings_in_force import read_settings

EVERY: Final = HERE / "every.yaml"


def main() -> None:
    """Measure and print, and write the figures as JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versions", description=__doc__)
    parser.add_argument("--tree", type=Path, required=True, help="checkout of the other version")
    parser.add_argument("--rounds", type=int, default=3, help="times per contender")
    parser.add_argument("--scale", type=float, default=1.0, help="of the count of events")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    set_up_logs("console", "error")
    console = Console()
    settings = read_settings(None, {})
    with ExitStack() as opened:
        scratch = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="xp-versions-")))
        kafka = opened.enter_context(
            EmbeddedKafka(scratch / "stack", fetch_jars(settings.cache_dir))
        )
        postgres = opened.enter_context(EmbeddedPostgres(scratch / "stack"))
        bench = Bench(
            Options(rounds=given.rounds, scale=given.scale),
            Results(None, given.scale),
            console,
            kafka=kafka,
            dsn=postgres.dsn,
            scratch=scratch,
            cache_dir=settings.cache_dir,
        )
        rates = uvloop.run(_measure(bench, given.tree.resolve()))
    middle = {name: median(found) for name, found in rates.items()}
    before = middle["before"]
    told = {
        "events": bench.count(EVENTS),
        "compiled": {"before": is_compiled(given.tree.resolve()), "now": is_compiled()},
        "events/s": rates,
        "cost per event, before = 1": {name: before / rate for name, rate in middle.items()},
    }
    console.print_json(json.dumps(told))
    if given.json:
        given.json.write_text(json.dumps(told, indent=2) + "\n")


async def _measure(bench: Bench, tree: Path) -> dict[str, list[float]]:
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
    return rates


if __name__ == "__main__":
    main()
