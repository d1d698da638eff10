"""Nine years of real activity through the whole system, the worker killed in the middle of it."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition
from journeys.system import ROOT, wait_until, wait_until_async
from reference.counts import count
from reference.game import Game
from reference.turn import level

from broker.connection import start_consumer
from projections.database import connect
from projections.lag import events_behind

EVENTS = ROOT / "examples" / "commits.ndjson"
RULES = ROOT / "examples" / "commits.yaml"
EVENTS_COUNT = 8968
PARTITIONS = 4
IMPORT_WAIT_S = 120


async def test_a_worker_killed_in_the_middle_of_an_import_leaves_the_same_result(make_system):
    system = make_system()
    system.xp("apply", str(RULES))
    published = json.loads(system.xp("publish", str(EVENTS), "--json").stdout)
    assert published == {
        "accepted": EVENTS_COUNT,
        "sent": True,
        "refusedCount": 0,
        "refused": [],
    }
    system.start("worker", "project")
    await _kill_once_judging(system, "worker", after=0)
    system.start("worker")
    expected = _judged_by_the_reference()
    await wait_until_async(lambda: _are_lost(system, expected), IMPORT_WAIT_S)
    found = await _users(system)

    assert found.keys() == expected.keys()
    for user, known in expected.items():
        assert found[user] == known, user
    assert {
        (user, metric): total
        for user, known in found.items()
        for metric, total in known["totals"].items()
    } == _counted()

    # The same file again: every event is a replay, and nothing changes.
    system.xp("publish", str(EVENTS))
    await wait_until_async(lambda: _is_idle(system), IMPORT_WAIT_S)
    assert await _users(system) == found


async def test_of_two_workers_one_is_killed_and_the_other_does_the_rest(make_system):
    system = make_system()
    system.xp("apply", str(RULES))
    both = ("worker", "worker 2")
    system.start(*both, "project")
    # Each has made lanes of its own: a lane says so when it has folded its partition.
    wait_until(lambda: all("lane.folded" in system.log_of(it) for it in both), IMPORT_WAIT_S)
    publishing = asyncio.create_task(asyncio.to_thread(system.xp, "publish", str(EVENTS)))
    await _kill_once_judging(system, "worker 2", after=PARTITIONS)
    await publishing
    expected = _judged_by_the_reference()
    await wait_until_async(lambda: _are_lost(system, expected), IMPORT_WAIT_S)
    assert await _users(system) == expected


async def _kill_once_judging(system, part, after):
    """Kill a part as soon as the ledger has more than `after` records, and see that some lack."""
    consumer = AIOKafkaConsumer(**system.connection.options())
    await start_consumer(consumer)
    tps = [TopicPartition(system.topics.ledger, number) for number in range(PARTITIONS)]
    try:
        async with asyncio.timeout(IMPORT_WAIT_S):
            while sum((await consumer.end_offsets(tps)).values()) <= after:
                await asyncio.sleep(0.005)
        system.kill(part)
        judged = sum((await consumer.end_offsets(tps)).values())
    finally:
        await consumer.stop()
    # The markers of the definitions have records, too.
    assert after < judged < EVENTS_COUNT + PARTITIONS, "it was to be killed in the middle"


async def _are_lost(system, expected):
    """Whether all is judged, and the clock has told the users what they have lost since."""
    if not await _is_idle(system):
        return False
    found = await _users(system)
    return {user: it["streak"] for user, it in found.items()} == {
        user: it["streak"] for user, it in expected.items()
    }


async def _is_idle(system):
    return await events_behind(system.dsn, system.connection, system.topics) == 0


async def _users(system):
    queries = {
        "totals": "SELECT user_id, metric, total FROM totals",
        # The clock concludes the streak of the game's frequency; the others follow with an event.
        "streak": "SELECT user_id, frequency, CASE frequency WHEN 'daily' THEN length END, longest "
        "FROM streaks",
        "achievements": "SELECT user_id, achievement, achieved_at FROM achievements",
        "points": "SELECT user_id, system, total FROM points",
        "levels": "SELECT DISTINCT ON (user_id, system) user_id, system, after FROM levels "
        "ORDER BY user_id, system, ledger_offset DESC, index DESC",
        "awards": "SELECT user_id, system, trigger, awarded, total FROM awards "
        "ORDER BY ledger_offset, index",
    }
    users: dict[str, dict] = {}
    async with connect(system.dsn) as connection:
        for user, *_ in await (await connection.execute("SELECT user_id FROM users")).fetchall():
            users[user] = {name: {} for name in queries} | {"awards": []}
        for name, query in queries.items():
            for user, key, *rest in await (await connection.execute(query)).fetchall():
                if name == "awards":
                    users[user][name].append((key, *rest))
                else:
                    users[user][name][key] = rest[0] if len(rest) == 1 else tuple(rest)
    return users


@cache
def _judged_by_the_reference():
    game = Game(yaml.safe_load(RULES.read_text()))
    now = datetime.now(UTC)
    for line in EVENTS.read_text().splitlines():
        game.play(json.loads(line, parse_float=Decimal, parse_int=Decimal), now)
    return {
        user: {
            "totals": dict(known.totals),
            "streak": {
                frequency: (
                    game.streak_length_at("default", user, now) if frequency == "daily" else None,
                    streak.longest,
                )
                for frequency, streak in known.streaks.items()
                if streak.longest
            },
            "achievements": dict(known.achievements),
            "points": dict(known.points),
            "levels": {
                system["key"]: level(system, known.points.get(system["key"]))
                for system in game.rules.systems
                if level(system, known.points.get(system["key"])) is not None
            },
            "awards": [(it.system, it.trigger, it.awarded, it.total) for it in known.awards],
        }
        for (_tenant, user), known in game.users.items()
    }


def _counted():
    totals: Counter[tuple[str, str]] = count(Path(EVENTS))
    return {key: Decimal(total) for key, total in totals.items()}
