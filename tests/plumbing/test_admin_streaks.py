"""Freezes, pauses and restored streaks through the Admin API; a scribe stands in for the judge."""

import asyncio
import contextlib
from contextlib import asynccontextmanager
from datetime import date

import orjson
import pytest
from plumbing.gateway_world import OTHER_STATE, PATIENCE_S, a_world

NOBODY = "00000000-0000-4000-8000-000000000000"


@asynccontextmanager
async def judged(world, decide):
    """Write the record on every input for as long as the block lasts; yield the inputs."""
    seen = []

    async def judge():
        while True:
            message = await world._consumer.getone()
            given = orjson.loads(message.value)
            seen.append(given)
            more = decide(given)
            if more is not None:
                told = {"user": given["user"], "state": OTHER_STATE, **more}
                record = world.record(message.partition, message.offset, **told)
                await world.append(record)

    task = asyncio.create_task(judge())
    try:
        yield seen
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def refused(reason, code="invalid"):
    return {"outcome": "refused", "reason": reason, "code": code, "state": None}


@pytest.fixture
async def world(stack, database):
    async with a_world(stack, database) as found:
        yield found


async def post(world, path, body):
    answer = await world.client.post(f"/admin/v1/streaks/{path}", json=body)
    return answer.status_code, answer.json()


async def test_freezes_are_granted_one_by_one_and_the_rest_are_issues(world):
    left = {"ann": 2, "bob": 0}

    def decide(given):
        assert given["type"] == "freeze"
        user = given["user"]
        if user not in left:
            return refused("User does not exist", "not_found")
        if not left[user]:
            return refused("Would exceed maximum freeze limit")
        left[user] -= 1
        return {"entries": []}

    users = ["ann", "bob", "nobody", "ann", "ann"]
    async with judged(world, decide) as seen:
        status, body = await post(
            world, "freezes", {"freezes": [*({"userId": it} for it in users), {"user": "x"}]}
        )
    assert status == 201
    limit = "Would exceed maximum freeze limit"
    assert body == {
        "issues": [
            {"userId": "bob", "index": 1, "severity": "warning", "message": limit},
            {"userId": "nobody", "index": 2, "severity": "error", "message": "User does not exist"},
            {"userId": "ann", "index": 4, "severity": "warning", "message": limit},
            {
                "index": 5,
                "severity": "error",
                "message": "userId is required; user is not a field of this request",
            },
        ]
    }
    assert sorted(it["user"] for it in seen) == sorted(users)
    assert {it["tenant"] for it in seen} == {"default"}


async def test_when_no_freeze_is_granted_the_status_is_200(world):
    async with judged(world, lambda _: refused("Would exceed maximum freeze limit")):
        status, body = await post(world, "freezes", {"freezes": [{"userId": "ann"}]})
    assert (status, len(body["issues"])) == (200, 1)


async def test_the_same_user_is_asked_in_order_and_others_do_not_wait(world):
    users = ("ann", "bob", "cem", "dee")
    pauses = [
        {"userId": user, "start": f"2026-03-{day:02}", "end": "2026-04-01"}
        for day in range(10, 15)
        for user in users
    ]
    posting = asyncio.create_task(post(world, "pauses", {"pauses": pauses}))
    # While nobody judges there is one input of each user, and no second one.
    async with asyncio.timeout(PATIENCE_S):
        held = [await world._consumer.getone() for _ in users]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world._consumer.getone(), 1)
    assert sorted(orjson.loads(it.value)["user"] for it in held) == sorted(users)
    asked = []

    def decide(given):
        asked.append((given["user"], given["start"]))
        return {"entries": []}

    for message in held:
        given = orjson.loads(message.value)
        decide(given)
        await world.append(world.record(message.partition, message.offset, user=given["user"]))
    async with judged(world, decide):
        status, body = await posting
    assert (status, len(body["created"]), body["issues"]) == (201, 20, [])
    for user in users:
        own = [start for who, start in asked if who == user]
        assert own == [f"2026-03-{day}" for day in range(10, 15)]


