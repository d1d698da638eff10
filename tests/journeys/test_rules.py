"""A new version that asks for the past, and what an operator changes by hand, on all parts.

All numbers are worked out by hand.
"""

import json
from collections import Counter
from datetime import timedelta

import pytest
from journeys.system import wait_until, wait_until_async

from broker.definitions import DefinitionsReader
from broker.ledger import LedgerReader, Position
from broker.topics import end_offsets
from projections.lag import events_behind
from schemas.entries import AchievementEntry, DueEntry
from schemas.inputs import RecordedBackfill, RecordedBackfilled

PARTITIONS = 4
PATIENCE_S = 60
USERS = [f"u{number:02}" for number in range(60)]
# Of the worker's batches the first four are the markers; then come those of the backfill.
MIDDLE = "lane.appended:7"

FIRST = """
metrics:
  - {key: lessons, name: Lessons}
attributes:
  - {type: event, key: subject, name: Subject}
achievements:
  - {key: four, name: Four, trigger: metric, metric: lessons, metricValue: 4, status: STATUS}
POINTS
      - {key: lesson, type: metric, metric: lessons, metricThreshold: 1, points: 10}
"""
POINTS = """points:
  - key: xp
    name: XP
    triggers:"""
MATHS = """  - key: maths
    name: Maths
    trigger: metric
    metric: lessons
    metricValue: 2
    eventAttributes: {subject: maths}
"""
MORE = """      - {key: prize, type: achievement, achievement: maths, points: 7}
      - {key: hourly, type: time, timeUnit: hours, timeInterval: 1, points: 1}
"""


@pytest.fixture
def apply(system, tmp_path):
    """Return a function that puts a definition file in force and returns what was said."""

    def put(text):
        file = tmp_path / "game.yaml"
        file.write_text(text)
        return system.xp("apply", str(file)).stdout

    return put


@pytest.fixture
def system(make_system):
    """Return a system with tables and topics, and nothing running."""
    return make_system()


async def judged(system):
    """Wait until every event is in Postgres."""

    async def is_idle():
        return not await events_behind(system.dsn, system.connection, system.topics, epoch=0)

    await wait_until_async(is_idle, PATIENCE_S)


async def records_of(system):
    """Return all records that count."""
    positions = {at: Position() for at in range(PARTITIONS)}
    found = []
    async with LedgerReader(system.connection, system.topics.ledger, positions) as reader:
        while await reader.lag():
            for batch in (await reader.read()).values():
                found += [record for _offset, record in batch.records]
    return found


def of(records, kind):
    """Return the applied records on inputs of a kind."""
    return [it for it in records if it.outcome == "applied" and isinstance(it.input, kind)]


async def backfilled(system, version):
    """Wait until every partition has been visited for a version; return the records."""
    found: list = []

    async def is_done():
        found[:] = await records_of(system)
        told = [it for it in of(found, RecordedBackfilled) if it.input.version == version]
        return len(told) == PARTITIONS

    await wait_until_async(is_done, PATIENCE_S)
    await judged(system)
    return found


def lines(*told):
    """Return NDJSON of (user, value, subject)."""
    return "\n".join(
        json.dumps(
            {"user": user, "metric": "lessons", "value": value, "attributes": {"subject": subject}}
        )
        for user, value, subject in told
    )


def holdings(system, user):
    """Return a user's lessons, points and achievements, as reads show them."""
    (metric,) = system.get(f"/users/{user}/metrics").json()
    points = system.get(f"/users/{user}/points/xp").json()["total"]
    held = {it["name"].lower() for it in system.get(f"/users/{user}/achievements").json()}
    return metric["current"], points, held


def done(system, *arguments):
    """Run a command and return the entries that it tells of, without what falls due."""
    told = json.loads(system.xp(*arguments, "--json").stdout)
    return told["outcome"], [it for it in told["entries"] if it["kind"] != "due"]


