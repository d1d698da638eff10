"""POST /metrics/{key}/event on a real broker: every outcome that the ledger may have."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from aiokafka.partitioner import murmur2
from database.records import achievement, level, points, streak, total
from msgspec.structs import replace
from plumbing.gateway_world import (
    AT,
    GAME,
    PARTITIONS,
    STATE,
    STREAK,
    World,
    a_world,
    version_one,
)
from pydantic import TypeAdapter

from contract.application.events import EventResponse
from schemas.codec import write_version
from schemas.definitions import Definitions
from schemas.entries import AchievementEntry, LevelEntry
from schemas.records import Link, event_id_of
from schemas.topics import user_key
from schemas.versions import succeed

EARLIER = "2026-03-10T10:00:00+01:00"
RESPONSE = TypeAdapter(EventResponse)


@pytest.fixture
async def world(stack, database) -> AsyncIterator[World]:
    async with a_world(stack, database) as found:
        yield found


def entries():
    return [
        total("commits", "1", "10.5", "2026-03-10"),
        streak("extended", 3, "2026-03-10", started="2026-03-08"),
        achievement("ten"),
        AchievementEntry("week", quiet=True),
        points("xp", "per-commit", 10, 40),
        points("xp", "for-ten", 15, 55),
        level("xp", "bronze", "silver", 55),
    ]


async def test_a_verdict_becomes_the_whole_answer(world):
    posted = asyncio.create_task(world.post(headers={"Idempotency-Key": "k1"}))
    state = replace(STATE, total=Decimal("10.5"))
    happened = await world.judge(entries=entries(), state=state, key="k1")
    answer = await posted
    assert answer.status_code == 201, answer.text
    assert "XP-Verdict" not in answer.headers
    body = answer.json()
    RESPONSE.validate_python(body, strict=False)
    assert body["eventId"] == happened
    assert body["total"] == 10.5
    assert [item["name"] for item in body["achievements"]] == ["Ten"]
    assert body["achievements"][0]["achievedAt"] == "2026-03-10T12:00:00Z"
    assert body["currentStreak"] == STREAK | {"extended": True}
    xp = body["points"]["xp"]
    assert (xp["total"], xp["added"], xp["level"]["key"]) == (55, 25, "silver")
    assert [award["id"] for award in xp["awards"]] == [f"{happened}:4", f"{happened}:5"]
    assert body["leaderboards"] == {}
    assert (body["idempotencyKey"], body["idempotentReplayed"]) == ("k1", False)


async def test_the_level_is_absent_when_it_did_not_change(world):
    posted = asyncio.create_task(world.post())
    await world.judge(entries=[it for it in entries() if not isinstance(it, LevelEntry)])
    body = (await posted).json()
    assert "level" not in body["points"]["xp"]
    assert "idempotencyKey" not in body
    assert "idempotentReplayed" not in body


async def test_a_level_lost_is_null(world):
    posted = asyncio.create_task(world.post())
    await world.judge(entries=[*entries()[:-1], level("xp", "silver", None, 55)])
    assert (await posted).json()["points"]["xp"]["level"] is None


async def test_a_replay_answers_202_with_the_first_event_and_no_effects(world):
    posted = asyncio.create_task(world.post(headers={"Idempotency-Key": "k1"}))
    await world.judge(outcome="replayed", first="0-1-77", key="k1")
    answer = await posted
    assert answer.status_code == 202
    assert "XP-Verdict" not in answer.headers
    body = answer.json()
    assert body["eventId"] == "0-1-77"
    assert (body["achievements"], body["points"], body["leaderboards"]) == ([], {}, {})
    assert body["currentStreak"] == STREAK | {"extended": False}
    assert body["idempotentReplayed"] is True


@pytest.mark.parametrize(
    ("code", "status"), [("not_found", 404), ("invalid", 422), ("blocked", 422)]
)
async def test_a_refusal_answers_with_its_reason(world, code, status):
    posted = asyncio.create_task(world.post())
    await world.judge(outcome="refused", code=code, reason="Change this.", state=None)
    answer = await posted
    assert (answer.status_code, answer.json()) == (status, {"error": "Change this."})


async def test_a_record_that_the_chain_rule_skips_is_no_verdict(world):
    posted = asyncio.create_task(world.post())
    _, partition, offset = await world.next_event()
    zombie = world.record(partition, offset, after=Link(0, 99, "zombie"), lane=None)
    await world.append(replace(zombie, state=replace(STATE, total=99)), counts=False)
    await world.read(partition, 1)
    await asyncio.sleep(0.1)
    assert not posted.done()
    await world.append(world.record(partition, offset))
    assert (await posted).json()["total"] == 1


async def test_a_forwarded_record_is_waited_past(world):
    posted = asyncio.create_task(world.post())
    _, partition, offset = await world.next_event()
    await world.append(world.record(partition, offset, outcome="forwarded", state=None))
    await world.read(partition, 1)
    await asyncio.sleep(0.1)
    assert not posted.done()
    verdict = world.record(partition, offset + 1)
    await world.append(replace(verdict, id=f"0-{partition}-{offset}"))
    assert (await posted).json()["eventId"] == f"0-{partition}-{offset}"


async def test_a_late_verdict_is_answered_from_the_projection(stack, database):
    async with a_world(stack, database, verdict_timeout_s=0.3) as world:
        await world.execute(
            "INSERT INTO users VALUES ('default','u1',NULL,'{}',%s,%s,%s)", AT, AT, AT
        )
        await world.execute("INSERT INTO totals VALUES ('default','u1','commits',7.25,%s)", AT)
        answer = await world.post(headers={"Idempotency-Key": "k1"})
        event, partition, offset = await world.next_event()
    assert answer.status_code == 202
    assert answer.headers["XP-Verdict"] == "pending"
    body = answer.json()
    RESPONSE.validate_python(body)
    assert body["eventId"] == f"0-{partition}-{offset}"
    assert body["total"] == 7.25
    assert body["idempotentReplayed"] is False
    assert event["idempotencyKey"] == "k1"


async def test_a_verdict_that_comes_before_its_waiter_is_not_lost(world):
    receipts = world.services.receipts
    with receipts.expecting():
        await world.append(world.record(0, 0))
        await world.read(0, 1)
        assert event_id_of(await receipts.verdict("0-0-0", 0.1)) == "0-0-0"


async def test_nothing_is_kept_when_nobody_is_about_to_ask(world):
    await world.append(world.record(0, 0))
    await world.read(0, 1)
    with world.services.receipts.expecting():
        assert await world.services.receipts.verdict("0-0-0", 0.1) is None


async def test_receipts_begin_where_the_projection_stands(stack, database):
    async def before(world):
        await world.append(world.record(0, 0))
        await world.execute("INSERT INTO positions VALUES (0, 1, 0, 0, 'scribe')")

    async with a_world(stack, database, before=before) as world:
        posted = [asyncio.create_task(world.post(user=f"user-{at}")) for at in range(4)]
        for _ in posted:
            await world.judge()
        assert {answer.status_code for answer in await asyncio.gather(*posted)} == {201}


async def test_the_event_on_the_log_is_what_was_sent(world):
    user = {"id": "a/b", "tz": "Asia/Tokyo", "name": "A", "attributes": {"team": "red"}}
    posted = asyncio.create_task(
        world.post(
            user=user,
            value=0.1,
            attributes={"repo": "docs"},
            occurredAt="2026-03-10T10:00:00+01:00",
        )
    )
    event, partition, offset = await world.next_event()
    await world.append(world.record(partition, offset))
    assert (await posted).status_code == 201
    assert event == {
        "tenant": "default",
        "metric": "commits",
        "user": user,
        "value": 0.1,
        "attributes": {"repo": "docs"},
        "occurredAt": EARLIER,
    }


async def test_more_waiters_than_allowed_are_turned_away_before_anything_is_appended(
    stack, database
):
    async with a_world(stack, database, waiters_max=1) as world:
        first = asyncio.create_task(world.post())
        _, partition, offset = await world.next_event()
        second = await world.post()
        assert second.status_code == 503
        assert int(second.headers["Retry-After"]) > 0
        assert "Nothing was counted" in second.json()["error"]
        await world.append(world.record(partition, offset))
        assert (await first).status_code == 201
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(world._consumer.getone(), 0.5)


async def test_a_newer_version_is_known_as_soon_as_a_record_or_a_request_names_it(world):
    newer = GAME | {
        "metrics": [*GAME["metrics"], {"key": "talks", "name": "Talks"}],
        "achievements": [
            *GAME["achievements"],
            {
                "key": "talker",
                "name": "Talker",
                "trigger": "metric",
                "metric": "talks",
                "metricValue": 1,
            },
        ],
    }
    second = succeed(version_one(), Definitions.model_validate(newer), "default", AT)
    await world.producer.send_and_wait(world.topics.definitions, write_version(second), partition=0)
    posted = asyncio.create_task(world.post("talks"))
    await world.judge(definitions=2, entries=[achievement("talker")])
    answer = await posted
    assert answer.status_code == 201, answer.text
    assert [item["name"] for item in answer.json()["achievements"]] == ["Talker"]


async def test_an_event_of_another_tenant_goes_under_its_own_key(world):
    await world.producer.send_and_wait(
        world.topics.definitions, write_version(version_one(tenant="acme")), partition=0
    )
    posted = asyncio.create_task(world.post(headers={"Tenant-ID": "acme"}))
    event, partition, offset = await world.next_event()
    assert event["tenant"] == "acme"
    assert partition == (murmur2(user_key("acme", "u1")) & 0x7FFFFFFF) % PARTITIONS
    await world.append(world.record(partition, offset, tenant="acme"))
    assert (await posted).status_code == 201
