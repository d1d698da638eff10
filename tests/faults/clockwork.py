"""What goes wrong with inputs of the clock: held back, sent again, sent by a wrong clock."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from random import Random
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from faults.event import Event
from faults.world import World

from broker.connection import start_consumer, stop_consumer

ECHO: Final = ("xp-echo", b"1")
ECHO_S_MAX: Final = 2.5
# So long nothing of the clock came: it has said what it had to say. It is waited for so long.
CALM_S: Final = 1.5
CALM_S_MAX: Final = 10.0
WORK_S_MAX: Final = 15.0


async def hold(world: World, mark: str, *, on: bool) -> None:
    """Have the clock of every partition wait, or go on; return when the broker has it."""
    raw = json.dumps({"type": "hold", "on": on}).encode()
    await world.load.send(
        *(
            Event(
                f"{mark}.{on}.{partition}",
                "kafka",
                "hold",
                raw=raw,
                outcome="applied",
                partition=partition,
            )
            for partition in range(world.options.partitions)
        )
    )


@contextlib.asynccontextmanager
async def echoes(world: World, dice: Random) -> AsyncIterator[None]:
    """Put inputs of the clock on the events topic again, some at once, some later, some often.

    Until the end of the block, and after it until the clock has nothing to say for a moment.
    """
    topic = world.topics.events
    consumer = AIOKafkaConsumer(**world.connection.options(), enable_auto_commit=False)
    producer = AIOKafkaProducer(**world.connection.options(), acks="all")
    sending: set[asyncio.Task[None]] = set()
    heard = 0.0
    await start_consumer(consumer)
    await producer.start()
    consumer.assign([TopicPartition(topic, it) for it in range(world.options.partitions)])
    await consumer.seek_to_end()

    async def again(message: ConsumerRecord) -> None:
        for _ in range(dice.choice((1, 1, 2, 5))):
            await asyncio.sleep(dice.choice((0.0, 0.05, dice.uniform(0, ECHO_S_MAX))))
            await producer.send_and_wait(
                topic,
                message.value,
                key=message.key,
                partition=message.partition,
                headers=[*message.headers, ECHO],
            )

    async def listen() -> None:
        nonlocal heard
        while True:
            for messages in (await consumer.getmany(timeout_ms=200)).values():
                for message in messages:
                    is_own = any(key == ECHO[0] for key, _ in message.headers)
                    is_due = b'"type":"due"' in (message.value or b"")
                    if not is_due or is_own:
                        continue
                    heard = time.monotonic()
                    if dice.random() < 0.5:
                        sending.add(asyncio.create_task(again(message)))

    listening = asyncio.create_task(listen())
    try:
        yield
        ended = time.monotonic()
        while max(heard, ended) + CALM_S > time.monotonic() < ended + CALM_S_MAX:
            await asyncio.sleep(0.1)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await asyncio.gather(*sending)
        await stop_consumer(consumer)
        await producer.stop()


async def with_skew(world: World, part: str, seconds: float, for_s: float) -> None:
    """Have a part go by a wrong clock for a while."""
    world.skews[part] = seconds
    world.ahead_s = max(world.ahead_s, seconds)
    try:
        await world.kill(part, restart_s=0.0)
        await world.back(part)
        await at_work(world)
        await asyncio.sleep(for_s)
    finally:
        del world.skews[part]
        await world.kill(part, restart_s=0.0)
        await world.back(part)


async def at_work(world: World) -> None:
    """Return when a worker that has just begun records something; not much later in any case."""
    before, deadline = await _recorded(world), time.monotonic() + WORK_S_MAX
    while time.monotonic() < deadline and await _recorded(world) == before:
        await asyncio.sleep(0.1)


async def _recorded(world: World) -> int:
    return int(
        (await world.query("SELECT coalesce(sum(next_offset), 0) FROM read.positions"))[0][0]
    )
