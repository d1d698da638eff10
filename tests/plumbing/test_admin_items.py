"""Boosts, triggers and levels through the Admin API, on a real Kafka and a real Postgres."""

import asyncio
import uuid
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from plumbing.gateway_world import AT, GAME, a_world

from broker.apply import put_in_force
from broker.definitions import DefinitionsReader
from gateway.keys import create
from projections.database import connect
from schemas.definitions import id_of
from schemas.versions import succeed

XP = id_of("default", "points", "xp")
COMMITS = id_of("default", "metrics", "commits")
TEN = id_of("default", "achievements", "ten")
TEAM = id_of("default", "attributes", "user", "team")
REPO = id_of("default", "attributes", "event", "repo")
NOBODY = "00000000-0000-4000-8000-000000000000"
BOOST = {"name": "Double", "start": "2026-03-01", "multiplier": 2}


@asynccontextmanager
async def admin(stack, database, **more):
    async with a_world(stack, database, **more) as world:
        yield world, _Admin(world)


class _Admin:
    """The Admin API as its caller sees it: (status, body) of every answer."""

    def __init__(self, world):
        self._client = world.client

    async def __call__(self, method, path, body=None, **more):
        if body is not None:
            more["json"] = body
        answer = await self._client.request(method, f"/admin/v1{path}", **more)
        return answer.status_code, answer.json()

    def items(self, kind):
        async def ask(method, body=None, **more):
            return await self(method, f"/points/{XP}/{kind}", body, **more)

        return ask


async def _add_user(world, user, tz=None):
    await world.execute(
        "INSERT INTO read.users (tenant, user_id, tz, attributes, created, updated,"
        " last_seen) VALUES ('default', %s, %s, '{}', %s, %s, %s)",
        user,
        tz,
        AT,
        AT,
        AT,
    )


async def test_triggers_of_every_type_are_made_changed_listed_and_archived(stack, database):
    async with admin(stack, database) as (world, ask):
        triggers = ask.items("triggers")
        status, body = await triggers(
            "POST",
            [
                {
                    "type": "metric",
                    "points": 3,
                    "metricId": COMMITS,
                    "metricThreshold": 2,
                    "eventAttributes": [{"attributeId": REPO, "attributeValue": "docs"}],
                    "userAttributes": [{"attributeId": TEAM, "attributeValue": "red"}],
                },
                {"type": "achievement", "points": 100, "achievementId": TEN, "status": "active"},
                {"type": "streak", "points": 50, "streakLength": 7},
                {"type": "time", "points": 1, "timeUnit": "hours", "timeInterval": 3},
                {"type": "user_creation", "points": -5, "blockIfOutOfPoints": True},
            ],
        )
        assert (status, body.get("issues")) == (201, []), body
        made = body["created"]
        assert [{k: v for k, v in it.items() if k != "id"} for it in made] == [
            {
                "type": "metric",
                "points": 3,
                "status": "inactive",
                "userAttributes": [{"attributeId": TEAM, "attributeValue": "red"}],
                "metricId": COMMITS,
                "metricThreshold": 2,
                "eventAttributes": [{"attributeId": REPO, "attributeValue": "docs"}],
                "blockIfOutOfPoints": False,
            },
            {
                "type": "achievement",
                "points": 100,
                "status": "active",
                "userAttributes": [],
                "achievementId": TEN,
                "blockIfOutOfPoints": False,
            },
            {
                "type": "streak",
                "points": 50,
                "status": "inactive",
                "userAttributes": [],
                "streakLength": 7,
                "blockIfOutOfPoints": False,
            },
            {
                "type": "time",
                "points": 1,
                "status": "inactive",
                "userAttributes": [],
                "timeUnit": "hours",
                "timeInterval": 3,
                "blockIfOutOfPoints": False,
            },
            {
                "type": "user_creation",
                "points": -5,
                "status": "inactive",
                "userAttributes": [],
                "blockIfOutOfPoints": True,
            },
        ]
        ids = [it["id"] for it in made]
        assert len({uuid.UUID(it) for it in ids}) == 5

        # The three of the file come first.
        status, listed = await triggers("GET", params={"limit": 2, "skip": 3})
        assert (status, listed) == (200, made[:2])
        assert await ask("GET", f"/points/{XP}/triggers/{ids[3]}") == (200, made[3])
        assert len((await triggers("GET"))[1]) == 8

        # Filters are cleared by null, what is left out stays, another type brings its own fields.
        status, body = await triggers(
            "PATCH",
            [
                {"id": ids[0], "points": 4, "userAttributes": None, "eventAttributes": None},
                {"id": ids[2], "type": "time", "timeUnit": "days", "timeInterval": 1},
                {"id": ids[1], "status": "inactive"},
            ],
        )
        assert (status, body["issues"]) == (200, [])
        first, second, third = body["updated"]
        assert first == {**made[0], "points": 4, "userAttributes": [], "eventAttributes": []}
        assert (second["type"], second["timeUnit"], second["points"]) == ("time", "days", 50)
        assert "streakLength" not in second
        assert third == {**made[1], "status": "inactive"}

        status, body = await triggers("DELETE", params={"ids": [f"{ids[0]},{ids[1]}", ids[2]]})
        assert (status, body) == (200, {"deleted": [{"id": it} for it in ids[:3]], "issues": []})
        assert [it["id"] for it in (await triggers("GET"))[1]][3:] == ids[3:]
        assert await ask("GET", f"/points/{XP}/triggers/{ids[0]}") == (
            404,
            {"error": "Points trigger not found by ID"},
        )
        # What was awarded for it can still say what it was for.
        version = world.services.definitions.head("default")
        kept = {it.key: it.archived for it in version.definitions.points[0].triggers}
        assert len(kept) == 8
        assert sum(kept.values()) == 3


