"""What the Admin API has beyond the contract; a scribe stands in for the judge."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from database.records import correction, points, total
from msgspec.structs import replace
from plumbing.gateway_world import STATE, a_world
from plumbing.test_admin_streaks import judged, refused

from schemas.changes import NEXT, StatusError, UnknownAchievementError, with_status
from schemas.definitions import Definitions, id_of
from schemas.entries import DueEntry
from schemas.inputs import RecordedAdjustment, RecordedEvent


@pytest.fixture
async def world(stack, database):
    async with a_world(stack, database) as found:
        yield found


TOTAL = total("commits", "2.5", "2.5", "2026-03-10")


async def an_event(world, **more):
    """Have an event judged as the record says, and return its id."""
    given = RecordedEvent("commits", Decimal("2.5"), {"repo": "docs"})
    state = replace(STATE, total=Decimal("2.5"))
    record = {"input": given, "entries": [TOTAL], "state": state}
    posting = asyncio.create_task(world.post(value=2.5, attributes={"repo": "docs"}))
    event_id = await world.judge(**(record | more))
    await posting
    return event_id


async def correct(world, event_id, body, **headers):
    answer = await world.client.post(
        f"/admin/v1/events/{event_id}/correction", json=body, headers=headers
    )
    return answer.status_code, answer.json()


async def test_a_correction_says_what_the_event_was_and_answers_with_its_effects(world):
    event_id = await an_event(world)
    entries = [
        correction(event_id, "2.5", "0.1"),
        total("commits", "-2.4", "0.1", "2026-03-10"),
        DueEntry(datetime(2026, 3, 11, tzinfo=UTC)),
    ]
    async with judged(world, lambda _: {"entries": entries}) as seen:
        status, body = await correct(
            world, event_id, {"value": 0.1, "reason": "a typo"}, **{"Idempotency-Key": "once"}
        )
    assert status == 201
    assert body["outcome"] == "applied"
    assert body["userId"] == "u1"
    # When the clock looks at the user next is nobody's business.
    assert body["effects"] == [
        {"kind": "correction", "event": event_id, "before": "2.5", "after": "0.1"},
        {
            "kind": "total",
            "metric": "commits",
            "change": "-2.4",
            "total": "0.1",
            "day": "2026-03-10",
        },
    ]
    assert seen == [
        {
            "user": "u1",
            "type": "correction",
            "event": event_id,
            "metric": "commits",
            "was": 2.5,
            "attributes": {"repo": "docs"},
            "at": "2026-03-10T12:00:00Z",
            "day": "2026-03-10",
            "reason": "a typo",
            "idempotencyKey": "once",
            "value": 0.1,
            "tenant": "default",
        }
    ]


async def test_an_event_is_reversed_by_null_and_the_value_then_counts_that_was_filled_in(world):
    event_id = await an_event(world, input=RecordedEvent("commits"))
    async with judged(world, lambda _: {"entries": []}) as seen:
        status, _ = await correct(world, event_id, {"value": None, "reason": "never happened"})
    assert status == 201
    assert "value" not in seen[0]
    assert (seen[0]["was"], seen[0]["attributes"]) == (2.5, {})


async def test_a_correction_to_the_value_it_has_is_a_replay(world):
    event_id = await an_event(world)
    async with judged(world, lambda _: {"outcome": "replayed"}):
        status, body = await correct(world, event_id, {"value": 2.5, "reason": "again"})
    assert (status, body["outcome"], body["effects"]) == (202, "replayed", [])


async def test_a_correction_that_is_not_judged_in_time_is_pending(stack, database):
    async with a_world(stack, database, verdict_timeout_s=1.0) as world:
        event_id = await an_event(world)
        async with judged(world, lambda _: None):
            answer = await world.client.post(
                f"/admin/v1/events/{event_id}/correction", json={"value": 1, "reason": "late"}
            )
    assert (answer.status_code, answer.headers["XP-Verdict"]) == (202, "pending")
    assert answer.json() == {"outcome": "pending", "userId": "u1", "effects": []}


async def test_only_an_event_that_counted_can_be_corrected(world):
    body = {"value": 1, "reason": "why not"}
    counted = await an_event(world)
    replay = await an_event(world, outcome="replayed", first=counted, entries=[])
    refusal = await an_event(world, outcome="refused", reason="no", entries=[], state=None)
    grant = await an_event(world, input=RecordedAdjustment("xp", 5, "why"))
    foreign = await an_event(world, tenant="acme")
    assert await correct(world, replay, body) == (
        422,
        {"error": f"That event was a replay and did not count: correct {counted}."},
    )
    status, answer = await correct(world, refusal, body)
    assert (status, answer["error"]) == (422, "That event was refused and did not count.")
    status, answer = await correct(world, grant, body)
    assert (status, answer["error"]) == (422, "Only a metric event can be corrected.")
    for absent in (foreign, "0-0-99999", "0-77-0", "nonsense"):
        assert (await correct(world, absent, body))[0] == 404
    wrongs: list[object] = [{"value": 1}, {"reason": "x"}, {"value": "1", "reason": "x"}, [], {}]
    for wrong in wrongs:
        assert (await correct(world, counted, wrong))[0] == 422
    assert (await correct(world, counted, {"value": 1, "reason": ""}))[0] == 422


async def test_points_are_granted_and_deducted_with_a_reason(world):
    entry = {
        "kind": "points",
        "system": "xp",
        "trigger": None,
        "awarded": -20,
        "total": 30,
        "reason": "sorry",
    }

    def decide(given):
        if given["user"] == "nobody":
            return refused("User does not exist", "not_found")
        return {"entries": [points("xp", None, -20, 30, reason="sorry")]}

    async def adjust(user, body, **headers):
        answer = await world.client.post(
            f"/admin/v1/users/{user}/points/xp/adjustments", json=body, headers=headers
        )
        return answer.status_code, answer.json()

    body = {"points": -20, "reason": "sorry"}
    async with judged(world, decide) as seen:
        status, answer = await adjust("a%2Fb", body, **{"Idempotency-Key": "k"})
        assert (status, answer["userId"], answer["effects"]) == (201, "a/b", [entry])
        assert seen == [
            {
                "user": "a/b",
                "type": "adjustment",
                "system": "xp",
                "points": -20,
                "reason": "sorry",
                "idempotencyKey": "k",
                "tenant": "default",
            }
        ]
        assert await adjust("nobody", body) == (404, {"error": "User does not exist"})
        for wrong in ({"points": 0}, {"points": 1.5}, {"points": "1"}, {"points": True}):
            assert (await adjust("ann", {**body, **wrong}))[0] == 422
        assert (await adjust("ann", {"points": 1}))[0] == 422


async def test_the_status_of_an_achievement_goes_its_ways_and_no_others(world):
    async def put(key, status):
        answer = await world.client.patch(f"/admin/v1/achievements/{key}", json={"status": status})
        return answer.status_code, answer.json()

    assert await put("draft", "locked") == (
        422,
        {"error": "an achievement that is inactive cannot become locked"},
    )
    assert await put("draft", "active") == (
        200,
        {
            "id": id_of("default", "achievements", "draft"),
            "key": "draft",
            "name": "Draft",
            "status": "active",
        },
    )
    version = world.services.definitions.head("default")
    # Who qualifies already is visited.
    assert (version.version, version.backfill) == (2, True)
    assert (await put("draft", "locked"))[1]["status"] == "locked"
    assert (await put("old", "active"))[1]["status"] == "active"
    assert (await put("old", "inactive"))[0] == 422
    assert (await put("gone", "active"))[0] == 404
    before = world.services.definitions.head("default").version
    assert (await put("old", "active"))[0] == 200
    assert world.services.definitions.head("default").version == before


def test_nothing_becomes_inactive_again():
    game = Definitions.model_validate(
        {
            "achievements": [
                {"key": status, "name": "A", "trigger": "api", "status": status}
                for status in ("inactive", "active", "locked")
            ]
        }
    )
    allowed = {("inactive", "active"), ("active", "locked"), ("locked", "active")}
    for before in NEXT:
        for after in NEXT:
            if before == after:
                assert with_status(game, before, after) is game
            elif (before, after) in allowed:
                changed = with_status(game, before, after)
                assert [it.status for it in changed.achievements if it.key == before] == [after]
                assert [it.status for it in game.achievements if it.key == before] == [before]
            else:
                with pytest.raises(StatusError):
                    with_status(game, before, after)
    with pytest.raises(UnknownAchievementError):
        with_status(game, "none", "active")
