"""`python -m benchmarks.peers`: run each contender on a short backlog and look at what it wrote.

No figures: whether the contenders can be started here, come to their end, and are right.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from benchmarks.peers import NAMES, ROOT, available, changelogs, command, prepare
from benchmarks.peers.outputs import committed, mistakes
from broker.connection import Connection
from broker.producer import producer as new_producer
from ops.embedded.jars import fetch_jars
from ops.embedded.kafka import EmbeddedKafka
from ops.settings_in_force import read_settings

PARTITIONS = 4
PATIENCE_S = 300.0


def main() -> None:
    """Run the contenders; exit code 1 if one of them is wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which, all if not said")
    parser.add_argument("--events", type=int, default=20_000, help="events in the backlog")
    parser.add_argument("--users", type=int, default=1_000, help="users they are spread over")
    options = parser.parse_args()
    cache_dir = read_settings(None, {}).cache_dir
    lines = _backlog(options.events, options.users)
    wrong = False
    with (
        tempfile.TemporaryDirectory(prefix="xp-peers-") as scratch,
        EmbeddedKafka(Path(scratch) / "kafka", fetch_jars(cache_dir), open_to_all=True) as kafka,
    ):
        for name in options.names or NAMES:
            if reason := available(name):
                print(f"{name}: cannot run here: {reason}")
                continue
            prepare(name, cache_dir)
            found, took = asyncio.run(
                _run(name, kafka.bootstrap_servers, lines, Path(scratch) / name)
            )
            wrong = wrong or bool(found)
            print(f"{name}: {'; '.join(found) or 'right'} ({took:.1f} s with its start)")
    sys.exit(wrong)


def _backlog(events: int, users: int) -> list[tuple[bytes, bytes]]:
    dice = Random(1)
    lines = []
    for number in range(events):
        user = f"user-{dice.randrange(users)}"
        event = {
            "user": user,
            "metric": "lines-changed",
            "value": dice.randint(1, 400),
            "attributes": {"kind": "commit"},
            "occurredAt": "2026-01-01T00:00:00+00:00",
            "idempotencyKey": f"k{number}",
        }
        lines.append((user.encode(), json.dumps(event).encode()))
    return lines


async def _run(
    name: str, bootstrap: str, lines: list[tuple[bytes, bytes]], scratch: Path
) -> tuple[list[str], float]:
    """Return the mistakes, and the seconds until all outputs were there."""
    await asyncio.to_thread(scratch.mkdir, parents=True)
    prefix = f"{name}."
    await _create(bootstrap, [f"{prefix}events", f"{prefix}output"], {})
    await _create(bootstrap, changelogs(name, prefix), {"cleanup.policy": "compact"})
    async with new_producer(Connection(bootstrap)) as producer:
        sent = [await producer.send(f"{prefix}events", value, key=key) for key, value in lines]
        await asyncio.gather(*sent)
    started = time.perf_counter()
    with (scratch / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: ASYNC220  it is started, and not waited for here
            command(name, bootstrap, prefix, scratch, PARTITIONS),
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        outputs = await committed(bootstrap, f"{prefix}output", PARTITIONS, len(lines), PATIENCE_S)
        took = time.perf_counter() - started
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)
    found = mistakes(lines, outputs)
    if found:
        print((scratch / "log").read_text()[-3000:])
    return found, took


async def _create(bootstrap: str, names: list[str], config: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        topics = [NewTopic(name, PARTITIONS, 1, topic_configs=config) for name in names]
        await admin.create_topics(topics)
    finally:
        await admin.close()


if __name__ == "__main__":
    main()