async def test_what_is_wrong_with_a_trigger_is_an_issue_and_the_others_are_made(stack, database):
    async with admin(stack, database) as (_, ask):
        triggers = ask.items("triggers")
        wrong = [
            ({"type": "metric", "points": 1, "metricId": COMMITS}, "metricThreshold is required"),
            (
                {"type": "streak", "points": 1, "streakLength": 7, "metricId": COMMITS},
                "metricId is",
            ),
            (
                {"type": "metric", "points": 1, "metricId": NOBODY, "metricThreshold": 1},
                "Metric not found by ID",
            ),
            (
                {"type": "achievement", "points": 1, "achievementId": NOBODY},
                "Achievement not found by ID",
            ),
            (
                {
                    "type": "user_creation",
                    "points": 1,
                    "userAttributes": [{"attributeId": REPO, "attributeValue": "x"}],
                },
                "Attribute not found by ID",
            ),
            ({"type": "user_creation", "points": 0}, "points must not be 0"),
            ({"type": "user_creation", "points": "5"}, "points must be an integer"),
            ({"type": "user_creation", "points": True}, "points must be an integer"),
            ({"type": "user_creation"}, "points is required"),
            ({"type": "weekly", "points": 1}, "type must be 'metric'"),
            ({"type": "metric", "points": 1, "metricId": "x"}, "metricId must be a valid UUID"),
            ({"type": "user_creation", "points": 1, "color": "red"}, "color is not a field"),
            ("trigger", "The item must be an object"),
        ]
        good = {"type": "user_creation", "points": 5}
        status, body = await triggers("POST", [*(item for item, _ in wrong), good])
        assert status == 201
        assert [it["points"] for it in body["created"]] == [5]
        assert [it["index"] for it in body["issues"]] == list(range(len(wrong)))
        for found, (_, message) in zip(body["issues"], wrong, strict=True):
            assert found["severity"] == "error"
            assert found["message"].startswith(message), found

        status, body = await triggers("POST", [wrong[0][0]])
        assert (status, body["created"], len(body["issues"])) == (200, [], 1)


