"""Faults of order: events out of order and far off (F10)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final

from faults import stories
from faults.classes import FaultClass, Options, register
from faults.event import Event
from faults.oracle import Oracle
from faults.plan import VALUES
from faults.world import World

from schemas.topics import DEFAULT_TENANT

# Pairs of users in a round, and the events of each of the two.
PAIRS: Final = 4
PAIR_EVENTS: Final = 24
HOUR: Final = timedelta(hours=1)


def _instants(dice: Random, now: datetime) -> list[tuple[datetime, bool]]:
    """Return when the events of a pair happened, and whether each is too far from now."""
    same = now - dice.random() * 2 * HOUR
    long_ago = now - timedelta(days=90)
    instants = []
    for _ in range(PAIR_EVENTS):
        kind = dice.choice(("near", "near", "same", "long ago", "tomorrow"))
        if kind == "near":
            instants.append((now + dice.uniform(-1.0, 0.07) * HOUR, False))
        elif kind == "same":
            instants.append((same, False))
        elif kind == "long ago":
            instants.append((long_ago + dice.uniform(-30, 30) * HOUR, False))
        else:
            instants.append((now + dice.uniform(0.1, 26) * HOUR, True))
    return instants


def _pair(dice: Random, mark: str) -> list[list[Event]]:
    """Return the same events of two users, each in an order of its own."""
    zone = dice.choice(stories.ZONES)
    drawn = [
        (at, refused, dice.choice(("commits", "lines", "reviews")), dice.choice(VALUES))
        for at, refused in _instants(dice, datetime.now(UTC))
    ]
    both = []
    for user in (f"{mark}.a", f"{mark}.b"):
        events = [
            Event(
                f"{user}.{number}",
                "http" if dice.random() < 0.2 else "kafka",
                user,
                metric,
                value,
                tz=zone,
                occurred=at.isoformat(timespec="milliseconds"),
                key=f"{user}.{number}",
                may_fail=refused,
            )
            for number, (at, refused, metric, value) in enumerate(drawn)
        ]
        dice.shuffle(events)
        both.append(events)
    return both


async def _disorder(world: World, dice: Random) -> None:
    """Send the same events of pairs of users in different orders; at times the worker dies."""
    mark = f"f10.{dice.getrandbits(48):x}"
    pairs = [_pair(dice, f"{mark}.{number}") for number in range(PAIRS)]
    world.kept["F10"] = [[events[0].user for events in pair] for pair in pairs]
    kills = dice.random() < 0.4
    for number in range(PAIR_EVENTS):
        for pair in pairs:
            for events in pair:
                await world.load.hand_over(events[number])
        await asyncio.sleep(dice.uniform(0, 0.05))
        if kills and number == PAIR_EVENTS // 2:
            await world.kill("worker")
            world.notes.append("worker killed")
    world.blow()


async def _check_pairs(world: World, oracle: Oracle) -> Sequence[str]:
    """In whatever order events came, they add up to the same, day by day."""
    found = []
    for users in world.kept["F10"]:
        sums = [
            {
                (table, *key[2:]): row[:2] if table == "total_days" else row[:1]
                for table in ("totals", "total_days")
                for key, row in oracle.judging.tables.rows[table].items()
                if key[:2] == (DEFAULT_TENANT, user)
            }
            for user in users
        ]
        if sums[0] != sums[1]:
            found.append(f"F10 {users} did the same: {sums[0]} and {sums[1]}")
    return found


register(
    FaultClass(
        "F10",
        "events in any order: shuffled, all at once, 90 days late, from tomorrow",
        _disorder,
        Options(events=300, events_max=900),
        bar_s=45.0,
        check=_check_pairs,
    )
)
