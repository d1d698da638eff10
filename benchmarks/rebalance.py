"""How long a partition is silent when workers come and go: joins, leaves, kills, restarts.

Real `xp worker` processes on the embedded Kafka, under a steady load, on a long ledger. Silence is
the time in which events of a partition waited and none of its events got a record: for every
event, from its acknowledgement or the record before it, whichever is later, to its own record. A
change counts with its worst partition; all partitions of all changes are told beside it.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from rich.console import Console
from rich.table import Table

from benchmarks.filler import fill
from benchmarks.system import SECRET
from broker.connection import Connection, start_consumer
from broker.producer import producer as new_producer
from broker.topics import create_topics
from ops.apply import apply_game
from ops.embedded.jars import fetch_jars
from ops.embedded.kafka import EmbeddedKafka
from ops.game_file import read_game
from ops.settings_in_force import read_settings
from schemas.codec import read_record
from schemas.order import link_of
from schemas.signing import Secrets
from schemas.topics import DEFAULT_TENANT, Topics

ROOT: Final = Path(__file__).resolve().parent.parent
SEED: Final = 20_260_102
WORKERS_MIN: Final = 2
WORKERS_MAX: Final = 4
# So many seconds without an event that waited long: what a change has led to is over.
QUIET_S: Final = 1.0
LONG_WAIT_S: Final = 1.0
PATIENCE_S: Final = 120.0
JUDGED_FIRST: Final = 4000
USERS: Final = 2000
GAME: Final = ROOT / "examples" / "commits.yaml"
LIMIT_S: Final = 5.0
# A restart is an orderly end and a new start; a kill is kill -9.
KINDS: Final = ("join", "leave", "restart", "kill", "kill and restart")


@dataclass
class Watch:
    """What has been sent and what has been seen on the ledger, by partition."""

    partitions: int
    # Acknowledged events that have no record yet: partition -> offset -> when.
    waiting: dict[int, dict[int, float]] = field(default_factory=dict)
    # When a record was seen last, and of which lane.
    seen: dict[int, float] = field(default_factory=dict)
    lanes: dict[int, str] = field(default_factory=dict)
    # The longest silence of each partition since `reset`.
    silence: dict[int, float] = field(default_factory=dict)
    # Events whose record was seen before their acknowledgement.
    early: set[tuple[int, int]] = field(default_factory=set)
    sent: int = 0
    recorded: int = 0
    lost: int = 0

    def reset(self) -> None:
        """Begin a new change; what still waits counts from the start of its waiting on."""
        self.silence = dict.fromkeys(range(self.partitions), 0.0)

    def took(self, partition: int, offset: int, now: float) -> None:
        """Note an acknowledged event."""
        self.sent += 1
        if (partition, offset) in self.early:
            self.early.remove((partition, offset))
            self.recorded += 1
        else:
            self.waiting.setdefault(partition, {})[offset] = now

    def saw(self, partition: int, offset: int, lane: str, now: float) -> None:
        """Note the record of an event."""
        since = self.waiting.setdefault(partition, {}).pop(offset, None)
        if since is None:
            self.early.add((partition, offset))
        else:
            self.recorded += 1
            silent = now - max(since, self.seen.get(partition, since))
            self.silence[partition] = max(self.silence.get(partition, 0.0), silent)
        self.seen[partition] = now
        self.lanes[partition] = lane

    def waits(self, now: float) -> float:
        """Return for how long the oldest event without a record has been waiting."""
        oldest = [min(it.values()) for it in self.waiting.values() if it]
        return now - min(oldest, default=now)


class Crew:
    """The workers: several processes that share a machine, a data directory and a group."""

    def __init__(self, bootstrap: str, prefix: str, home: Path) -> None:
        """Take where they work; none runs yet."""
        self._environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("XP_")},
            "PYTHONPATH": str(ROOT),
            "XP_KAFKA": bootstrap,
            "XP_PARTS_SECRET": SECRET,
            "XP_TOPIC_PREFIX": prefix,
            "XP_DATA_DIR": str(home / "data"),
        }
        self._home = home
        self.running: list[Process] = []
        self._failure: BaseException | None = None

    async def start(self, **settings: str) -> Process:
        """Start a worker and return it."""
        with (self._home / "workers.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ops", "worker"),
                cwd=ROOT,
                env={**self._environment, **settings},
                stdout=log,
                stderr=log,
            )
        self.running.append(process)
        return process

    async def end(self, process: Process, how: signal.Signals) -> None:
        """End one by a signal and return when it has gone."""
        self.running.remove(process)
        process.send_signal(how)
        await process.wait()

    async def end_all(self) -> None:
        """End those that run."""
        for process in list(self.running):
            if process.returncode is None:
                await self.end(process, signal.SIGTERM)

    def fail(self, task: asyncio.Task[None]) -> None:
        """Note that what loads or watches the workers has ended."""
        if not task.cancelled():
            self._failure = task.exception()

    def check(self) -> None:
        """Raise RuntimeError when a worker, or the load on them, has ended by itself."""
        if self._failure:
            raise RuntimeError("the load did not last") from self._failure
        ended = [it.returncode for it in self.running if it.returncode is not None]
        if ended:
            raise RuntimeError(f"workers ended by themselves: {ended}; see {self._home}")


class Load:
    """Sends events at a steady rate and watches the ledger for their records."""

    def __init__(self, connection: Connection, topics: Topics, watch: Watch, rate: float) -> None:
        """Take where and how fast."""
        self._connection = connection
        self._topics = topics
        self._watch = watch
        self._rate = rate

    async def send(self) -> None:
        """Send until cancelled."""
        async with new_producer(self._connection) as producer:
            begun = time.monotonic()
            number = 0
            while True:
                due = int((time.monotonic() - begun) * self._rate)
                while number < due:
                    await self._send_one(producer, *_event(number))
                    number += 1
                await asyncio.sleep(0.005)

    async def _send_one(self, producer: AIOKafkaProducer, key: bytes, value: bytes) -> None:
        sent = await producer.send(self._topics.events, value, key=key)
        sent.add_done_callback(self._acknowledged)

    def _acknowledged(self, sent: asyncio.Future[Any]) -> None:
        if sent.cancelled() or sent.exception() is not None:
            self._watch.lost += 1
            return
        found = sent.result()
        self._watch.took(found.partition, found.offset, time.monotonic())

    async def look(self) -> None:
        """Watch the ledger from its end on, until cancelled."""
        consumer = AIOKafkaConsumer(**self._connection.options(), fetch_max_wait_ms=100)
        await start_consumer(consumer)
        try:
            tps = [TopicPartition(self._topics.ledger, n) for n in range(self._watch.partitions)]
            consumer.assign(tps)
            await consumer.seek_to_end(*tps)
            while True:
                for tp, messages in (await consumer.getmany(timeout_ms=100)).items():
                    now = time.monotonic()
                    for message in messages:
                        link = link_of(read_record(message.value))
                        self._watch.saw(tp.partition, link.offset, link.lane, now)
        finally:
            await consumer.stop()


class Bench:
    """Changes the crew under load, one change at a time, and takes the silences down."""

    def __init__(self, crew: Crew, watch: Watch, connection: Connection, group: str) -> None:
        """Take the running load and the crew."""
        self._crew = crew
        self._watch = watch
        self._connection = connection
        self._group = group
        # kind -> for each change, the silence of each partition in seconds.
        self.silences: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
        # For each change, how many partitions have another lane than before.
        self.restarted: dict[str, list[int]] = {kind: [] for kind in KINDS}

    async def change(self, kind: str, victim: Process | None) -> None:
        """Make one change and return when the partitions flow again."""
        self._watch.reset()
        before = dict(self._watch.lanes)
        match kind:
            case "join":
                await self._crew.start()
            case "leave" if victim:
                await self._crew.end(victim, signal.SIGTERM)
            case "restart" if victim:
                await self._crew.end(victim, signal.SIGTERM)
                await self._crew.start()
            case "kill" if victim:
                await self._crew.end(victim, signal.SIGKILL)
            case "kill and restart" if victim:
                await self._crew.end(victim, signal.SIGKILL)
                await self._crew.start()
        await self.settle(lambda: self._watch.lanes != before)
        silences = [round(it, 3) for it in self._watch.silence.values()]
        self.silences[kind].append(silences)
        lanes = self._watch.lanes
        self.restarted[kind].append(sum(before.get(p) != lanes[p] for p in lanes))

    async def settle(self, changed: Callable[[], bool]) -> None:
        """Return when the group has the crew's size, `changed` holds, and no event waits long."""
        admin = AIOKafkaAdminClient(**self._connection.options())
        await admin.start()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (changed() and await self._is_stable(admin)):
                    self._crew.check()
                    await asyncio.sleep(0.1)
                quiet_since = time.monotonic()
                while time.monotonic() - quiet_since < QUIET_S:
                    self._crew.check()
                    if self._watch.waits(time.monotonic()) > LONG_WAIT_S:
                        quiet_since = time.monotonic()
                    await asyncio.sleep(0.02)
        finally:
            await admin.close()

    async def _is_stable(self, admin: AIOKafkaAdminClient) -> bool:
        (answer,) = await admin.describe_consumer_groups([self._group])
        (group,) = answer.to_object()["groups"]
        return group["state"] == "Stable" and len(group["members"]) == len(self._crew.running)