async def test_the_type_of_a_trigger_changes_only_while_it_is_inactive(stack, database):
    async with admin(stack, database) as (_, ask):
        triggers = ask.items("triggers")
        _, body = await triggers("POST", [{"type": "user_creation", "points": 1}])
        one = body["created"][0]["id"]

        async def patch(**fields):
            status, body = await triggers("PATCH", [{"id": one, **fields}])
            assert status == 200
            return body["updated"], [it["message"] for it in body["issues"]]

        updated, messages = await patch(type="streak")
        assert (updated, messages) == (
            [],
            ["streakLength is required for a trigger of type streak"],
        )
        await patch(status="active")
        updated, messages = await patch(type="streak", streakLength=3)
        assert updated == []
        assert messages == ["type can only be changed while the trigger is inactive"]
        # The type that it has is no change.
        updated, messages = await patch(type="user_creation", points=2)
        assert (updated[0]["points"], messages) == (2, [])
        await patch(status="inactive")
        updated, messages = await patch(type="streak", streakLength=3, status="active")
        assert (updated[0]["type"], updated[0]["status"], messages) == ("streak", "active", [])


async def test_levels_are_made_changed_and_archived(stack, database):
    async with admin(stack, database) as (_, ask):
        levels = ask.items("levels")
        status, body = await levels(
            "POST",
            [
                {"name": "Gold", "key": "gold", "points": 200, "badge": {"url": "https://x.org/g"}},
                {"name": "Bronze", "key": "bronze", "points": 300},
                {"name": "Same", "key": "same", "points": 50},
                {"name": "Odd", "key": "not a key", "points": 400},
                {"name": 5, "key": "five", "points": 400},
                {"name": "Less", "key": "less", "points": -1},
            ],
        )
        assert status == 201
        gold = body["created"][0]
        assert gold == {
            "id": id_of("default", "points", "xp", "levels", "gold"),
            "name": "Gold",
            "key": "gold",
            "points": 200,
            "description": "",
            "badge": {"url": "https://x.org/g"},
        }
        assert [it["index"] for it in body["issues"]] == [1, 2, 3, 4, 5]
        messages = [it["message"] for it in body["issues"]]
        assert messages[0] == "Key already in use by another level"
        assert "is reached at 50 points already" in messages[1]
        assert messages[2].startswith("key must have letters, digits, _ and - only")
        assert messages[3] == "name must be a string"

        listed = (await levels("GET"))[1]
        assert [(it["key"], it["points"]) for it in listed] == [
            ("bronze", 0),
            ("silver", 50),
            ("gold", 200),
        ]
        status, body = await levels(
            "PATCH",
            [
                {"id": gold["id"], "badge": None, "points": 100, "description": "Shiny"},
                {"id": NOBODY, "points": 1},
                {"id": "x", "points": 1},
                {"points": 1},
                {"id": gold["id"], "key": "other"},
            ],
        )
        assert status == 200
        assert body["updated"] == [{**gold, "badge": None, "points": 100, "description": "Shiny"}]
        assert body["issues"] == [
            {"id": "x", "severity": "error", "message": "id must be a valid UUID"},
            {"index": 3, "severity": "error", "message": "id is required"},
            {
                "id": gold["id"],
                "severity": "error",
                "message": "key is not a field of this request",
            },
            {"id": NOBODY, "severity": "error", "message": "Level not found by ID"},
        ]

        status, body = await levels("DELETE", params={"ids": [gold["id"], NOBODY, "x"]})
        assert status == 200
        assert body["deleted"] == [{"id": gold["id"]}]
        assert [it["message"] for it in body["issues"]] == [
            "Level not found by ID",
            "id must be a valid UUID",
        ]
        # Its key is free again, at no points at all too.
        bronze = listed[0]["id"]
        await levels("DELETE", params={"ids": bronze})
        status, body = await levels("POST", [{"name": "Back", "key": "gold", "points": 0}])
        assert (status, body["created"][0]["id"], body["created"][0]["points"]) == (
            201,
            gold["id"],
            0,
        )
        assert [it["key"] for it in (await levels("GET"))[1]] == ["silver", "gold"]


