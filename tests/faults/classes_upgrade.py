"""Faults of an upgrade: from the released version to this one, part by part, under load (F20u)."""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Sequence
from random import Random
from typing import Final

from faults.classes import PARTS, FaultClass, Options, register
from faults.clockwork import at_work
from faults.edits import edited
from faults.event import Event
from faults.oracle import Oracle
from faults.sent import read
from faults.upgraded import UpgradedWorld
from faults.world import World

from schemas.records import RECORD_VERSION

# They read the ledger and write nothing to it: the present version of each reads both words.
READERS: Final = ("project", "serve", "notify")
LANE_POINTS: Final = ("lane.sent", "lane.judged", "lane.appended", "lane.stored")
SESSION_TIMEOUT_S: Final = 6.0
AGAIN: Final = 40
WORK_S_MAX: Final = 20.0


async def _upgrade(world: World, dice: Random) -> None:
    """Replace all parts as `docs/operating.md` says: the readers first, then worker by worker."""
    assert isinstance(world, UpgradedWorld)
    world.notes.append(world.means)
    await at_work(world)
    await world.prepare()
    readers = list(READERS)
    workers = [name for name in world.parts if name.split()[0] == "worker"]
    dice.shuffle(readers)
    dice.shuffle(workers)
    for part in readers:
        await _replace(world, dice, part)
    await _repeat(world, dice)
    for number, worker in enumerate(workers):
        if number and dice.random() < 0.4:
            await _oversleep(world, dice, worker)
        await _replace(world, dice, worker)
    if dice.random() < 0.5:
        # It asks for the past, which is on the ledger in the words of both versions.
        game = copy.deepcopy(world.game)
        world.notes += edited(dice, game, f"f20u-{dice.getrandbits(32):x}")
        await world.change(game)
    if dice.random() < 0.3:
        await world.kill(dice.choice(workers))
        world.notes.append("a new one killed")
    world.blow()


async def _replace(world: UpgradedWorld, dice: Random, part: str) -> None:
    """End a part of the released version, one way or the other, and start the present one."""
    await asyncio.sleep(dice.uniform(0.2, 1.5))
    is_worker = part.split(maxsplit=1)[0] == "worker"
    how = dice.choice(("stopped", "stopped", "killed", "died" if is_worker else "killed"))
    if how == "died":
        point = f"{dice.choice(LANE_POINTS)}:{dice.randint(1, 3)}"
        died = await world.die_at(part, point, patience_s=5.0)
        how = point if died else f"{point} not reached"
    world.upgraded.add(part)
    if how == "stopped":
        await world.terminate(part)
    else:
        await world.kill(part, restart_s=dice.choice((0.0, 0.5)))
    await world.back(part)
    if is_worker:
        await _written_today(world)
    world.notes.append(f"{part} {how}")


async def _written_today(world: UpgradedWorld) -> None:
    """Return when a present worker records something; not much later in any case."""
    deadline = time.monotonic() + WORK_S_MAX
    while time.monotonic() < deadline and not await world.writes_today():
        await asyncio.sleep(0.2)


async def _oversleep(world: UpgradedWorld, dice: Random, worker: str) -> None:
    """Pause a released worker until a present one has its partitions, and let it wake up."""
    await asyncio.sleep(dice.uniform(0.2, 1.0))
    await world.pause(worker, SESSION_TIMEOUT_S + dice.uniform(2.0, 4.0))
    world.notes.append(f"{worker} overslept")
    await asyncio.sleep(dice.uniform(0.2, 2.0))


async def _repeat(world: UpgradedWorld, dice: Random) -> None:
    """Send events of the recording again under their keys: they must not count once more."""
    if world.recording is None:
        return
    given = [read(raw.value) for log in world.recording.events.values() for raw in log]
    keyed = [it for it in given if it is not None and "idempotencyKey" in it]
    for number, it in enumerate(dice.sample(keyed, AGAIN)):
        mark, user = f"f20u.again.{number}", it["user"]["id"]
        event = Event(mark, "kafka", user, it["metric"], key=it["idempotencyKey"])
        await world.load.hand_over(event)


async def _check_versions(world: World, oracle: Oracle) -> Sequence[str]:
    """The ledger has records of both versions that count: else the round has shown nothing."""
    formats = oracle.judging.formats
    world.notes.append(
        f"records that count: {', '.join(f'{n} of v{v}' for v, n in sorted(formats.items()))}"
    )
    missing = set(range(1, RECORD_VERSION + 1)) - formats.keys()
    return [f"F20u no record of version {version} counts" for version in sorted(missing)]


register(
    FaultClass(
        "F20u",
        "rolling upgrade from the released version: records of two versions on one ledger",
        _upgrade,
        Options(parts=(*PARTS, "worker 2"), events=600, events_max=5000, rate=100),
        bar_s=60.0,
        world=UpgradedWorld,
        check=_check_versions,
        once=True,
    )
)