async def measure(options: argparse.Namespace, bootstrap: str, home: Path) -> Bench:
    """Prepare the ledger, run the crew through its changes, and return what was seen."""
    console = Console()
    connection = Connection(bootstrap, secrets=Secrets(SECRET))
    topics = Topics("rebalance.")
    group = f"{topics.prefix}worker"
    crew = Crew(bootstrap, topics.prefix, home)
    await create_topics(connection, topics, options.partitions)
    game = read_game(GAME)
    await apply_game(connection, topics, game, tenant=DEFAULT_TENANT)
    watch = Watch(options.partitions)
    load = Load(connection, topics, watch, options.rate)
    bench = Bench(crew, watch, connection, group)
    async with AsyncExitStack() as opened:
        opened.push_async_callback(crew.end_all)
        await _judge_some(connection, topics, crew, options.partitions)
        began = time.monotonic()
        ends = await fill(connection, topics, group=group, records=options.records)
        console.print(f"{sum(ends.values()):,} records in {time.monotonic() - began:.0f} s")
        for _ in range(WORKERS_MIN):
            await crew.start()
        tasks = [asyncio.create_task(load.look()), asyncio.create_task(load.send())]
        opened.push_async_callback(_end, tasks)
        for task in tasks:
            task.add_done_callback(crew.fail)
        await bench.settle(lambda: len(watch.lanes) == options.partitions)
        dice = Random(options.seed)  # reproducible, not secret
        for number, kind in enumerate(_plan(options, dice), 1):
            victim = dice.choice(crew.running)
            await bench.change(kind, victim)
            worst = max(bench.silences[kind][-1])
            console.print(
                f"{number:>4} {kind:<17} {len(crew.running)} workers, silent for {worst:5.2f} s, "
                f"{bench.restarted[kind][-1]} lanes anew"
            )
        console.print(f"{watch.sent:,} events, {watch.recorded:,} recorded, {watch.lost} lost")
    return bench


