"""Measure one contender: put a backlog on Kafka, start it, watch its output grow."""

import asyncio
import sys
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from broker.connection import Connection, start_consumer
from broker.producer import producer as new_producer
from broker.topics import create_topics
from ops.apply import apply_game
from ops.game_file import read_game
from schemas.topics import DEFAULT_TENANT, Topics

ROOT = Path(__file__).resolve().parent.parent
LOOK_EVERY_S = 0.02
PATIENCE_S = 600.0


async def measure(
    name: str,
    bootstrap: str,
    lines: list[tuple[bytes, bytes]],
    *,
    partitions: int,
    scratch: Path,
) -> float:
    """Return events per second from a contender's first output record to its last."""
    await asyncio.to_thread(scratch.mkdir, parents=True)
    connection = Connection(bootstrap)
    prefix = f"{scratch.name}."
    topics = Topics(prefix)
    if name == "worker":
        await create_topics(connection, topics, partitions)
        game = read_game(ROOT / "examples" / "commits.yaml")
        await apply_game(connection, topics, game, tenant=DEFAULT_TENANT)
        source, output, extra = topics.events, topics.ledger, partitions
    else:
        source, output, extra = f"{prefix}events", f"{prefix}output", 0
        changelog = f"{prefix}idiomatic-totals-changelog"
        await _create(connection, [source, output], partitions)
        await _create(connection, [changelog], partitions, compact=True)
    await _fill(connection, source, lines)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"benchmarks.{name}",
        bootstrap,
        prefix,
        str(scratch),
        str(partitions),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=(scratch / "log").open("wb"),
    )
    try:
        return await _watch(connection, output, partitions, len(lines) + extra, process)
    finally:
        process.terminate()
        await process.wait()


async def _watch(
    connection: Connection,
    topic: str,
    partitions: int,
    total: int,
    process: asyncio.subprocess.Process,
) -> float:
    consumer = AIOKafkaConsumer(**connection.options())
    await start_consumer(consumer)
    tps = [TopicPartition(topic, number) for number in range(partitions)]
    started, first = 0.0, 0
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                count = sum((await consumer.end_offsets(tps)).values())
                now = time.perf_counter()
                if count and not started:
                    started, first = now, count
                if count >= total:
                    return (total - first) / (now - started)
                if process.returncode is not None:
                    raise RuntimeError(f"the contender ended with {process.returncode}")
                await asyncio.sleep(LOOK_EVERY_S)
    finally:
        await consumer.stop()


async def _fill(connection: Connection, topic: str, lines: list[tuple[bytes, bytes]]) -> None:
    async with new_producer(connection) as producer:
        sent = [await producer.send(topic, value, key=key) for key, value in lines]
        await asyncio.gather(*sent)


async def _create(
    connection: Connection, names: list[str], partitions: int, *, compact: bool = False
) -> None:
    admin = AIOKafkaAdminClient(**connection.options())
    await admin.start()
    config = {"cleanup.policy": "compact"} if compact else {}
    try:
        await admin.create_topics(
            [NewTopic(name, partitions, 1, topic_configs=config) for name in names]
        )
    finally:
        await admin.close()
