"""Faults of operation: other versions at the same time (F20), topics and groups damaged (F21)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from random import Random
from typing import Final

from faults.classes import PARTS, FaultClass, Options, register
from faults.groups import delete_group, delete_records, empty_group, offsets_of, set_offsets
from faults.oracle import Oracle
from faults.world import World
from faults.worlds import TwoVersionsWorld

# What happens after a round, when the oracle has read everything; the next one stands on it.
RETENTION: Final = "retention"

# F20


async def _roll(world: World, dice: Random) -> None:
    """Replace one worker after the other by the other version, up or down, in good order or not."""
    assert isinstance(world, TwoVersionsWorld)
    workers = [name for name in world.parts if name.split()[0] == "worker"]
    dice.shuffle(workers)
    for worker in workers:
        await asyncio.sleep(dice.uniform(0.2, 1.0))
        world.upgraded ^= {worker}
        if dice.random() < 0.7:
            await world.terminate(worker)
        else:
            await world.kill(worker)
        await world.back(worker)
    running = ["later" if worker in world.upgraded else "present" for worker in sorted(workers)]
    world.notes.append(f"rolled to {' and '.join(running)}")
    world.blow()


# F21


async def _damage_the_group(world: World, dice: Random) -> None:
    """Do to the group, the events topic and the state what tools and operators do."""
    group = f"{world.topics.prefix}worker"
    await asyncio.sleep(dice.uniform(0.3, 1.0))
    kinds = dice.sample((RETENTION, "group", "earliest", "anywhere", "state"), dice.randint(1, 2))
    if kinds != [RETENTION]:
        await world.terminate("worker", restart=False)
        await empty_group(world.connection, group)
        await _reset(world, dice, group, kinds)
        if "group" in kinds:
            await delete_group(world.connection, group)
        if "state" in kinds:
            shutil.rmtree(world.home / "state")
        await world.start_part("worker")
    world.notes += kinds
    world.blow()


async def _reset(world: World, dice: Random, group: str, kinds: list[str]) -> None:
    known = await offsets_of(world.connection, group)
    if not known:
        # A worker that ended before it could commit for the first time.
        return
    events = world.topics.events
    if "earliest" in kinds:
        await set_offsets(world.connection, group, dict.fromkeys(known, 0))
    if "anywhere" in kinds:
        # Of the events, it is a hint. Of the ledger, it says how far notices were sent: to move it
        # forward is to ask for fewer of them.
        moved = {
            place: dice.randrange(2 * offset + 100)
            if place[0] == events
            else dice.randrange(offset + 1)
            for place, offset in known.items()
        }
        await set_offsets(world.connection, group, moved)


async def _expire(world: World, oracle: Oracle) -> Sequence[str]:
    """Remove every event that was judged, and let a worker start on what is left: nothing."""
    if RETENTION in world.notes:
        events = world.topics.events
        judged = {
            place[1]: offset
            for place, offset in oracle.reading.offsets.items()
            if place[0] == events
        }
        await delete_records(world.connection, events, judged)
        await world.kill("worker")
    return []


register(
    FaultClass(
        "F20",
        "rolling upgrade and downgrade: workers of two versions of the rules at the same time",
        _roll,
        Options(parts=(*PARTS, "worker 2")),
        bar_s=60.0,
        world=TwoVersionsWorld,
    )
)
register(
    FaultClass(
        "F21",
        "group deleted, offsets reset, events expired, local state gone",
        _damage_the_group,
        bar_s=60.0,
        check=_expire,
    )
)
