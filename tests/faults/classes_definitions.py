"""Faults of operators: definitions that change while events come (F18)."""

from __future__ import annotations

import asyncio
import copy
import shutil
from collections.abc import Sequence
from random import Random
from typing import Final

from faults.classes import FaultClass, Options, register
from faults.edits import EXTRA, edited
from faults.event import Channel, Event
from faults.oracle import Oracle
from faults.world import World

from broker.apply import OvertakenError
from processor.rows import path_of

EXTRA_EVENTS: Final = 12


async def _redefine(world: World, dice: Random) -> None:
    """Put one version after the other in force, with all that an edit may ask of the past."""
    mark = f"{dice.getrandbits(48):x}"
    for number in range(dice.randint(2, 4)):
        await asyncio.sleep(dice.uniform(0.2, 0.8))
        await _extras(world, dice, f"f18.{mark}.{number}")
        await _apply(world, dice, f"{mark}-{number}")
        await _extras(world, dice, f"f18.{mark}.{number}.after")
        if dice.random() < 0.25:
            # In the midst of visiting users, as likely as not.
            await asyncio.sleep(dice.uniform(0, 1.5))
            await world.kill("worker", restart_s=dice.uniform(0, 0.5))
            await world.back("worker")
            world.notes.append("worker killed")
    if dice.random() < 0.25:
        await world.terminate("worker", restart=False)
        shutil.rmtree(world.home / "state")
        await world.start_part("worker")
        world.notes.append("state gone")
    world.blow()


async def _apply(world: World, dice: Random, mark: str) -> None:
    """Put a version in force; at times two operators do so at once, and one may be too late."""
    games = [copy.deepcopy(world.game) for _ in range(2 if dice.random() < 0.2 else 1)]
    for place, game in enumerate(games):
        world.notes += edited(dice, game, f"{mark}-{place}")
    ended = await asyncio.gather(*map(world.change, games), return_exceptions=True)
    for error in ended:
        if isinstance(error, OvertakenError):
            world.notes.append("overtaken")
        elif isinstance(error, BaseException):
            raise error


async def _extras(world: World, dice: Random, mark: str) -> None:
    """Send events of a metric that may be archived just then."""
    for number in range(EXTRA_EVENTS):
        channel: Channel = "http" if dice.random() < 0.5 else "kafka"
        user, given = f"f18.{dice.randrange(20)}", f"{mark}.{number}"
        value = dice.choice((1, 2, 5))
        event = Event(given, channel, user, EXTRA, value, key=given, may_fail=True)
        await world.load.hand_over(event)


async def _check_versions(_world: World, oracle: Oracle) -> Sequence[str]:
    """Every partition has come to the newest version, and all that it counts is whole."""
    judging, found = oracle.judging, []
    newest = max(judging.versions)
    for partition, line in enumerate(judging.lines):
        if line.version != newest:
            found.append(f"F18 partition {partition} judges by {line.version}, not by {newest}")
        for who, sums in judging.second.subtotals(partition).items():
            own = line.state.users.get(path_of(*who))
            series = own.series if own is not None else {}
            counted = {name: series[name].total if name in series else 0 for name in sums}
            if counted != sums:
                found.append(f"F18 {who} has the subtotals {counted}, not {sums}")
    return found[:12]


register(
    FaultClass(
        "F18",
        "definitions changed mid-stream: points, caps, levels, filters, boosts, metrics archived",
        _redefine,
        Options(events=400, events_max=1200),
        bar_s=60.0,
        check=_check_versions,
        last=True,
    )
)
