"""Reads of whole points systems, of all achievements and of many streaks, on a real Postgres."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from plumbing.gateway_world import AT, RICH, World, a_world
from pydantic import TypeAdapter

from contract.application.achievements import AchievementWithStatsResponse
from contract.application.boosts import PointsBoost
from contract.application.levels import PointsLevel, PointsLevelUsers
from contract.application.points import PointsRange, PointsSystemResponse
from contract.application.streaks import BulkStreak, StreakResponse
from projections.database import connect


async def fill(world):
    async with connect(world.dsn) as connection:
        for user, tz, attributes in (
            ("u1", "America/Los_Angeles", '{"team":"red"}'),
            ("u2", None, '{"team":"red"}'),
            ("u3", None, '{"team":"blue"}'),
            ("u4", None, "{}"),
        ):
            await connection.execute(
                "INSERT INTO users VALUES ('default',%s,%s,%s,%s,%s,%s)",
                (user, tz, attributes, AT, AT, AT),
            )
        await connection.execute(
            "INSERT INTO user_counts VALUES ('default', 0, 3), ('default',1,1)"
        )
        await connection.execute(
            "INSERT INTO points VALUES ('default','u1','xp',50,%s), ('default','u2','xp',584,%s),"
            " ('default','u3','xp',0,%s)",
            (AT, AT, AT),
        )
        await connection.execute("INSERT INTO achievement_counts VALUES ('default','ten',0,1)")
        await connection.execute(
            "INSERT INTO streaks (tenant, user_id, frequency, length, longest, started, period,"
            " through, extended) VALUES"
            " ('default','u1','daily',2,2,'2026-03-08','2026-03-09','2026-03-09',%s),"
            " ('default','u2','daily',9,9,'2026-02-28','2026-03-08','2026-03-08',%s),"
            " ('default','u3','daily',9,9,'2026-02-28','2026-03-08','2026-03-08',%s),"
            " ('default','u4','daily',4,4,'2026-02-28','2026-03-03','2026-03-03',%s)",
            (AT - timedelta(days=1), AT, AT, AT),
        )
        # One freeze saves a missed day, a pause any number of them.
        await connection.execute("INSERT INTO freezes VALUES ('default','u2',1)")
        await connection.execute(
            "INSERT INTO pauses VALUES ('default','u4','p1','2026-03-04','2026-03-12')"
        )


@pytest.fixture
async def world(stack, database) -> AsyncIterator[World]:
    async with a_world(stack, database, game=RICH, before=fill) as found:
        yield found


async def read(world, shape, path):
    answer = await world.get(path)
    assert answer.status_code == 200, answer.text
    TypeAdapter(shape).validate_python(answer.json())
    return answer.json()


async def test_a_system_shows_its_active_triggers_and_no_key(world):
    found = await read(world, PointsSystemResponse, "/points/xp")
    assert "key" not in found
    assert (found["name"], found["description"], found["maxPoints"]) == ("XP", "Experience", 1000)
    assert [trigger["type"] for trigger in found["triggers"]] == [
        "metric",
        "streak",
        "achievement",
        "time",
        "achievement",
    ]
    assert (found["triggers"][3]["timeUnit"], found["triggers"][3]["timeInterval"]) == ("day", 1)


async def test_levels_are_the_lowest_first_and_their_users_are_counted(world):
    levels = await read(world, list[PointsLevel], "/points/xp/levels")
    assert [level["key"] for level in levels] == ["bronze", "silver"]
    summary = await read(world, list[PointsLevelUsers], "/points/xp/level-summary")
    assert [(row["level"]["key"], row["users"]) for row in summary] == [
        ("bronze", 1),
        ("silver", 2),
    ]
    assert await read(world, list[PointsLevel], "/points/energy/levels") == []
    answer = await world.get("/points/energy/level-summary")
    assert (answer.status_code, list(answer.json())) == (422, ["error"])


async def test_a_summary_has_eleven_ranges(world):
    found = await read(world, list[PointsRange], "/points/xp/summary")
    assert found[0] == {"from": 0, "to": 0, "users": 2}
    assert found[1] == {"from": 1, "to": 100, "users": 1}
    assert found[6] == {"from": 501, "to": 600, "users": 1}
    assert (len(found), found[10]["to"], sum(row["users"] for row in found)) == (11, 1000, 4)
    red = await read(world, list[PointsRange], "/points/xp/summary?userAttributes=team:red")
    assert [row["users"] for row in red] == [0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    none = await read(world, list[PointsRange], "/points/energy/summary")
    assert (none[0]["users"], none[1], none[10]["to"]) == (4, {"from": 1, "to": 1, "users": 0}, 10)


async def test_boosts_of_a_system_are_those_of_many(world):
    found = await read(world, list[PointsBoost], "/points/xp/boosts")
    assert [(it["name"], it["status"]) for it in found] == [
        ("For all", "active"),
        ("For red", "active"),
        ("Soon", "scheduled"),
    ]
    assert found[1] == {
        "id": found[1]["id"],
        "name": "For red",
        "status": "active",
        "start": "2026-03-10",
        "end": None,
        "multiplier": 1.5,
        "rounding": "nearest",
    }
    found = await read(world, list[PointsBoost], "/points/xp/boosts?includeFinished=true")
    assert [it["name"] for it in found] == ["For all", "For red", "Past", "Soon"]


async def test_boosts_of_a_user_are_those_that_hold_on_the_users_date(stack, database):
    # In Los Angeles it is still the evening of 10 March.
    late = datetime(2026, 3, 11, 5, tzinfo=UTC)
    async with a_world(stack, database, game=RICH, before=fill, clock=lambda: late) as world:
        for user, names in (
            ("u1", ["For all", "For red", "For u1"]),
            ("u2", ["For red", "Soon"]),
            ("u4", ["Soon"]),
        ):
            found = await read(world, list[PointsBoost], f"/users/{user}/points/xp/boosts")
            assert [it["name"] for it in found] == names
            assert {it["status"] for it in found} == {"active"}


async def test_what_is_unknown_is_404(world):
    for path in (
        "/points/nothing",
        "/points/nothing/summary",
        "/points/nothing/boosts",
        "/points/nothing/levels",
        "/points/nothing/level-summary",
        "/users/u9/points/xp/boosts",
        "/users/u1/points/nothing/boosts",
    ):
        answer = await world.get(path)
        assert (answer.status_code, list(answer.json())) == (404, ["error"]), path


async def test_all_achievements_are_those_that_can_be_completed(world):
    shape = list[AchievementWithStatsResponse]
    found = await read(world, shape, "/achievements")
    assert [it["name"] for it in found] == ["Ten", "Docs", "A week", "Profile", "Both"]
    assert "achievedAt" not in found[0]
    assert (found[0]["completions"], found[0]["rarity"]) == (1, 25.0)
    assert found[3]["key"] == "profile"
    assert found[4]["achievementIds"] == [found[0]["id"], found[3]["id"]]
    for query, names in (
        ("team:red", ["Ten", "Docs", "A week", "Profile", "Both"]),
        ("team:blue", ["Ten", "A week", "Both"]),
    ):
        found = await read(world, shape, f"/achievements?userAttributes={query}")
        assert [it["name"] for it in found] == names


async def test_attributes_of_a_query_have_a_form_and_are_known(world):
    for query in ("team", "tea m:red", "team:red,", "colour:red", "team:%00"):
        for path in ("/achievements", "/points/xp/summary"):
            answer = await world.get(f"{path}?userAttributes={query}")
            assert (answer.status_code, list(answer.json())) == (422, ["error"]), query


async def test_streaks_of_many_are_the_longest_first(world):
    query = "&".join(f"userIds={user}" for user in ("u1", "u9", "u2", "u3", "u4", "u1", "%00"))
    found = await read(world, list[BulkStreak], f"/streaks?{query}")
    assert found == [
        {"userId": "u2", "streakLength": 9, "extended": "2026-03-10T12:00:00Z"},
        {"userId": "u4", "streakLength": 4, "extended": "2026-03-10T12:00:00Z"},
        {"userId": "u1", "streakLength": 2, "extended": "2026-03-09T12:00:00Z"},
        {"userId": "u9", "streakLength": 0, "extended": None},
        {"userId": "u3", "streakLength": 0, "extended": None},
        {"userId": "\0", "streakLength": 0, "extended": None},
    ]


async def test_streaks_are_asked_for_with_1_to_100_ids(world):
    for query in ("", "&".join("userIds=u" for _ in range(101))):
        answer = await world.get(f"/streaks?{query}")
        assert answer.status_code == 422
        assert "userIds" in answer.json()["error"]
    assert len((await world.get("/streaks?" + "&".join(["userIds=u"] * 100))).json()) == 1


async def test_a_streak_shows_freezes_pauses_and_how_it_was_kept(world):
    await world.execute(
        "INSERT INTO streak_periods VALUES"
        " ('default','u4','daily','2026-03-03',4,false,false),"
        " ('default','u4','daily','2026-03-04',4,false,true),"
        " ('default','u4','daily','2026-03-05',4,true,false)"
    )
    await world.execute(
        "INSERT INTO pauses VALUES ('default','u4','p0','2026-03-01','2026-03-09'),"
        " ('default','u4','p2','2026-03-20','2026-03-21')"
    )
    found = await read(world, StreakResponse, "/users/u4/streak?historyPeriods=8")
    assert (found["length"], found["freezes"], found["maxFreezes"]) == (4, 0, 3)
    assert (found["freezeAutoEarnInterval"], found["freezeAutoEarnAmount"]) == (7, 1)
    # The pause reaches up to the 12th.
    assert found["expires"] == "2026-03-13"
    assert found["pauses"] == [
        {"id": "p1", "start": "2026-03-04", "end": "2026-03-12"},
        {"id": "p2", "start": "2026-03-20", "end": "2026-03-21"},
    ]
    history = found["streakHistory"]
    assert [row["length"] for row in history] == [4, 4, 4, 0, 0, 0, 0, 0]
    assert [row["usedPause"] for row in history[:3]] == [False, True, False]
    assert [row["usedFreeze"] for row in history[:3]] == [False, False, True]


async def test_a_streak_that_its_user_turned_off_is_none(world):
    await world.execute(
        "INSERT INTO streak_preferences VALUES ('default','u1','{\"enabled\": false}')"
    )
    found = await read(world, StreakResponse, "/users/u1/streak")
    assert (found["length"], found["extended"], found["started"]) == (0, None, None)
