"""Faults of time: clocks and calendars (F13)."""

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
from faults.clock_harms import HARMS
from faults.clockwork import echoes, hold
from faults.event import Event
from faults.game import AGE, AGE_DAYS
from faults.oracle import Oracle
from faults.world import World

from schemas.topics import DEFAULT_TENANT

NEAR_USERS: Final = 12
BOOSTED: Final = "story-"


async def _wrong_clocks(world: World, dice: Random) -> None:
    """Tell old stories while the clock is held, let it go, and harm it while all falls due."""
    mark = f"f13.{dice.getrandbits(48):x}"
    now = datetime.now(UTC)
    scenes = dice.sample(stories.SCENES, 3)
    lives = [stories.of_scene(dice, f"{mark}.{place}", it) for place, it in enumerate(scenes)]
    lives.append(stories.of_traveller(dice, f"{mark}.flights"))
    asked, waiting, present = stories.twins(dice, f"{mark}.twin", now)
    boosted = lives[0] if dice.random() < 0.4 else None
    world.kept["F13"] = (lives, (asked[0].user, waiting[0].user), boosted, mark)
    world.notes += [it.name for it in lives]

    async with echoes(world, dice):
        await hold(world, mark, on=True)
        if boosted is not None:
            await _boost(world, boosted, mark)
        sent = [[*it.events, stories.present(it)] for it in lives]
        await asyncio.gather(
            *(_in_order(world, events) for events in (*sent, [*asked, present], waiting)),
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


async def _check_stories(world: World, oracle: Oracle) -> Sequence[str]:
    """Streaks are neither lost wrongly nor doubled; a late clock is as good as a punctual one."""
    lives, twins, boosted, mark = world.kept["F13"]
    fallen = oracle.judging.dues - world.kept.get("dues", Counter())
    world.kept["dues"] = Counter(oracle.judging.dues)
    world.notes.append(f"dues {', '.join(f'{it} {count}' for it, count in fallen.items())}")
    judging, rows = oracle.judging, oracle.judging.tables.rows
    found = []
    for story in lives:
        found += stories.problems(story, judging.streaks[DEFAULT_TENANT, story.user])
    stand: list[dict[str, Any]] = []
    for user in twins:
        who = (DEFAULT_TENANT, user)
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
        found.append(f"F13 boosts that changed more than once: {often}")
    return found


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
