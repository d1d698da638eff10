"""Faults of who is talked to: receivers of webhooks (F16), and the network in between (F17)."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final

from aiohttp import web
from faults.classes import FaultClass, Options, register
from faults.proxy import Mode
from faults.receiver import Answer, accept
from faults.world import HOOK, World
from faults.worlds import ProxiedWorld

# F16: the notifier waits so long for an answer.
WEBHOOK_TIMEOUT_S: Final = 0.5
DEAF_HOOK: Final = "/deaf"
ENDLESS_CHUNKS: Final = 500
POINTS: Final = ("dispatcher.sent", "outbox.applied", "outbox.committed")


async def slow(_request: web.Request) -> web.StreamResponse:
    """Take a message, and say so when nobody listens any more."""
    await asyncio.sleep(3 * WEBHOOK_TIMEOUT_S)
    return web.Response(status=204)


async def broken(_request: web.Request) -> web.StreamResponse:
    """Fail."""
    return web.Response(status=500, text="out of order\0\x1b[31m" * 1000)


async def torn(request: web.Request) -> web.StreamResponse:
    """Reset the connection instead of answering."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response(status=500)


async def elsewhere(request: web.Request) -> web.StreamResponse:
    """Redirect, in a circle."""
    return web.Response(status=302, headers={"Location": str(request.url)})


async def gone(_request: web.Request) -> web.StreamResponse:
    """Say that nobody is here any more."""
    return web.Response(status=410)


async def endless(request: web.Request) -> web.StreamResponse:
    """Refuse with a body that does not end."""
    answer = web.StreamResponse(status=503)
    await answer.prepare(request)
    for _ in range(ENDLESS_CHUNKS):
        await answer.write(b"x" * 1000)
        await asyncio.sleep(0.01)
    return answer


RUDE: Final[dict[str, Answer]] = {
    "slow": slow,
    "500": broken,
    "reset": torn,
    "redirect": elsewhere,
    "410": gone,
    "endless 503": endless,
}


def moody(dice: Random) -> Answer:
    """Answer in another way each time."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await dice.choice((*RUDE.values(), accept))(request)

    return answer


async def _add_deaf_hook(world: World) -> None:
    """Add a webhook that never answers: it must not delay the other."""
    world.receiver.answers[DEAF_HOOK] = slow_for_ever
    await world.add_webhook(DEAF_HOOK)


async def slow_for_ever(_request: web.Request) -> web.StreamResponse:
    """Never say anything in time."""
    await asyncio.sleep(10 * WEBHOOK_TIMEOUT_S)
    return web.Response(status=503)


async def _vex_the_notifier(world: World, dice: Random) -> None:
    """Let the receiver misbehave, and let the notifier die or halt meanwhile."""
    kind = dice.choice(("moody", "moody", *RUDE))
    world.receiver.answers[HOOK] = RUDE.get(kind) or moody(Random(dice.random()))
    notes = [kind]
    try:
        await asyncio.sleep(dice.uniform(0.3, 1.0))
        match dice.choice(("kill", "pause", "point", "point", "nothing")):
            case "kill":
                await world.kill("notify")
                notes.append("kill -9")
            case "pause":
                await world.pause("notify", dice.uniform(0.5, 3.0))
                notes.append("paused")
            case "point":
                point = f"{dice.choice(POINTS)}:{dice.randint(1, 2)}"
                died = await world.die_at("notify", point, patience_s=5.0)
                notes.append(f"{point}{'' if died else ' not reached'}")
            case _:
                await asyncio.sleep(1.0)
    finally:
        world.receiver.answers[HOOK] = accept
        world.blow()
    world.notes.append(", ".join(notes))


# F17

# How long the network is in this state, at most: what is slow only has to be borne for longer.
SECONDS: Final[dict[Mode, float]] = {
    "delay": 4.0,
    "hold": 3.0,
    "hang": 4.0,
    "reset": 2.0,
    "drop": 2.0,
    "refuse": 2.0,
}


async def _cut_the_network(world: World, dice: Random) -> None:
    """Make the network bad between some parts and their servers, one to three times."""
    assert isinstance(world, ProxiedWorld)
    for _ in range(dice.randint(1, 3)):
        await asyncio.sleep(dice.uniform(0.1, 0.7))
        mode = dice.choice(tuple(SECONDS))
        parts = sorted({part for part, _ in world.proxies})
        part, server = dice.choice(("all", *parts)), dice.choice(("all", "kafka", "postgres"))
        proxies = [
            proxy
            for (one, to), proxy in world.proxies.items()
            if part in ("all", one) and server in ("all", to)
        ]
        try:
            for proxy in proxies:
                proxy.become(mode)
            await asyncio.sleep(dice.uniform(0.2, SECONDS[mode]))
        finally:
            for proxy in proxies:
                proxy.become("pass")
            world.blow()
        world.notes.append(f"{mode} between {part} and {server}")


register(
    FaultClass(
        "F16",
        "a receiver of webhooks that is slow or fails, and a notifier that dies or halts",
        _vex_the_notifier,
        Options(environment={"XP_WEBHOOK_TIMEOUT_S": str(WEBHOOK_TIMEOUT_S)}),
        bar_s=45.0,
        prepare=_add_deaf_hook,
    )
)
register(
    FaultClass(
        "F17",
        "network between the parts and Kafka or Postgres: slow, silent, torn, closed, refused",
        _cut_the_network,
        bar_s=60.0,
        world=ProxiedWorld,
        short=True,
    )
)