async def test_two_levels_change_places_in_one_request(stack, database):
    async with admin(stack, database) as (world, ask):
        levels = ask.items("levels")
        bronze, silver = (it["id"] for it in (await levels("GET"))[1])
        status, body = await levels(
            "PATCH", [{"id": bronze, "points": 50}, {"id": silver, "points": 0}]
        )
        assert (status, body["issues"]) == (200, [])
        assert [it["points"] for it in body["updated"]] == [50, 0]
        # Where one does not fit, those that do are changed all the same.
        status, body = await levels(
            "PATCH",
            [{"id": bronze, "points": 0}, {"id": silver, "name": "Steel"}],
        )
        assert [it["name"] for it in body["updated"]] == ["Steel"]
        assert [it["id"] for it in body["issues"]] == [bronze]
        assert world.services.definitions.head("default").version == 3


async def test_boosts_are_of_everyone_of_some_or_of_one_user(stack, database):
    # 23:30 UTC on March 9 is the 10th in Auckland already.
    now = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)
    async with admin(stack, database, clock=lambda: now) as (world, ask):
        await _add_user(world, "ann", "Pacific/Auckland")
        boosts = ask.items("boosts")
        status, body = await boosts(
            "POST",
            [
                {**BOOST, "end": "2026-03-10"},
                {
                    **BOOST,
                    "multiplier": 1.5,
                    "rounding": "nearest",
                    "userAttributes": [{"attributeId": TEAM, "attributeValue": "red"}],
                },
                {**BOOST, "start": "2026-03-10", "userId": "ann"},
                {**BOOST, "start": "2026-03-10", "userId": None},
                {**BOOST, "end": "2026-03-08", "multiplier": 0.5},
                {**BOOST, "userId": "nobody"},
                {
                    **BOOST,
                    "userId": "ann",
                    "userAttributes": [{"attributeId": TEAM, "attributeValue": "red"}],
                },
                {**BOOST, "multiplier": 1},
                {**BOOST, "multiplier": 100},
                {**BOOST, "end": "2026-02-28"},
                {**BOOST, "start": 20260301},
                {**BOOST, "start": "2026-02-30"},
            ],
        )
        assert status == 201
        made = body["created"]
        shown = [(it["status"], it["multiplier"], it["rounding"], it["userId"]) for it in made]
        assert shown == [
            ("active", 2.0, "down", None),
            ("active", 1.5, "nearest", None),
            ("active", 2.0, "down", "ann"),
            ("scheduled", 2.0, "down", None),
            ("finished", 0.5, "down", None),
        ]
        assert (made[0]["start"], made[0]["end"], made[1]["end"]) == (
            "2026-03-01",
            "2026-03-10",
            None,
        )
        assert made[0]["userAttributes"] == []
        assert made[1]["userAttributes"] == [{"attributeId": TEAM, "attributeValue": "red"}]
        assert "userAttributes" not in made[2]
        assert body["issues"][0] == {
            "userId": "nobody",
            "index": 5,
            "severity": "error",
            "message": "User does not exist",
        }
        assert [it["index"] for it in body["issues"]] == [5, 6, 7, 8, 9, 10, 11]

        ids = [it["id"] for it in made]
        red = [{"attributeId": TEAM, "attributeValue": "red"}]
        status, body = await boosts(
            "PATCH",
            [
                {"id": ids[0], "end": None, "multiplier": 3, "name": "Triple"},
                {"id": ids[1], "userAttributes": None},
                {"id": ids[2], "userAttributes": red},
                {"id": ids[3], "end": "2026-03-09"},
                {"id": ids[4], "name": None},
            ],
        )
        assert status == 200
        assert body["updated"] == [
            {**made[0], "end": None, "multiplier": 3.0, "name": "Triple"},
            {**made[1], "userAttributes": []},
        ]
        assert [it["message"] for it in body["issues"]] == [
            "name must be a string",
            "userAttributes cannot be set on a boost of one user",
            "it ends before it starts",
        ]
        assert (await boosts("GET"))[1] == [*body["updated"], *made[2:]]
        status, body = await boosts("DELETE", params={"ids": ids[:1]})
        assert (status, body) == (200, {"deleted": [{"id": ids[0]}], "issues": []})
        assert [it["id"] for it in (await boosts("GET"))[1]] == ids[1:]
        assert await ask("GET", f"/points/{XP}/boosts/{ids[2]}") == (200, made[2])


