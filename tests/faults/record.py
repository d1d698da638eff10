"""Record what the released version leaves, for worlds that cannot have it.

    PYTHONPATH=.:tests .venv/bin/python -m faults.record

Its workers judge a plan, nothing goes wrong, and both logs become the file of `recording`.
"""

from __future__ import annotations

import asyncio
import sys
from random import Random

from faults.classes import FaultClass, Options
from faults.lines import Raw
from faults.load import Load
from faults.plan import draw
from faults.recording import PATH, Recording, write_recording
from faults.rounds import new_world
from faults.upgraded import UpgradedWorld
from faults.world import World

PATIENCE_S = 60.0


async def _nothing(_world: World, _dice: Random) -> None:
    pass


FAULT = FaultClass("recorded", "no fault", _nothing, Options(), world=UpgradedWorld)


async def record() -> Recording:
    """Run the released version under load, and return what it has left."""
    dice, options = Random(0), FAULT.options
    events = draw("recorded", FAULT.id, 1, options.events, options.http)
    async with new_world(FAULT) as (world, oracle):
        assert isinstance(world, UpgradedWorld)
        assert world.is_whole, "this checkout lacks the released version"
        struck = asyncio.Event()
        struck.set()
        async with Load(world, dice, options, PATIENCE_S) as load:
            world.load = load
            await load.send_all(events, struck)
            await load.settled()
            sent = load.events
        violations, _took_s = await oracle.check(sent, load.last_sent, PATIENCE_S)
        assert not violations, violations
        logs = await oracle.reading.again(world.topics.events, world.topics.ledger)
    by_topic: dict[str, dict[int, list[Raw]]] = {topic: {} for topic, _ in logs}
    for (topic, partition), records in sorted(logs.items()):
        by_topic[topic][partition] = records
    return Recording(by_topic[world.topics.events], by_topic[world.topics.ledger])


def main() -> int:
    """Write the file."""
    write_recording(PATH, asyncio.run(record()))
    sys.stdout.write(f"{PATH}: {PATH.stat().st_size:,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
