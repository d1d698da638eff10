"""Writes beside metric events, on a real broker: users, completions, preferences, any input."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from database.records import achievement, changed, created, freezes, level, points, preferences
from plumbing.gateway_world import AT, OTHER_STATE, RICH, World, a_world
from pydantic import TypeAdapter

from contract.application.achievements import AchievementCompletionResponse
from contract.application.preferences import UserPreferencesResponse
from contract.application.users import User
from gateway.http.errors import ApiError
from schemas.entries import StreakMetricPreference

CREATED = created(day=date(2026, 3, 10))


@pytest.fixture
async def world(stack, database) -> AsyncIterator[World]:
    async with a_world(stack, database, game=RICH) as found:
        yield found


async def judged(world, method, path, body, **record):
    """Send a request, append a record on its event, and return the answer and the event."""
    sent = asyncio.create_task(world.send(method, path, body))
    try:
        event, partition, offset = await world.next_event()
    except TimeoutError:
        raise AssertionError((await sent).text) from None
    await world.append(world.record(partition, offset, **{"state": OTHER_STATE, **record}))
    return await sent, event


async def nothing_was_sent(world):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world._consumer.getone(), 0.3)


async def known(world, user="u1"):
    await world.execute(
        "INSERT INTO users VALUES ('default',%s,'Europe/Berlin','{\"team\":\"red\"}',%s,%s,%s)",
        user,
        AT - timedelta(days=9),
        AT - timedelta(days=8),
        AT,
    )


async def test_a_new_user_is_answered_as_sent(world):
    body = {
        "id": "u/1",
        "name": "Ann",
        "email": "a@b.c",
        "tz": "Asia/Tokyo",
        "deviceTokens": ["t1"],
        "attributes": {"team": "red"},
    }
    answer, event = await judged(world, "POST", "/users", body, user="u/1", entries=[CREATED])
    assert answer.status_code == 201, answer.text
    assert event == {"type": "user", "tenant": "default", "user": body}
    TypeAdapter(User).validate_python(answer.json())
    assert answer.json() == body | {
        "subscribeToEmails": True,
        "control": False,
        "created": "2026-03-10T12:00:00Z",
        "updated": "2026-03-10T12:00:00Z",
    }


async def test_what_is_left_out_stays_and_what_is_empty_is_cleared(world):
    await known(world)
    await world.execute(
        "INSERT INTO own.profiles VALUES ('default','u1','Ann','a@b.c',NULL,NULL,%s)",
        AT - timedelta(days=7),
    )
    change = {"tz": None, "attributes": {"team": ""}}
    entry = changed(tz=None, attributes={"team": None})
    answer, event = await judged(world, "PUT", "/users/u1", change, entries=[entry])
    assert answer.status_code == 200, answer.text
    assert event["user"] == change | {"id": "u1"}
    found = answer.json()
    assert (found["name"], found["email"], found["tz"], found["attributes"]) == (
        "Ann",
        "a@b.c",
        None,
        {},
    )
    assert found["created"] == "2026-03-01T12:00:00Z"
    assert found["updated"] == "2026-03-10T12:00:00Z"


async def test_what_changes_nothing_does_not_touch_the_time_of_change(world):
    await known(world)
    answer, _ = await judged(world, "PATCH", "/users/u1", {"attributes": {"team": "red"}})
    assert answer.json()["updated"] == "2026-03-02T12:00:00Z"


async def test_who_unsubscribes_has_no_email_and_gets_none_by_sending_one(world):
    await known(world)
    answer, _ = await judged(
        world, "PATCH", "/users/u1", {"email": "a@b.c", "subscribeToEmails": False}
    )
    assert (answer.json()["email"], answer.json()["subscribeToEmails"]) == (None, False)
    await world.execute(
        "INSERT INTO own.profiles VALUES ('default','u1','Ann',NULL,NULL,false,%s)", AT
    )
    answer, _ = await judged(world, "PATCH", "/users/u1", {"email": "a@b.c"})
    assert (answer.json()["email"], answer.json()["subscribeToEmails"]) == (None, False)
    both = {"email": "a@b.c", "subscribeToEmails": True}
    answer, _ = await judged(world, "PATCH", "/users/u1", both)
    assert (answer.json()["email"], answer.json()["subscribeToEmails"]) == ("a@b.c", True)


async def test_only_who_is_known_can_be_updated(world):
    # Also once it is known that the ledger is empty.
    async with asyncio.timeout(5):
        while not world.services.receipts.offsets:
            await asyncio.sleep(0.01)
    for path in ("/users/nobody", "/users/%00"):
        answer = await world.send("PATCH", path, {"name": "Ann"})
        assert (answer.status_code, list(answer.json())) == (404, ["error"])
    await nothing_was_sent(world)


async def test_who_came_to_be_a_moment_ago_is_known(world):
    await world.append(world.record(0, 0))
    await world.read(0, 1)
    sent = asyncio.create_task(world.send("PATCH", "/users/u1", {"name": "Ann"}))
    await asyncio.sleep(0.3)
    assert not sent.done()
    await known(world)
    await world.execute("INSERT INTO positions (partition, next_offset) VALUES (0, 1), (1, 0)")
    await world.judge(state=OTHER_STATE)
    answer = await sent
    assert (answer.status_code, answer.json()["name"]) == (200, "Ann")


async def test_a_user_without_a_verdict_in_time_is_pending(stack, database):
    async with a_world(stack, database, game=RICH, verdict_timeout_s=0.3) as world:
        answer = await world.send("POST", "/users", {"id": "u1", "name": "Ann"})
        assert (answer.status_code, answer.headers["XP-Verdict"]) == (202, "pending")
        assert (answer.json()["id"], answer.json()["name"]) == ("u1", "Ann")


BAD_USERS = [
    ("POST", "/users", [], "object"),
    ("POST", "/users", {"name": "Ann"}, "id: is required"),
    ("POST", "/users", {"id": "u1", "nam": "Ann"}, "nam: unknown field"),
    ("POST", "/users", {"id": "u1", "tz": "Mars/Base"}, "tz"),
    ("POST", "/users", {"id": "u1", "attributes": {"x": "1"}}, "Invalid attribute keys: x."),
    ("POST", "/users", {"id": "u1", "subscribeToEmails": True}, "subscribeToEmails"),
    ("PUT", "/users/u1", {"id": "u2"}, "id: must be the one of the path"),
    ("POST", "/achievements/profile/complete", {}, "user: is required"),
    ("POST", "/achievements/profile/complete", {"user": "u1"}, "user"),
    ("POST", "/achievements/profile/complete", {"user": {"id": "u1"}, "x": 1}, "x: unknown field"),
    (
        "POST",
        "/achievements/profile/complete",
        {"user": {"id": "u1", "attributes": {"x": "1"}}},
        "Invalid attribute keys: x.",
    ),
]


async def test_a_bad_body_is_answered_with_what_to_change_and_leaves_no_trace(world):
    for method, path, body, words in BAD_USERS:
        answer = await world.send(method, path, body)
        assert answer.status_code == 422, (body, answer.text)
        assert words in answer.json()["error"], (body, answer.text)
    answer = await world.client.post("/v1/users", content=b"{")
    assert answer.status_code == 400
    await nothing_was_sent(world)


async def test_a_completion_is_answered_with_its_points_and_bears_one_id_for_ever(world):
    body = {"user": {"id": "u1", "attributes": {"team": "red"}}}
    entries = [
        # What time itself awarded on the way is no effect of the request.
        points("xp", "daily", 1, 1, at="2026-03-09T12:00:00Z"),
        achievement("profile"),
        points("xp", "for-profile", 200, 201, boosts=("all",)),
        level("xp", None, "silver", 201),
    ]
    answer, event = await judged(
        world, "POST", "/achievements/profile/complete", body, entries=entries
    )
    assert answer.status_code == 201, answer.text
    assert event == {
        "type": "achievement",
        "tenant": "default",
        "achievement": "profile",
        "user": body["user"],
    }
    found = answer.json()
    TypeAdapter(AchievementCompletionResponse).validate_python(found)
    assert (found["achievement"]["key"], found["achievement"]["achievedAt"]) == (
        "profile",
        "2026-03-10T12:00:00Z",
    )
    xp = found["points"]["xp"]
    assert (xp["total"], xp["added"], xp["level"]["key"], len(xp["awards"])) == (
        201,
        200,
        "silver",
        1,
    )
    assert [boost["name"] for boost in xp["awards"][0]["boosts"]] == ["For all"]

    await world.execute("INSERT INTO achievements VALUES ('default','u1','profile',%s,'0-0-0')", AT)
    later, _ = await judged(
        world, "POST", "/achievements/profile/complete", body, outcome="replayed"
    )
    assert later.status_code == 202
    assert "XP-Verdict" not in later.headers
    assert later.json() == found | {"points": {}}


async def test_only_what_a_request_can_complete_is_known(world):
    for key in ("nothing", "ten", "both"):
        answer = await world.send("POST", f"/achievements/{key}/complete", {"user": {"id": "u1"}})
        assert answer.status_code == 404
        assert "profile" in answer.json()["error"]
    await nothing_was_sent(world)


async def test_a_completion_that_the_judge_refuses_is_an_error(world):
    answer, _ = await judged(
        world,
        "POST",
        "/achievements/profile/complete",
        {"user": {"id": "u1"}},
        outcome="refused",
        code="invalid",
        reason="The achievement is locked.",
    )
    assert (answer.status_code, answer.json()) == (422, {"error": "The achievement is locked."})


async def test_preferences_are_what_was_set_and_nothing_more(world):
    assert (await world.get("/users/u1/preferences")).status_code == 404
    await known(world)
    answer = await world.get("/users/u1/preferences")
    assert answer.json() == {"notifications": {}, "streak": {"enabled": True}}
    change = {"notifications": {"recap": [], "streak_reminder": ["push", "email", "push"]}}
    answer = await world.send("PATCH", "/users/u1/preferences", change)
    assert answer.status_code == 200, answer.text
    expected = {"recap": [], "streak_reminder": ["push", "email"]}
    assert answer.json() == {"notifications": expected, "streak": {"enabled": True}}
    await nothing_was_sent(world)
    answer = await world.send(
        "PATCH", "/users/u1/preferences", {"notifications": {"recap": ["email"]}}
    )
    assert answer.json()["notifications"] == expected | {"recap": ["email"]}
    assert (await world.get("/users/u1/preferences")).json() == answer.json()


async def test_streak_preferences_go_to_the_judge(world):
    await known(world)
    await world.execute(
        "INSERT INTO streak_preferences VALUES ('default','u1','{\"enabled\": false}')"
    )
    streak = {"evaluationMode": "AND", "metrics": [{"key": "reviews", "threshold": 0.5}]}
    after = preferences(
        enabled=False,
        evaluationMode="AND",
        metrics=(StreakMetricPreference("reviews", Decimal("0.5")),),
    )
    answer, event = await judged(
        world,
        "PATCH",
        "/users/u1/preferences",
        {"streak": streak, "notifications": {"recap": ["push"]}},
        entries=[after],
    )
    assert answer.status_code == 200, answer.text
    assert event == {
        "type": "preferences",
        "tenant": "default",
        "user": "u1",
        "streak": {"evaluationMode": "AND", "metrics": [{"metric": "reviews", "threshold": 0.5}]},
    }
    TypeAdapter(UserPreferencesResponse).validate_python(answer.json())
    assert answer.json() == {
        "notifications": {"recap": ["push"]},
        "streak": streak | {"enabled": False},
    }


async def test_what_the_judge_refuses_of_preferences_is_not_kept_in_part(world):
    await known(world)
    answer, _ = await judged(
        world,
        "PATCH",
        "/users/u1/preferences",
        {"streak": {"enabled": False}, "notifications": {"recap": ["push"]}},
        outcome="refused",
        code="not_found",
        reason="User does not exist",
    )
    assert (answer.status_code, answer.json()) == (404, {"error": "User does not exist"})
    assert (await world.get("/users/u1/preferences")).json()["notifications"] == {}


async def test_conditions_of_ones_own_need_personalization(stack, database):
    async with a_world(stack, database) as world:
        await known(world)
        for body in ({"evaluationMode": "AND"}, {"metrics": ()}):
            answer = await world.send("PATCH", "/users/u1/preferences", {"streak": body})
            assert (answer.status_code, list(answer.json())) == (403, ["error"])
        await nothing_was_sent(world)
        answer, event = await judged(
            world, "PATCH", "/users/u1/preferences", {"streak": {"enabled": False}}
        )
        assert (answer.status_code, event["streak"]) == (200, {"enabled": False})
        assert answer.json()["streak"] == {"enabled": False}


async def test_bad_preferences_are_refused_at_the_door(world):
    await known(world)
    for body, words in (
        ({"streak": {"evaluationMode": "ALL"}}, "streak.evaluationMode"),
        ({"streak": {"enabled": None}}, "streak.enabled"),
        ({"streak": {"metrics": [{"key": "commits"}]}}, "threshold: is required"),
        ({"notifications": {"recap": ["sms"]}}, "notifications.recap.0"),
        ({"notifications": {"recaps": []}}, "notifications.recaps: unknown field"),
        ({"x": 1}, "x: unknown field"),
    ):
        answer = await world.send("PATCH", "/users/u1/preferences", body)
        assert answer.status_code == 422, (body, answer.text)
        assert words in answer.json()["error"], answer.text
    await nothing_was_sent(world)


async def test_any_input_can_be_submitted_and_its_record_is_returned(world):
    sent = asyncio.create_task(world.services.log.submit("default", "u1", {"type": "freeze"}))
    entry = freezes("granted", 1, 1, "2026-03-10")
    event, partition, offset = await world.next_event()
    assert event == {"type": "freeze", "tenant": "default", "user": "u1"}
    await world.append(world.record(partition, offset, entries=[entry], state=OTHER_STATE))
    record = await sent
    assert record is not None
    assert record.entries == [entry]


async def test_an_input_that_is_not_waited_for_is_on_the_log_all_the_same(world):
    assert await world.services.log.submit("default", "u1", {"type": "freeze"}, wait=False) is None
    event, _, _ = await world.next_event()
    assert event["type"] == "freeze"


async def test_a_record_that_does_not_come_in_time_is_none(stack, database):
    async with a_world(stack, database, verdict_timeout_s=0.2) as world:
        assert await world.services.log.submit("default", "u1", {"type": "freeze"}) is None


async def test_what_is_no_input_is_not_submitted(world):
    for value in ({"type": "pause"}, {"type": "freeze", "x": 1}, {"type": "nothing"}):
        with pytest.raises(ApiError) as told:
            await world.services.log.submit("default", "u1", value)
        assert told.value.status == 422
    await nothing_was_sent(world)


async def test_a_refused_input_raises_what_its_record_says(world):
    sent = asyncio.create_task(world.services.log.submit("default", "u1", {"type": "restore"}))
    await world.judge(outcome="refused", code="invalid", reason="No streak to restore", state=None)
    with pytest.raises(ApiError) as told:
        await sent
    assert (told.value.status, str(told.value)) == (422, "No streak to restore")
