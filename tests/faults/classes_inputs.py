"""Faults of what comes in: poison (F11) and too much at once (F12)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final
from weakref import WeakKeyDictionary

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from faults import inputs
from faults.classes import FaultClass, Options, register
from faults.event import Event
from faults.oracle import Oracle
from faults.world import World

from broker.connection import start_consumer

ONE_USER_EVENTS: Final = 10_000
BACKLOG_EVENTS: Final = 10_000
LARGE_EVENTS: Final = 60
BACKLOG_USERS: Final = 500
RSS_KILOBYTES_MAX: Final = 400 * 1024
FETCH_BYTES: Final = 8 * 1024 * 1024
READ_TIMEOUT_S: Final = 30


async def _poison(world: World, dice: Random) -> None:
    """Send every kind of poison, with good events of all shapes in between."""
    mark = f"f11.{dice.getrandbits(48):x}"
    events = [*inputs.poison(dice, mark), *inputs.good_but_odd(dice, f"{mark}.odd")]
    dice.shuffle(events)
    for event in events:
        await world.load.hand_over(event)
        await asyncio.sleep(dice.uniform(0, 0.02))
    world.notes.append(f"{len(inputs.POISON)} kinds of poison")


async def check_letters(world: World, _oracle: Oracle) -> Sequence[str]:
    """What was set aside is there once, as it came."""
    sent = {
        given: event
        for event in world.load.events
        if event.raw is not None
        for given in event.acknowledged
    }
    times: Counter[str] = Counter()
    problems = []
    for letter in await _new_letters(world):
        given = (letter.key or b"").decode()
        times[given] += 1
        if given in sent and (letter.value or b"") != sent[given].raw:
            problems.append(f"F11 the letter of {given} has other bytes than the event")
    if missing := sent.keys() - times.keys():
        problems.append(f"F11 {len(missing)} poison events without a letter: {sorted(missing)[:3]}")
    # No part was killed in this round: nothing of it can have been sent twice.
    own = {given for event in world.load.events for given in event.acknowledged}
    if twice := [given for given, count in times.items() if count > 1 and given in own]:
        problems.append(f"F11 {len(twice)} letters came twice: {sorted(twice)[:3]}")
    return problems


# How far the dead letters of a world were read.
_read_letters: WeakKeyDictionary[World, int] = WeakKeyDictionary()


async def _new_letters(world: World) -> list[ConsumerRecord]:
    place = TopicPartition(world.topics.dead_letters, 0)
    consumer = AIOKafkaConsumer(
        **world.connection.options(), max_partition_fetch_bytes=FETCH_BYTES, max_poll_records=500
    )
    found: list[ConsumerRecord] = []
    await start_consumer(consumer)
    try:
        consumer.assign([place])
        consumer.seek(place, _read_letters.get(world, 0))
        end = (await consumer.end_offsets([place]))[place]
        async with asyncio.timeout(READ_TIMEOUT_S):
            while await consumer.position(place) < end:
                for letters in (await consumer.getmany(timeout_ms=500)).values():
                    found += letters
    finally:
        await consumer.stop()
    _read_letters[world] = end
    return found


async def _backlog(world: World, dice: Random, mark: str) -> None:
    """Let events of many users, some as large as may be, wait for a worker that is down."""
    events = [
        *inputs.of_many_users(dice, mark, BACKLOG_EVENTS, BACKLOG_USERS),
        *inputs.near_the_limit(dice, f"{mark}.large", LARGE_EVENTS),
    ]
    dice.shuffle(events)
    await world.drop("worker")
    await _send(world, events)
    await world.start_part("worker")


async def _send(world: World, events: Sequence[Event]) -> None:
    sending = [await world.load.hand_over(event) for event in events]
    await asyncio.gather(*sending)


async def _too_much(world: World, dice: Random) -> None:
    """A backlog, or one user who does as much as all others together."""
    mark = f"f12.{dice.getrandbits(48):x}"
    if dice.random() < 0.5:
        await _backlog(world, dice, mark)
        what = f"{BACKLOG_EVENTS + LARGE_EVENTS:,} waiting"
    else:
        # A new process, so that its memory is that of this round.
        await world.kill("worker", restart_s=0.0)
        await _send(world, inputs.of_one_user(dice, mark, ONE_USER_EVENTS))
        what = f"{ONE_USER_EVENTS:,} of one user"
    world.notes.append(what)
    world.blow()


def _peak_kilobytes(pid: int | None) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


async def _check_memory(world: World, _oracle: Oracle) -> Sequence[str]:
    """The worker's memory does not grow with what waits for it."""
    peak = _peak_kilobytes(world.pid("worker"))
    world.notes.append(f"worker's RSS at most {peak // 1024} MB")
    if peak > RSS_KILOBYTES_MAX:
        return [f"F12 the worker took {peak // 1024} MB at its peak"]
    return []


register(
    FaultClass(
        "F11",
        "poison: what is no event, or not one of this game, in between good ones",
        _poison,
        check=check_letters,
        short=True,
    )
)
register(
    FaultClass(
        "F12",
        "too much: a backlog, the largest events, one user with all the traffic",
        _too_much,
        Options(events=200, events_max=300),
        bar_s=90.0,
        check=_check_memory,
    )
)
