"""Faults of time: events out of order and far off (F10), clocks and calendars (F13)."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from faults import stories
from faults.classes import FaultClass, Options, register
from faults.clockwork import at_work, echoes, hold, with_skew
from faults.oracle import Oracle
from faults.plan import AGE, AGE_DAYS, VALUES, Event
from faults.world import World

# Pairs of users in a round of F10, and the events of each of the two.
PAIRS: Final = 4
PAIR_EVENTS: Final = 24
HOUR: Final = timedelta(hours=1)
NEAR_USERS: Final = 12
BOOSTED: Final = "story-"
SYSTEM: Final = "default"

# F10


def _instants(dice: Random, now: datetime) -> list[tuple[datetime, bool]]:
    """Return when the events of a pair happened, and whether each is too far from now."""
    same = now - dice.random() * 2 * HOUR
    long_ago = now - timedelta(days=90)
    told = []
    for _ in range(PAIR_EVENTS):
        kind = dice.choice(("near", "near", "same", "long ago", "tomorrow"))
        if kind == "near":
            told.append((now + dice.uniform(-1.0, 0.07) * HOUR, False))
        elif kind == "same":
            told.append((same, False))
        elif kind == "long ago":
            told.append((long_ago + dice.uniform(-30, 30) * HOUR, False))
        else:
            told.append((now + dice.uniform(0.1, 26) * HOUR, True))
    return told


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
                if key[:2] == (SYSTEM, user)
            }
            for user in users
        ]
        if sums[0] != sums[1]:
            found.append(f"F10 {users} did the same: {sums[0]} and {sums[1]}")
    return found


# F13


async def _wrong_clocks(world: World, dice: Random) -> None:
    """Tell old stories while the clock is held, let it go, and harm it while all falls due."""
    mark = f"f13.{dice.getrandbits(48):x}"
    now = datetime.now(UTC)
    scenes = dice.sample(stories.SCENES, 3)
    told = [stories.of_scene(dice, f"{mark}.{place}", it) for place, it in enumerate(scenes)]
    told.append(stories.of_traveller(dice, f"{mark}.flights"))
    asked, waiting, present = stories.twins(dice, f"{mark}.twin", now)
    boosted = told[0] if dice.random() < 0.4 else None
    world.kept["F13"] = (told, (asked[0].user, waiting[0].user), boosted, mark)
    world.notes += [it.name for it in told]

    async with echoes(world, dice):
        await hold(world, mark, on=True)
        if boosted is not None:
            await _boost(world, boosted, mark)
        lives = [[*it.events, stories.present(it)] for it in told]
        await asyncio.gather(
            *(_in_order(world, events) for events in (*lives, [*asked, present], waiting)),
            _skewed_events(world, dice, mark),
        )
        if dice.random() < 0.3:
            await world.kill("worker", restart_s=0.0)
            await world.back("worker")
        await _soon_due(world, dice, mark)
        await hold(world, mark, on=False)
        await dice.choice(HARMS)(world, dice)
    world.blow()


async def _in_order(world: World, events: Sequence[Event]) -> None:
    for event in events:
        await world.load.send(event)


async def _skewed_events(world: World, dice: Random, mark: str) -> None:
    """Send events of producers whose clocks are up to five minutes and a half off."""
    for number in range(30):
        at = datetime.now(UTC) + timedelta(seconds=dice.uniform(-330, 330))
        user = f"{mark}.skewed.{dice.randrange(4)}"
        text = at.isoformat(timespec="milliseconds")
        zone = dice.choice(stories.ZONES)
        event = Event(f"{mark}.skewed.{number}", "kafka", user, tz=zone, occurred=text)
        await world.load.hand_over(event)


async def _soon_due(world: World, dice: Random, mark: str) -> None:
    """Send first events of users to whom a time trigger comes within the next seconds, or minutes.

    Nobody's day has to end for that: intervals count from the instant at which a user came to be.
    """
    for number in range(NEAR_USERS):
        after = dice.choice((dice.uniform(0.2, 6), dice.uniform(0.2, 6), dice.uniform(6, 280)))
        age = timedelta(days=AGE_DAYS * dice.randint(1, 3)) - timedelta(seconds=after)
        user = f"{mark}.soon.{number}"
        await world.load.hand_over(stories.idle(user, user, datetime.now(UTC) - age))


async def _boost(world: World, story: stories.Story, mark: str) -> None:
    """Put a boost of one user in force, and one of everyone; end that of everyone before it."""
    game: dict[str, Any] = copy.deepcopy(world.game)
    system = next(it for it in game["points"] if it["key"] == "xp")
    today = datetime.now(UTC).date()
    kept = [it for it in system["boosts"] if not it["key"].startswith(BOOSTED)]
    kept += [
        {**old, "end": (today - timedelta(days=3)).isoformat()}
        for old in system["boosts"]
        if old["key"].startswith(f"{BOOSTED}all") and "end" not in old
    ]
    own = {
        "key": f"{BOOSTED}{mark.replace('.', '-')}",
        "name": "of one",
        "start": (story.first + timedelta(days=1)).isoformat(),
        "end": (story.first + timedelta(days=3)).isoformat(),
        "multiplier": 2.5,
        "rounding": "down",
        "userId": story.user,
    }
    everyones = {
        "key": f"{BOOSTED}all-{mark.replace('.', '-')}",
        "name": "of everyone",
        "start": (today - timedelta(days=10)).isoformat(),
        "multiplier": 0.5,
        "rounding": "up",
        "userAttributes": {"team": "blue"},
    }
    system["boosts"] = [*kept, own, everyones]
    await world.change(game)


# What is done to the clock while dues are in flight


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


HARMS: Final = (_kill, _kill, _die, _pause, _late, _early, _far_ahead, _two, _nothing)


async def _check_stories(world: World, oracle: Oracle) -> Sequence[str]:
    """Streaks are neither lost wrongly nor doubled; a late clock is as good as a punctual one."""
    told, twins, boosted, mark = world.kept["F13"]
    fallen = oracle.judging.dues - world.kept.get("dues", Counter())
    world.kept["dues"] = Counter(oracle.judging.dues)
    world.notes.append(f"dues {', '.join(f'{it} {count}' for it, count in fallen.items())}")
    judging, rows = oracle.judging, oracle.judging.tables.rows
    found = []
    for story in told:
        found += stories.problems(story, judging.streaks[SYSTEM, story.user])
    stand: list[dict[str, Any]] = []
    for user in twins:
        who = (SYSTEM, user)
        stand.append(
            {
                "points": {key[2]: row[0] for key, row in rows["points"].items() if key[:2] == who},
                "streak": rows["streaks"].get((*who, "daily"), (0, 0))[:2],
                "freezes": rows["freezes"].get(who),
                "achievements": {key[2] for key in rows["achievements"] if key[:2] == who},
            }
        )
    if stand[0] != stand[1]:
        found.append(f"F13 {twins[0]} was asked and has {stand[0]}, the clock says {stand[1]}")
    if not stand[1]["points"].get(AGE):
        found.append(f"F13 nothing ever fell due for {twins[1]}")
    if boosted is not None:
        path = f"xp/{BOOSTED}{mark.replace('.', '-')}"
        times = [judging.boosts[boosted.user, path, it] for it in ("started", "finished")]
        if times != [1, 1]:
            found.append(f"F13 {path} started and finished {times} times")
    often = {it: count for it, count in judging.boosts.items() if count > 1}
    if often:
        found.append(f"F13 boosts that were told of more than once: {often}")
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
register(
    FaultClass(
        "F13",
        "clocks: changes of clocks, zones and calendars; dues late, doubled, killed and mistimed",
        _wrong_clocks,
        Options(events=200, events_max=900),
        bar_s=60.0,
        check=_check_stories,
    )
)