def _plan(options: argparse.Namespace, dice: Random) -> list[str]:
    """Return the changes in their order: joins and leaves by chance, the others in between."""
    plan, alive = [], WORKERS_MIN
    for _ in range(options.changes):
        joins = alive == WORKERS_MIN or (alive < WORKERS_MAX and dice.random() < 0.5)
        alive += 1 if joins else -1
        plan.append("join" if joins else "leave")
    for _ in range(options.others):
        plan += ["restart", "kill and restart", "join", "kill"]
    return plan


async def _judge_some(connection: Connection, topics: Topics, crew: Crew, partitions: int) -> None:
    async with new_producer(connection) as producer:
        lines = map(_event, range(JUDGED_FIRST))
        for sent in [await producer.send(topics.events, raw, key=key) for key, raw in lines]:
            await sent
    worker = await crew.start()
    consumer = AIOKafkaConsumer(**connection.options())
    await start_consumer(consumer)
    tps = [TopicPartition(topics.ledger, number) for number in range(partitions)]
    try:
        async with asyncio.timeout(PATIENCE_S):
            while sum((await consumer.end_offsets(tps)).values()) < JUDGED_FIRST + partitions:
                crew.check()
                await asyncio.sleep(0.2)
    finally:
        await consumer.stop()
    await crew.end(worker, signal.SIGTERM)


