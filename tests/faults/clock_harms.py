"""What is done to the clock while dues are in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

from faults.clockwork import at_work, with_skew
from faults.world import World


async def _kill(world: World, dice: Random) -> None:
    for _ in range(dice.randint(1, 3)):
        await at_work(world)
        await asyncio.sleep(dice.uniform(0, 0.6))
        await world.kill("worker", restart_s=dice.uniform(0, 0.5))
        await world.back("worker")
    world.notes.append("killed")


async def _die(world: World, dice: Random) -> None:
    point = dice.choice(("lane.judged", "lane.appended", "lane.stored"))
    died = await world.die_at("worker", f"{point}:{dice.randint(1, 12)}")
    world.notes.append(f"died at {point}" if died else f"never came to {point}")


async def _pause(world: World, dice: Random) -> None:
    await asyncio.sleep(dice.uniform(0.05, 0.5))
    await world.pause("worker", dice.uniform(1, 4))
    world.notes.append("paused")


async def _late(world: World, dice: Random) -> None:
    seconds = -dice.uniform(60, 295)
    await with_skew(world, "worker", seconds, dice.uniform(2, 4))
    world.notes.append(f"{seconds:.0f} s behind")


async def _early(world: World, dice: Random) -> None:
    seconds = dice.uniform(60, 295)
    await with_skew(world, "worker", seconds, dice.uniform(2, 4))
    world.notes.append(f"{seconds:.0f} s ahead")


async def _far_ahead(world: World, dice: Random) -> None:
    """What falls due in the future is refused, and is said again when it is time."""
    await with_skew(world, "worker", dice.uniform(3_600, 100_000), dice.uniform(2, 4))
    world.notes.append("far ahead")


async def _two(world: World, dice: Random) -> None:
    await world.start_part("worker 2")
    await asyncio.sleep(dice.uniform(1, 4))
    await world.drop("worker 2")
    world.notes.append("two workers, one killed")


async def _nothing(_world: World, dice: Random) -> None:
    await asyncio.sleep(dice.uniform(0.5, 2))


HARMS: Final[tuple[Callable[[World, Random], Awaitable[None]], ...]] = (
    _kill,
    _kill,
    _die,
    _pause,
    _late,
    _early,
    _far_ahead,
    _two,
    _nothing,
)