async def test_what_is_beyond_a_limit_of_definitions_is_an_issue(stack, database):
    async with admin(stack, database) as (world, ask):
        wrong: list[tuple[str, dict[str, Any], str]] = [
            ("triggers", {"type": "user_creation", "points": 10**12 + 1}, "points should be less"),
            (
                "triggers",
                {"type": "time", "points": 1, "timeUnit": "days", "timeInterval": 100_001},
                "timeInterval should be less than or equal to 100000",
            ),
            (
                "triggers",
                {"type": "streak", "points": 1, "streakLength": 2**53},
                "streakLength should be less",
            ),
            ("levels", {"name": "A\0", "key": "a", "points": 7}, "name must not contain"),
            ("levels", {"name": "A" * 256, "key": "a", "points": 7}, "name should have at most"),
            ("levels", {"name": "A", "key": "a", "points": 2**53}, "points should be less"),
            (
                "levels",
                {"name": "A", "key": "a", "points": 7, "description": "d" * 4097},
                "description should have at most",
            ),
            ("boosts", {**BOOST, "start": "1899-12-31"}, "start must lie between the years 1900"),
            ("boosts", {**BOOST, "end": "9000-01-01"}, "end must lie between the years 1900"),
            ("boosts", {**BOOST, "multiplier": 1e-19}, "multiplier must have at most 18 decimal"),
            ("boosts", {**BOOST, "multiplier": 1e-40}, "multiplier must have at most"),
        ]
        for kind, item, message in wrong:
            status, body = await ask.items(kind)("POST", [item])
            assert (status, body["created"], len(body["issues"])) == (200, [], 1), item
            assert body["issues"][0]["message"].startswith(message), body
        assert world.services.definitions.head("default").version == 1


async def test_one_item_more_than_there_may_be_is_an_issue(stack, database):
    levels = [{"key": f"l{it}", "name": "L", "points": it} for it in range(999)]
    game = {**GAME, "points": [{**GAME["points"][0], "levels": levels}]}
    async with admin(stack, database, game=game) as (_, ask):
        more = [{"key": f"m{it}", "name": "M", "points": 5000 + it} for it in range(3)]
        status, body = await ask.items("levels")("POST", more)
        assert (status, [it["key"] for it in body["created"]]) == (201, ["m0"])
        said = "there are 1001 levels, and at most 1000 may be"
        assert [(it["index"], it["message"]) for it in body["issues"]] == [(1, said), (2, said)]


async def test_more_than_fits_into_a_version_is_refused_as_a_whole(stack, database):
    filler = [
        {"key": f"a{it}", "name": "A", "trigger": "api", "description": "d" * 4000}
        for it in range(238)
    ]
    game = {**GAME, "achievements": [*GAME["achievements"], *filler]}
    async with admin(stack, database, game=game) as (world, ask):
        levels = [
            {"key": f"l{it}", "name": "L", "points": 100 + it, "description": "d" * 4000}
            for it in range(5)
        ]
        status, body = await ask.items("levels")("POST", levels)
        assert status == 422
        assert "bytes and may have 1,000,000" in body["error"]
        assert world.services.definitions.head("default").version == 1
        status, _ = await ask.items("levels")("POST", levels[:1])
        assert status == 201


