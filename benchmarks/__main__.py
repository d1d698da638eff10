"""`make bench`: the worker on a backlog, beside an idiomatic Faust app on the same broker.

Prints events per second of both and their ratio, medians over rounds, with the machine and the
versions; writes the same as JSON where asked.
"""

import argparse
import asyncio
import json
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.backlog import measure
from benchmarks.events import backlog
from ops.embedded.jars import fetch_jars
from ops.embedded.kafka import EmbeddedKafka
from ops.settings import read_settings

PACKAGES = ("faust-streaming", "aiokafka", "rocksdict", "pydantic", "orjson", "uvloop")
CONTENDERS = ("worker", "idiomatic")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--events", type=int, default=200_000, help="events in the backlog")
    parser.add_argument("--users", type=int, default=10_000, help="users they are spread over")
    parser.add_argument("--partitions", type=int, default=4, help="partitions of every topic")
    parser.add_argument("--rounds", type=int, default=1, help="times that each contender runs")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    options = parser.parse_args()
    settings = read_settings(None, {})
    console = Console()
    lines = backlog(options.events, options.users)
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory(prefix="xp-bench-") as scratch:
        jars = fetch_jars(settings.cache_dir)
        with EmbeddedKafka(Path(scratch) / "kafka", jars) as kafka:
            for number in range(options.rounds):
                # Turn and turn about, so that a slow minute of the machine hits both.
                for name in CONTENDERS:
                    rate = asyncio.run(
                        measure(
                            name,
                            kafka.bootstrap_servers,
                            lines,
                            partitions=options.partitions,
                            scratch=Path(scratch) / f"{name}-{number}",
                        )
                    )
                    rates[name].append(rate)
                    console.print(f"round {number + 1}  {name:<10} {rate:>10,.0f} events/s")
    report(console, rates, options)


def report(console: Console, rates: dict[str, list[float]], options: argparse.Namespace) -> None:
    """Print the table, and write it as JSON where asked."""
    middle = {name: median(found) for name, found in rates.items()}
    ratio = middle["worker"] / middle["idiomatic"]
    table = Table(title=f"Backlog of {options.events:,} events of {options.users:,} users")
    table.add_column("What")
    table.add_column("events/s", justify="right")
    table.add_column("ratio", justify="right")
    names = {
        "worker": "xp worker: examples/commits.yaml, durable state",
        "idiomatic": "idiomatic Faust: one table write and one awaited send per event",
    }
    for name in CONTENDERS:
        table.add_row(
            names[name], f"{middle[name]:,.0f}", f"{middle[name] / middle['idiomatic']:.1f}"
        )
    console.print(table)
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "packages": {name: version(name) for name in PACKAGES},
    }
    console.print(f"median of {options.rounds}; {machine}", highlight=False)
    if options.json:
        result: dict[str, Any] = {"rates": rates, "ratio": ratio, "machine": machine}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