async def test_a_new_version_finds_the_past_although_the_worker_is_killed(system, apply):
    apply(FIRST.replace("POINTS", POINTS).replace("STATUS", "inactive"))
    system.start()
    system.wait_ready()
    past = [(user, *it) for user in USERS for it in ((2, "maths"), (3, "art"))]
    system.xp("publish", "-", text=lines(*past, ("late", 1, "maths"), ("art", 3, "art")))
    await judged(system)
    assert holdings(system, "u00") == (5, 50, set())
    assert holdings(system, "late") == (1, 10, set())

    # A filter, an activated achievement, an award for it and a time trigger; then kill -9.
    system.kill("worker")
    said = apply(FIRST.replace("POINTS", MATHS + POINTS).replace("STATUS", "active") + MORE)
    assert "It asks for the past" in said
    system.environment["XP_FAILPOINT"] = MIDDLE
    system.start("worker")
    wait_until(lambda: system.has_ended("worker"), PATIENCE_S, lambda: system.log_of("worker"))
    system.kill("worker")
    visited = of(await records_of(system), RecordedBackfill)
    assert 0 < len(visited) < len(USERS) + 2
    del system.environment["XP_FAILPOINT"]
    system.start("worker")
    records = await backfilled(system, 2)

    visits = of(records, RecordedBackfill)
    assert Counter(it.user for it in visits) == Counter([*USERS, "late", "art"])
    achieved = Counter(
        (it.user, entry.achievement, entry.quiet)
        for it in records
        for entry in it.entries
        if isinstance(entry, AchievementEntry)
    )
    # 2 in maths and 5 in all.
    assert achieved == Counter((user, key, True) for user in USERS for key in ("four", "maths"))
    for user in (USERS[0], USERS[-1]):
        # 5 lessons of 10 points, and the prize.
        assert holdings(system, user) == (5, 57, {"four", "maths"})
    assert holdings(system, "late") == (1, 10, set())
    # Nobody was told.
    assert not sum(
        (await end_offsets(system.connection, system.topics.achievement_completed)).values()
    )
    # An hour after the trigger came in force.
    async with DefinitionsReader(system.connection, system.topics.definitions) as reader:
        version = reader.head("default")
    assert version is not None
    activated = version.stamps["xp/hourly"].activated
    assert activated is not None
    falls_due = {entry.at for it in visits for entry in it.entries if isinstance(entry, DueEntry)}
    assert falls_due == {activated + timedelta(hours=1)}

    # What comes later counts on top of the past, and is told.
    more = {"value": 1, "attributes": {"subject": "maths"}}
    answer = system.post_event("lessons", user={"id": "late"}, **more).json()
    assert [it["name"] for it in answer["achievements"]] == ["Maths"]
    await judged(system)
    assert holdings(system, "late") == (2, 27, {"maths"})


async def test_an_operator_grants_corrects_and_locks(system, apply):
    apply(FIRST.replace("POINTS", POINTS).replace("STATUS", "active"))
    system.start()
    system.wait_ready()
    system.post_event("lessons", user={"id": "late"}, value=1)
    event = system.post_event("lessons", user={"id": "late"}, value=1).json()["eventId"]
    system.post_event("lessons", user={"id": "art"}, value=3)
    await judged(system)
    assert holdings(system, "late") == (2, 20, set())

    # 20 and 30, then 7 less, once for its key.
    granted = done(system, "grant", "late", "xp", "30", "--reason", "good talk")
    assert granted == ("applied", [points(30, 50, None, "good talk")])
    twice = [
        done(system, "grant", "late", "xp", "-7", "--reason", "hat", "--key", "k")[0]
        for _ in range(2)
    ]
    assert twice == ["applied", "replayed"]
    await judged(system)
    assert holdings(system, "late") == (2, 43, set())
    refused = system.xp("grant", "nobody", "xp", "5", "--reason", "x", check=False)
    assert (refused.returncode, refused.stderr) == (1, "xp: user 'nobody': User does not exist\n")

    # The event counts 3 instead of 1: 4 lessons, 20 points more.
    outcome, entries = done(system, "correct", event, "--value", "3", "--reason", "typo")
    assert outcome == "applied"
    assert {it["kind"]: it for it in entries}["correction"]["after"] == 3
    await judged(system)
    assert holdings(system, "late") == (4, 63, {"four"})
    # And then not at all: 1 lesson, the points of 3 less; what is completed stays.
    said = system.xp("correct", event, "--reverse", "--reason", "was a test").stdout
    assert "lessons -3, now 1" in said
    assert "xp -30, now 33 (lesson)" in said
    await judged(system)
    assert holdings(system, "late") == (1, 33, {"four"})
    assert done(system, "correct", event, "--reverse", "--reason", "again") == ("replayed", [])
    missing = system.xp("correct", "0-0-99999", "--reverse", "--reason", "x", check=False)
    assert (missing.returncode, missing.stderr) == (1, "xp: the ledger has no event '0-0-99999'\n")

    # Locked, it is not completed by 4 lessons; active again, it finds those who have them.
    assert "~ achievement four" in system.xp("achievement", "four", "--status", "locked").stdout
    answer = system.post_event("lessons", user={"id": "art"}, value=1).json()
    assert (answer["total"], answer["achievements"]) == (4, [])
    assert "It asks for the past" in system.xp("achievement", "four", "--status", "active").stdout
    await backfilled(system, 3)
    assert holdings(system, "art") == (4, 40, {"four"})


def points(awarded, total, trigger, reason):
    """Return the entry of a grant."""
    return {
        "kind": "points",
        "system": "xp",
        "trigger": trigger,
        "awarded": awarded,
        "total": total,
        "reason": reason,
    }