async def test_the_older_shape_of_boosts_is_served_too(stack, database):
    async with admin(stack, database) as (world, ask):
        await _add_user(world, "ann")
        old = {"systemKey": "xp", "boosts": [{**BOOST, "userId": "ann"}, BOOST]}
        status, body = await ask("POST", "/points/boosts", old)
        assert (status, len(body["created"])) == (201, 1)
        assert body["issues"] == [
            {"index": 1, "severity": "error", "message": "userId is required"}
        ]
        made = body["created"][0]["id"]
        status, body = await ask("POST", "/points/boosts", {**old, "boosts": [BOOST]})
        assert (status, body["created"]) == (200, [])
        assert (await ask("POST", "/points/boosts", {**old, "systemKey": "gems"}))[0] == 404
        assert (await ask("POST", "/points/boosts", {"systemKey": "xp"}))[0] == 422
        status, body = await ask("DELETE", "/points/boosts", params={"ids": f"{made},{NOBODY}"})
        gone = {
            "boostId": NOBODY,
            "severity": "warning",
            "message": "Points boost not found or already archived",
        }
        assert (status, body) == (200, {"deleted": [{"id": made}], "issues": [gone]})
        status, body = await ask("DELETE", "/points/boosts", params={"ids": made})
        assert (status, body["deleted"]) == (200, [])


async def test_a_change_is_in_force_on_every_partition_when_it_is_answered(stack, database):
    async with admin(stack, database) as (world, ask):
        await ask.items("levels")("POST", [{"name": "Gold", "key": "gold", "points": 200}])
        for _ in range(2):
            message = await asyncio.wait_for(world._consumer.getone(), 10)
            assert message.value == b'{"type":"definitions","tenant":"default","version":2}'
        # A request that changes nothing makes no version.
        await ask.items("levels")("POST", [{"name": "Gold", "key": "gold", "points": 300}])
        await ask.items("levels")("DELETE", params={"ids": NOBODY})
        assert world.services.definitions.head("default").version == 2


async def test_a_change_that_somebody_else_overtakes_is_made_on_top_of_theirs(stack, database):
    async with admin(stack, database) as (world, ask):
        reader = world.services.definitions._reader
        refresh, refreshes = reader.refresh, []

        async def refresh_then_be_overtaken():
            await refresh()
            refreshes.append(reader.head("default").version)
            if len(refreshes) == 1:
                async with DefinitionsReader(world.connection, world.topics.definitions) as other:
                    head = other.head("default")
                    assert head is not None
                    theirs = head.definitions.model_copy(
                        update={
                            "settings": head.definitions.settings.model_copy(
                                update={"weekStart": "sunday"}
                            )
                        }
                    )
                    version = succeed(head, theirs, "default", AT)
                    await put_in_force(world.connection, world.topics, other, version)

        reader.refresh = refresh_then_be_overtaken
        status, body = await ask.items("levels")(
            "POST", [{"name": "Gold", "key": "gold", "points": 200}]
        )
        assert (status, len(body["created"])) == (201, 1)
        head = world.services.definitions.head("default")
        assert head.version == 3
        assert head.definitions.settings.weekStart == "sunday"
        assert [it.key for it in head.definitions.points[0].levels] == ["bronze", "silver", "gold"]


async def test_many_changes_at_once_all_come_to_be(stack, database):
    async with admin(stack, database) as (_, ask):
        levels = ask.items("levels")
        answers = await asyncio.gather(
            *(levels("POST", [{"name": "L", "key": f"l{i}", "points": 100 + i}]) for i in range(8))
        )
        assert [status for status, _ in answers] == [201] * 8
        assert len((await levels("GET", params={"limit": 100}))[1]) == 10