async def test_pauses_are_made_with_ids_of_their_own_and_what_the_judge_refuses_is_not(world):
    def decide(given):
        if given["end"] < given["start"]:
            return refused("end: must not be before start")
        return {"entries": []}

    async with judged(world, decide) as seen:
        status, body = await post(
            world,
            "pauses",
            {
                "pauses": [
                    {"userId": "ann", "start": "2026-03-11", "end": "2026-03-12"},
                    {"userId": "bob", "start": "2026-03-11", "end": "2026-03-10"},
                    {"userId": "cem", "start": "2026-03-11T00:00:00Z", "end": "2026-03-12"},
                    {"userId": "dan", "start": "2026-03-11", "end": "9999-12-31"},
                ]
            },
        )
    assert status == 201
    (made,) = body["created"]
    given = next(it for it in seen if it["user"] == "ann")
    assert made == {
        "id": given["id"],
        "userId": "ann",
        "start": "2026-03-11",
        "end": "2026-03-12",
        "status": "active",
    }
    assert given["type"] == "pause"
    assert [(it["index"], it["severity"], it["message"]) for it in body["issues"]] == [
        (1, "error", "end: must not be before start"),
        (2, "error", "start must be a date such as 2026-01-31"),
        (3, "error", "end must lie between the years 1900 and 8999"),
    ]


async def test_pauses_are_removed_by_their_ids(world):
    first, second = (f"1111111{it}-0000-4000-8000-000000000000" for it in (1, 2))
    for user, pause in (("ann", first), ("bob", second)):
        await world.execute(
            "INSERT INTO read.pauses (tenant, user_id, id, first_date, last_date)"
            " VALUES ('default', %s, %s, %s, %s)",
            user,
            pause,
            date(2026, 3, 10),
            date(2026, 3, 12),
        )
    async with judged(world, lambda _: {"entries": []}) as seen:
        answer = await world.client.delete(
            "/admin/v1/streaks/pauses", params={"ids": f"{first},{second.upper()},{NOBODY},what"}
        )
    assert answer.status_code == 200
    assert answer.json()["deleted"] == [{"id": first}, {"id": second}]
    assert answer.json()["issues"] == [
        {"id": NOBODY, "severity": "error", "message": "Streak pause not found by ID"},
        {"id": "what", "severity": "error", "message": "id must be a valid UUID"},
    ]
    removed = sorted((it["type"], it["user"], it["id"]) for it in seen)
    assert removed == [("pause_removal", "ann", first), ("pause_removal", "bob", second)]


async def test_streaks_are_restored_where_there_is_one_to_restore(world):
    def decide(given):
        assert given["type"] == "restore"
        if given["user"] == "bob":
            return refused("No streak to restore")
        if given["user"] == "nobody":
            return refused("User does not exist", "not_found")
        return {"entries": []}

    users = {"users": [{"id": it} for it in ("ann", "bob", "nobody", "cem")]}
    async with judged(world, decide):
        status, body = await post(world, "restore", users)
        assert status == 201
        assert body == {
            "restoredUsers": ["ann", "cem"],
            "issues": [
                {
                    "userId": "bob",
                    "index": 1,
                    "severity": "warning",
                    "message": "No streak to restore",
                },
                {
                    "userId": "nobody",
                    "index": 2,
                    "severity": "error",
                    "message": "User does not exist",
                },
            ],
        }
        status, body = await post(world, "restore", {"users": [{"id": "bob"}]})
        assert (status, body["restoredUsers"]) == (200, [])


async def test_what_is_not_judged_in_time_is_taken_and_said_so(stack, database):
    async with (
        a_world(stack, database, verdict_timeout_s=1.0) as world,
        judged(world, lambda _: None),
    ):
        status, body = await post(world, "freezes", {"freezes": [{"userId": "ann"}]})
        assert (status, body["issues"][0]["severity"]) == (201, "warning")
        assert body["issues"][0]["message"].startswith("Accepted, but not confirmed")
        status, body = await post(world, "restore", {"users": [{"id": "ann"}]})
        assert (status, body["restoredUsers"], len(body["issues"])) == (201, [], 1)


async def test_a_request_that_is_wrong_as_a_whole_is_refused(world):
    for path, body in [
        ("freezes", {}),
        ("freezes", [{"userId": "ann"}]),
        ("freezes", {"freezes": []}),
        ("freezes", {"freezes": [{"userId": "ann"}] * 101}),
        ("pauses", {"pauses": {}}),
        ("restore", {"users": None}),
    ]:
        status, answer = await post(world, path, body)
        assert (status, list(answer)) == (422, ["error"]), (path, body)
