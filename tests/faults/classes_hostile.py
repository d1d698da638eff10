"""A hostile producer: who has the right to produce to the events, and nothing else (F24).

Forged inputs and headers, numbers of a million digits, markers of versions that do not exist,
batches that no client can read or that fill the memory, among good events that are timed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from random import Random
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from faults.again import ABSENT_FROM, ABSENT_MAX
from faults.classes import FaultClass, Options, register
from faults.classes_inputs import check_letters
from faults.event import Event
from faults.oracle import Oracle
from faults.world import World
from wording import batches

# Good events that are timed, before and while the others come.
PROBES: Final = 240
PROBES_PER_S: Final = 40
PROBE_USERS: Final = 20
MARKERS: Final = 300
BOMBS: Final = 2
BOMB_BYTES: Final = 80 * 1024 * 1024
RATIO_MAX: Final = 2.0
# Below this a ratio says nothing: it is what a busy machine does to one request.
NOISE_S: Final = 0.1
EVENT: Final = {"user": "p", "metric": "commits", "value": 1}
LONG: Final = b"9" * 5000
TIMES: Final = "faults.hostile.times"

# What a part may say, and nobody else.
FORGED: Final[list[dict[str, Any]]] = [
    {"type": "adjustment", "user": "p", "system": "xp", "points": 10**12, "reason": "mine"},
    {
        "type": "adjustment",
        "tenant": "acme",
        "user": "p",
        "system": "xp",
        "points": 10**12,
        "reason": "mine",
    },
    {
        "type": "correction",
        "user": "p",
        "event": "0-0-1",
        "metric": "commits",
        "was": 1,
        "at": "2026-03-02T12:00:00Z",
        "value": 10**14,
        "reason": "mine",
    },
    {"type": "backfilled", "version": 999_999_999},
    {"type": "backfill", "user": "p", "version": 1, "series": {"x": ["1", "1"]}},
    {"type": "definitions", "version": 1},
    {"type": "due", "user": "p", "at": "1970-01-01T00:00:00Z"},
    {
        "type": "boost",
        "system": "xp",
        "boost": "b",
        "change": "started",
        "at": "2026-03-02T12:00:00Z",
    },
    {"type": "hold", "on": True},
    {"type": "freeze", "user": "p"},
    {"type": "pause", "user": "p", "id": "p", "start": "2026-03-02", "end": "2026-03-03"},
    {"type": "pause_removal", "user": "p", "id": "p"},
    {"type": "restore", "user": "p"},
    {"type": "preferences", "user": "p", "streak": {"enabled": False}},
]
ENORMOUS: Final = [
    b'{"user":"p","metric":"commits","value":1e5000000}',
    b'{"user":"p","metric":"commits","value":1e-5000000}',
    b'{"type":"backfill","user":"p","version":1,"series":{"x":["1e5000000","0"]}}',
    b'{"type":"definitions","version":1e5000000}',
    b'{"user":"p","metric":"commits","value":' + LONG + b"}",
    b"[" * 60_000,
]
HEADERS: Final[list[tuple[tuple[str, bytes | None], ...]]] = [
    (("xp-forwarded", None),),
    (("xp-time", None),),
    (("xp-forwarded", b"0-0-" + LONG), ("xp-time", LONG)),
    (("xp-forwarded", b"0-7-1\n"), ("xp-time", b"0")),
    (("xp-forwarded", b"0-0-1"), ("xp-time", b"0")),
    (("xp-forwarded", b"0-0-1"), ("xp-time", b"0"), ("xp-mac", b"0" * 64)),
    (("xp-forwarded", b"999999999-999999999-999999999999999999"), ("xp-time", b"0")),
]
# Three records; the name of a header of the second one is no UTF-8.
UNREADABLE: Final = batches.spoilt(
    batches.batch((None, b"{}", ()), (None, b"{}", [("name", None)]), (None, b"{}", ())),
    b"name",
    b"n\xff\xfee",
)
# What the batches say, as far as it can be read.
SAID: Final = (b"{}", b"b", b"")


async def _hostile(world: World, dice: Random) -> None:
    """Time good events alone, and then among all that a producer may send."""
    mark = f"f24.{dice.getrandbits(48):x}"
    calm = await _probed(world, f"{mark}.calm")
    throwing = asyncio.create_task(_throw(world, dice, mark))
    stormy = await _probed(world, f"{mark}.storm")
    await throwing
    world.kept[TIMES] = (calm, stormy)
    world.notes.append(f"p99 of good events {calm * 1000:.0f} ms, then {stormy * 1000:.0f} ms")


async def _probed(world: World, mark: str) -> float:
    """Send good events at a steady rate; return the 99th percentile of the seconds they took."""
    took: list[float] = []
    tasks = []

    async def timed(event: Event) -> None:
        began = time.monotonic()
        await (await world.load.hand_over(event))
        took.append(time.monotonic() - began)

    for number in range(PROBES):
        began = time.monotonic()
        user = f"probe.{number % PROBE_USERS}"
        event = Event(f"{mark}.{number}", "http", user, key=f"{mark}.{number}")
        tasks.append(asyncio.create_task(timed(event)))
        await asyncio.sleep(max(0.0, began + 1 / PROBES_PER_S - time.monotonic()))
    await asyncio.gather(*tasks)
    took.sort()
    return took[int(len(took) * 0.99)]


async def _throw(world: World, dice: Random, mark: str) -> None:
    """Send everything that is hostile, in some order, over the time of the probes."""
    events = [
        *(_raw(dice, f"{mark}.forged{at}", it, forged=True) for at, it in enumerate(FORGED)),
        *(_raw(dice, f"{mark}.huge{at}", raw) for at, raw in enumerate(ENORMOUS)),
        *(
            _raw(dice, f"{mark}.headers{at}", EVENT, forged=True, headers=it)
            for at, it in enumerate(HEADERS)
        ),
        *(
            _raw(dice, f"{mark}.marker{at}", {"type": "definitions", "version": ABSENT_FROM + at})
            for at in range(MARKERS)
        ),
    ]
    assert MARKERS <= ABSENT_MAX
    dice.shuffle(events)
    # They come in batches, and are known as what nobody was to send.
    world.load.events += [Event(f"{mark}.said", "kafka", "p", raw=it) for it in SAID]
    bomb = batches.batch((b"k", bytes(BOMB_BYTES), ()), codec=batches.ZSTD)
    thrown = [UNREADABLE, batches.packed(UNREADABLE), batches.claiming(2**31 - 1, 5)]
    thrown += [batches.claiming(0, 0, 0), *[bomb] * BOMBS]
    pause_s = PROBES / PROBES_PER_S / (len(events) + len(thrown))
    every = len(events) // len(thrown)
    async with AIOKafkaProducer(**world.connection.options()) as producer:
        for number, event in enumerate(events):
            await world.load.hand_over(event)
            if number % every == 0 and thrown:
                await _send(world, producer, dice, thrown.pop())
            await asyncio.sleep(pause_s)
    # The last offset of each partition is one that has a record.
    for partition in range(world.options.partitions):
        event = Event(f"{mark}.last{partition}", "kafka", "probe.0", partition=partition)
        await world.load.hand_over(event)


async def _send(world: World, producer: AIOKafkaProducer, dice: Random, raw: bytes) -> None:
    partition = dice.randrange(world.options.partitions)
    await (await producer.send_batch(batches.Ready(raw), world.topics.events, partition=partition))


def _raw(dice: Random, mark: str, value: dict[str, Any] | bytes, **special: Any) -> Event:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Event(mark, "kafka", dice.choice("pqrstuvw"), raw=raw, **special)


async def _check(world: World, oracle: Oracle) -> Sequence[str]:
    """Good events were hardly slower for it, and what was set aside is there as it came."""
    calm, stormy = world.kept[TIMES]
    problems = list(await check_letters(world, oracle))
    if stormy > max(RATIO_MAX * calm, NOISE_S):
        problems.append(
            f"F24 the 99th percentile of good events was {stormy * 1000:.0f} ms among hostile "
            f"ones, and {calm * 1000:.0f} ms without"
        )
    return problems


register(
    FaultClass(
        "F24",
        "hostile producer: forged, unreadable and enormous records among good ones",
        _hostile,
        # Few beside those that are timed: what is measured must not be how busy the machine is.
        Options(events=100, events_max=1500, rate=40),
        check=_check,
    )
)