WRONG: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", f"/points/{NOBODY}/levels", {}, 404),
    ("POST", f"/points/{NOBODY}/levels", {"json": [{"name": "A"}]}, 404),
    ("PATCH", f"/points/{NOBODY}/levels", {"json": [{"id": NOBODY}]}, 404),
    ("DELETE", f"/points/{NOBODY}/levels", {"params": {"ids": NOBODY}}, 404),
    ("GET", f"/points/{XP}/levels/{NOBODY}", {}, 404),
    ("GET", "/points/xp/levels", {}, 422),
    ("GET", f"/points/{XP}/levels/gold", {}, 422),
    ("GET", f"/points/{XP}/levels?limit=0", {}, 422),
    ("GET", f"/points/{XP}/levels?limit=101", {}, 422),
    ("GET", f"/points/{XP}/levels?skip=-1", {}, 422),
    ("POST", f"/points/{XP}/levels", {"content": b"{"}, 400),
    ("POST", f"/points/{XP}/levels", {"json": {}}, 422),
    ("POST", f"/points/{XP}/levels", {"json": []}, 422),
    ("POST", f"/points/{XP}/levels", {"json": [{}] * 101}, 422),
    ("POST", f"/points/{XP}/levels", {"content": b" " * (1024 * 1024 + 1)}, 413),
    ("PATCH", f"/points/{XP}/levels", {"json": [{}] * 101}, 422),
    ("DELETE", f"/points/{XP}/levels", {}, 422),
    ("DELETE", f"/points/{XP}/levels?ids=,", {}, 422),
    (
        "DELETE",
        f"/points/{XP}/levels",
        {"params": {"ids": ",".join(map(str, range(101)))}},
        422,
    ),
    ("POST", f"/points/{XP}/levels", {"json": [{}], "headers": {"X-API-KEY": "none"}}, 401),
    ("GET", f"/points/{XP}/levels", {"headers": {"Tenant-ID": "other"}}, 404),
]


async def test_a_request_that_is_wrong_as_a_whole_changes_nothing(world):
    for method, path, more, status in WRONG:
        answer = await world.client.request(method, f"/admin/v1{path}", **more)
        found = (answer.status_code, list(answer.json()))
        assert found == (status, ["error"]), (method, path, more)
    assert world.services.definitions.head("default").version == 1


@pytest.fixture
async def world(stack, database):
    async with a_world(stack, database) as found:
        yield found


async def test_a_key_of_an_application_does_not_open_the_admin_api(world):
    async with connect(world.dsn) as connection:
        key = await create(connection, "an application", scope="application")
    assert key.startswith("app_")
    headers = {"X-API-KEY": key}
    answer = await world.client.get(f"/admin/v1/points/{XP}/levels", headers=headers)
    assert (answer.status_code, list(answer.json())) == (403, ["error"])
    assert (await world.client.get("/v1/users/nobody", headers=headers)).status_code == 404


async def test_an_archived_points_system_is_not_there(stack, database):
    game = {**GAME, "points": [{**GAME["points"][0], "archived": True}]}
    async with admin(stack, database, game=game) as (_, ask):
        assert await ask.items("levels")("GET") == (404, {"error": "Points system not found by ID"})


async def test_another_tenant_has_its_own_items_under_other_ids(stack, database):
    async with admin(stack, database) as (world, ask):
        async with DefinitionsReader(world.connection, world.topics.definitions) as reader:
            game = world.services.definitions.head("default").definitions
            version = succeed(None, game, "acme", AT)
            await put_in_force(world.connection, world.topics, reader, version)
        theirs = id_of("acme", "points", "xp")
        headers = {"Tenant-ID": "acme"}
        status, body = await ask(
            "POST",
            f"/points/{theirs}/levels",
            [{"name": "Gold", "key": "gold", "points": 200}],
            headers=headers,
        )
        assert (status, body["created"][0]["id"]) == (
            201,
            id_of("acme", "points", "xp", "levels", "gold"),
        )
        assert len((await ask.items("levels")("GET"))[1]) == 2
        assert (await ask("GET", f"/points/{XP}/levels", headers=headers))[0] == 404
