"""Faults of processes: kill, pause, restart and rebalance worker, projector, gateway and servers.

Each strike takes its instants from the dice it is given, so that the same seed strikes alike.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from dataclasses import replace
from random import Random

import psycopg
from faults.classes import PARTS, FaultClass, Options, register
from faults.event import Channel, Event
from faults.game import METRICS
from faults.world import World

SESSION_TIMEOUT_S = 6.0
LANE_POINTS = ("lane.sent", "lane.judged", "lane.appended", "lane.stored")
ANNOUNCER_POINTS = ("announcer.sent", "announcer.hinted")
PROJECTOR_POINTS = ("projector.applied", "projector.committed")
NOTIFIER_POINTS = ("outbox.applied", "outbox.committed", "dispatcher.sent")


async def _kill_or_die(
    world: World, dice: Random, name: str, points: tuple[str, ...], times_max: int = 3
) -> None:
    """Kill a part at a random instant, once or twice, or have it die at one of its failpoints."""
    await asyncio.sleep(dice.uniform(0.05, 1.2))
    if dice.random() < 0.6:
        point = f"{dice.choice(points)}:{dice.randint(1, times_max)}"
        died = await world.die_at(name, point)
        world.notes.append(f"{point}" if died else f"{point} not reached")
        await world.back(name)
        return
    for _ in range(dice.choice((1, 1, 2))):
        await world.kill(name, restart_s=dice.choice((0.0, 0.5)))
        await world.back(name)
        await asyncio.sleep(dice.uniform(0.0, 3.0))


async def kill_worker(world: World, dice: Random) -> None:
    """F1."""
    await _kill_or_die(world, dice, "worker", (*LANE_POINTS, *ANNOUNCER_POINTS))


async def kill_projector(world: World, dice: Random) -> None:
    """F2."""
    await _kill_or_die(world, dice, "project", PROJECTOR_POINTS)


async def kill_gateway(world: World, dice: Random) -> None:
    """F3."""
    await _kill_or_die(world, dice, "serve", ("gateway.appended",), times_max=40)


async def hurt_notifier(world: World, dice: Random) -> None:
    """F1n."""
    if dice.random() < 0.25:
        await asyncio.sleep(dice.uniform(0.05, 1.0))
        await world.pause("notify", dice.uniform(1.0, 4.0))
        return
    await _kill_or_die(world, dice, "notify", NOTIFIER_POINTS)


async def kill_broker(world: World, dice: Random) -> None:
    """F4: recovery counts from when the broker serves again."""
    await asyncio.sleep(dice.uniform(0.05, 1.2))
    await world.kill("kafka", restart_s=dice.choice((0.0, 0.5, 2.0)))
    began = time.monotonic()
    await world.back("kafka")
    world.notes.append(f"broker back after {time.monotonic() - began:.1f} s")
    world.blow()


async def pause_broker(world: World, dice: Random) -> None:
    """F5: past the session timeout mostly; past the request timeout, and more, now and then."""
    await asyncio.sleep(dice.uniform(0.05, 1.0))
    (seconds,) = dice.choices((11.0, 70.0, 130.0), (18, 1, 1))
    world.notes.append(f"paused for {seconds:.0f} s")
    await world.pause("kafka", seconds)


async def zombie_worker(world: World, dice: Random) -> None:
    """F6: a worker is paused until another has its partitions, and wakes up with work half done."""
    await asyncio.sleep(dice.uniform(0.05, 1.0))
    name = dice.choice(("worker", "worker 2"))
    seconds = SESSION_TIMEOUT_S + dice.uniform(2.0, 4.0)
    if dice.random() < 0.4:
        await world.pause(name, seconds)
        return
    point = f"{dice.choice(LANE_POINTS[:3])}:{dice.randint(1, 3)}"
    halted = await world.halt_at(name, point, seconds)
    world.notes.append(point if halted else f"{point} not reached")


async def hurt_postgres(world: World, dice: Random) -> None:
    """F7."""
    await asyncio.sleep(dice.uniform(0.05, 1.0))
    how = dice.choice(("kill", "immediate", "terminate", "lock", "connections", "pause"))
    world.notes.append(how)
    if how == "kill":
        await world.kill("postgres", restart_s=dice.choice((0.0, 0.5, 2.0)))
        await world.back("postgres")
    elif how == "immediate":
        world.signal("postgres", signal.SIGQUIT)
        await world.gone("postgres")
        await world.back("postgres")
    elif how == "terminate":
        for _ in range(dice.randint(1, 8)):
            await world.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> "
                "pg_backend_pid() AND backend_type = 'client backend'"
            )
            await asyncio.sleep(dice.uniform(0.0, 0.6))
    elif how == "lock":
        table = dice.choice(("read.totals", "read.positions", "own.deliveries", "own.api_keys"))
        await _lock(world, table, dice.uniform(1.0, 6.0))
    elif how == "connections":
        await _use_up_connections(world, dice.uniform(1.0, 4.0))
    else:
        await world.pause("postgres", dice.uniform(1.0, 6.0))
    world.blow()


async def _lock(world: World, table: str, seconds: float) -> None:
    async with (
        await psycopg.AsyncConnection.connect(world.dsn) as database,
        database.transaction(),
    ):
        await database.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        await asyncio.sleep(seconds)


async def _use_up_connections(world: World, seconds: float) -> None:
    """Take every connection that the server has left, and make the parts ask for new ones."""
    async with contextlib.AsyncExitStack() as opened:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                made = await psycopg.AsyncConnection.connect(world.dsn, connect_timeout=3)
                opened.push_async_callback(made.close)
        await world.kill("project", restart_s=0.0)
        await asyncio.sleep(seconds)


async def rebalance(world: World, dice: Random) -> None:
    """F8: workers come and go, in good order and not; at the end there are two, as before."""
    await asyncio.sleep(dice.uniform(0.05, 0.5))
    how = dice.choice(("join", "leave", "roll", "swap"))
    world.notes.append(how)
    if how == "join":
        await world.start_part("worker 3")
        await asyncio.sleep(dice.uniform(1.0, 6.0))
        if dice.random() < 0.5:
            await world.terminate("worker 3", restart=False)
        else:
            await world.drop("worker 3")
    elif how == "leave":
        await world.terminate("worker 2", restart=False)
        await asyncio.sleep(dice.uniform(0.5, 4.0))
        await world.start_part("worker 2")
    elif how == "roll":
        for name in ("worker", "worker 2"):
            await world.terminate(name)
            await world.back(name)
            await asyncio.sleep(dice.uniform(0.5, 3.0))
    else:
        await world.start_part("worker 3")
        await asyncio.sleep(dice.uniform(0.0, 3.0))
        await world.kill(dice.choice(("worker", "worker 2")), restart_s=1.0)
        await asyncio.sleep(dice.uniform(0.5, 3.0))
        await world.terminate("worker 3", restart=False)
    world.blow()


async def send_again(world: World, dice: Random) -> None:
    """F9: one key up to a thousand times at once, over both gateways and Kafka."""
    await asyncio.sleep(dice.uniform(0.0, 0.3))
    key = f"again-{dice.getrandbits(48):x}"
    user = f"again.{dice.randrange(10)}"
    times = round(10 ** dice.uniform(0.0, 3.0))
    events = []
    for index in range(times):
        # A thousand requests would take longer than all the rest of the round.
        over_http = index < 120 and dice.random() < 0.5
        metric = METRICS[0] if dice.random() < 0.95 else dice.choice(METRICS)
        mark = f"{key}.{index}"
        channel: Channel = "http" if over_http else "kafka"
        events.append(Event(mark, channel, user, metric, dice.choice((1, 2)), key=key))
    world.notes.append(f"{times} times")
    sending = asyncio.create_task(world.load.send(*events))
    if dice.random() < 0.5:
        await asyncio.sleep(dice.uniform(0.0, 0.5))
        await world.kill("worker", restart_s=0.0)
    await sending


TWO_WORKERS = Options(parts=("worker", "worker 2", "project", "serve", "notify"))

register(
    FaultClass("F1", "kill -9 of the worker in the middle of a batch", kill_worker, short=True)
)
register(FaultClass("F1n", "kill -9 and pause of the notifier", hurt_notifier, short=True))
register(FaultClass("F2", "kill -9 of the projector", kill_projector, short=True))
register(
    FaultClass(
        "F3", "kill -9 of the gateway", kill_gateway, Options(http=0.8, rate=150), short=True
    )
)
register(FaultClass("F4", "kill -9 of the broker", kill_broker, bar_s=60, short=True))
register(FaultClass("F5", "pause of the broker, 11 to 130 s", pause_broker, bar_s=60))
register(
    FaultClass(
        "F6",
        "pause of a worker past its session timeout, beside another",
        zombie_worker,
        replace(TWO_WORKERS, rate=150, events_max=3000),
        bar_s=60,
    )
)
register(
    FaultClass(
        "F7",
        "Postgres killed, restarted, locked, paused, full",
        hurt_postgres,
        bar_s=45,
        short=True,
    )
)
register(FaultClass("F8", "workers come and go under load", rebalance, TWO_WORKERS, bar_s=60))
register(
    FaultClass(
        "F9",
        "one idempotency key up to 1,000 times at once",
        send_again,
        Options(parts=(*PARTS, "serve 2")),
        short=True,
    )
)