def _event(number: int) -> tuple[bytes, bytes]:
    """Return key and value of an event for the game: users in turn, so that no partition rests."""
    user = f"user-{number % USERS}"
    return user.encode(), orjson.dumps({"user": user, "metric": "commits", "value": 1})


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def figures(values: Sequence[float]) -> dict[str, float]:
    """Return count, p50, p95 and greatest of some seconds."""
    if not values:
        return {"count": 0}
    cuts = quantiles(values, n=20, method="inclusive") if len(values) > 1 else [values[0]] * 19
    return {
        "count": len(values),
        "p50": round(cuts[9], 3),
        "p95": round(cuts[18], 3),
        "max": max(values),
    }


def report(bench: Bench) -> dict[str, Any]:
    """Print the table and return it as data."""
    rows: dict[str, list[list[float]]] = {
        "joins and leaves": bench.silences["join"] + bench.silences["leave"],
        **bench.silences,
    }
    table = Table(title="Silence of the worst partition per change; of all partitions; seconds")
    for name in ("change", "count", "p50", "p95", "max", "all p50", "all p95"):
        table.add_column(name, justify="left" if name == "change" else "right")
    result = {}
    for kind, changes in rows.items():
        if not changes:
            continue
        worst = figures([max(it) for it in changes])
        every = figures([silent for it in changes for silent in it])
        result[kind] = {"worst_partition": worst, "every_partition": every, "changes": changes}
        shown = [worst["p50"], worst["p95"], worst["max"], every["p50"], every["p95"]]
        table.add_row(kind, f"{worst['count']}", *(f"{it:.2f}" for it in shown))
    Console().print(table)
    return result


def main() -> None:
    """Run it; ends with 1 when joins and leaves miss the limit at p95."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rebalance", description=__doc__)
    parser.add_argument("--changes", type=int, default=100, help="joins and leaves")
    parser.add_argument("--others", type=int, default=5, help="rounds of restarts and kills")
    parser.add_argument("--records", type=int, default=1_000_000, help="records on the ledger")
    parser.add_argument("--rate", type=float, default=400.0, help="events per second")
    parser.add_argument("--partitions", type=int, default=8, help="partitions of events and ledger")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the order of changes")
    parser.add_argument("--keep", type=Path, help="directory for data and logs, kept afterwards")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    options = parser.parse_args()
    with ExitStack() as opened:
        home = options.keep or Path(opened.enter_context(tempfile.TemporaryDirectory()))
        home.mkdir(parents=True, exist_ok=True)
        with EmbeddedKafka(
            home / "kafka", fetch_jars(read_settings(None, {}).cache_dir), open_to_all=True
        ) as kafka:
            bench = asyncio.run(measure(options, kafka.bootstrap_servers, home))
        result = report(bench)
        if options.json:
            options.json.write_text(json.dumps(result, indent=2) + "\n")
    met = result["joins and leaves"]["worst_partition"]["p95"] < LIMIT_S
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
