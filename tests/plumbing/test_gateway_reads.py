"""The GET operations: rows of a real Postgres, shown in the contract's shapes."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from plumbing.gateway_world import AT, World, a_world
from pydantic import TypeAdapter

from contract.application.achievements import UserAchievementWithStatsResponse
from contract.application.metrics import MetricResponse
from contract.application.points import GetUserPointsResponse
from contract.application.streaks import StreakResponse
from contract.application.users import User
from projections.database import connect


def check(shape, answer):
    """Hold an answer against a type of the contract, an unknown field being an error."""
    assert answer.status_code == 200, answer.text
    TypeAdapter(shape).validate_python(answer.json())
    return answer.json()


async def fill(world):
    async with connect(world.dsn) as connection:
        await fill_tables(lambda query, *values: connection.execute(query, values))


async def fill_tables(run):
    await run(
        "INSERT INTO users VALUES ('default','u1','Europe/Berlin','{\"team\":\"red\"}',%s,%s,%s)",
        AT,
        AT,
        AT,
    )
    await run("INSERT INTO users VALUES ('default','a/b c',NULL,'{}',%s,%s,%s)", AT, AT, AT)
    await run(
        "INSERT INTO own.profiles VALUES ('default','u1','Ann','a@b.c','[\"t1\"]',NULL,%s)",
        AT + timedelta(hours=1),
    )
    await run("INSERT INTO user_counts VALUES ('default', 0, 2), ('default', 1, 1)")
    await run("INSERT INTO totals VALUES ('default','u1','commits',0.3,%s)", AT)
    await run("INSERT INTO achievements VALUES ('default','u1','old',%s,'0-0-1')", AT)
    await run(
        "INSERT INTO achievements VALUES ('default','u1','ten',%s,'0-0-2')",
        AT + timedelta(minutes=1),
    )
    await run("INSERT INTO achievement_counts VALUES ('default','ten',0,1)")
    await run("INSERT INTO achievement_counts VALUES ('default','ten',1,1)")
    await run(
        "INSERT INTO streaks (tenant, user_id, frequency, length, longest, started, period,"
        " through, extended) VALUES"
        " ('default','u1','daily',3,9,'2026-03-07','2026-03-09','2026-03-09',%s)",
        AT - timedelta(days=1),
    )
    await run(
        "INSERT INTO streak_periods VALUES ('default','u1','daily','2026-03-03',9),"
        " ('default','u1','daily','2026-03-07',1), ('default','u1','daily','2026-03-08',2),"
        " ('default','u1','daily','2026-03-09',3)"
    )
    await run("INSERT INTO points VALUES ('default','u1','xp',60,%s)", AT)
    for index, (trigger, awarded, total) in enumerate(
        (("weekly", 50, 50), ("per-commit", 20, 70), ("for-ten", -10, 60))
    ):
        await run(
            "INSERT INTO awards (id, tenant, user_id, system, trigger, awarded, total, at,"
            " definitions, ledger_offset, index)"
            " VALUES (%s,'default','u1','xp',%s,%s,%s,%s,1,%s,0)",
            f"0-0-{index}:0",
            trigger,
            awarded,
            total,
            AT,
            index,
        )


@pytest.fixture
async def world(stack, database) -> AsyncIterator[World]:
    async with a_world(stack, database, before=fill) as found:
        yield found


async def test_a_user_is_shown_with_their_profile(world):
    assert check(User, await world.get("/users/u1")) == {
        "id": "u1",
        "email": "a@b.c",
        "name": "Ann",
        "tz": "Europe/Berlin",
        "deviceTokens": ["t1"],
        "subscribeToEmails": True,
        "attributes": {"team": "red"},
        "control": False,
        "created": "2026-03-10T12:00:00Z",
        "updated": "2026-03-10T13:00:00Z",
    }


async def test_an_id_may_hold_what_a_path_may_not(world):
    user = check(User, await world.get("/users/a%2Fb%20c"))
    assert (user["id"], user["email"], user["subscribeToEmails"]) == ("a/b c", None, False)
    assert "deviceTokens" not in user


async def test_who_or_what_is_unknown_is_404(world):
    for path in (
        "/users/nobody",
        "/users/%00",
        "/users/%FF",
        "/users/nobody/metrics",
        "/users/nobody/metrics/commits",
        "/users/u1/metrics/nothing",
        "/users/nobody/achievements",
        "/users/nobody/streak",
        "/users/u1/points/nothing",
        "/users/nobody/points/xp",
    ):
        answer = await world.get(path)
        assert (answer.status_code, list(answer.json())) == (404, ["error"]), path


async def test_metrics_are_listed_with_their_achievements(world):
    commits, reviews = check(list[MetricResponse], await world.get("/users/u1/metrics"))
    assert (commits["key"], commits["current"]) == ("commits", 0.3)
    assert (reviews["key"], reviews["current"], reviews["achievements"]) == ("reviews", 0.0, [])
    ten, docs = commits["achievements"]
    assert (ten["name"], ten["metricValue"], ten["metricName"]) == ("Ten", 10.0, "Commits")
    assert ten["achievedAt"] == "2026-03-10T12:01:00Z"
    assert ten["eventAttributes"] == []
    assert "eventAttribute" not in ten
    assert "key" not in ten
    assert docs["achievedAt"] is None
    assert docs["eventAttribute"] == {"key": "repo", "value": "docs"}
    assert docs["eventAttributes"] == [{"key": "repo", "value": "docs"}]
    assert docs["userAttributes"] == [{"key": "team", "value": "red"}]
    one = check(MetricResponse, await world.get("/users/u1/metrics/commits"))
    assert one == commits


async def test_achievements_are_the_completed_ones_with_their_rarity(world):
    shape = list[UserAchievementWithStatsResponse]
    found = check(shape, await world.get("/users/u1/achievements"))
    assert [item["name"] for item in found] == ["Old", "Ten"]
    assert (found[1]["completions"], found[1]["rarity"]) == (2, 66.67)
    assert found == check(shape, await world.get("/users/u1/achievements?includeIncomplete=yes"))
    every = check(shape, await world.get("/users/u1/achievements?includeIncomplete=true"))
    assert [item["name"] for item in every] == ["Old", "Ten", "Docs", "A week"]
    other = check(shape, await world.get("/users/a%2Fb%20c/achievements?includeIncomplete=true"))
    assert [item["name"] for item in other] == ["Ten", "Docs", "A week"]


async def test_a_streak_shows_its_history(world):
    found = check(StreakResponse, await world.get("/users/u1/streak"))
    history = found.pop("streakHistory")
    assert found == {
        "length": 3,
        "frequency": "daily",
        "started": "2026-03-07",
        "periodStart": "2026-03-10",
        "periodEnd": "2026-03-10",
        "expires": "2026-03-10",
        "extended": "2026-03-09T12:00:00Z",
        "pauses": [],
    }
    assert [period["length"] for period in history] == [0, 0, 0, 1, 2, 3, 0]
    assert history[-1] == {
        "periodStart": "2026-03-10",
        "periodEnd": "2026-03-10",
        "length": 0,
        "usedPause": False,
    }
    assert (
        len((await world.get("/users/u1/streak?historyPeriods=31")).json()["streakHistory"]) == 31
    )


async def test_a_streak_that_nobody_can_save_any_more_shows_as_none(stack, database):
    # In Berlin it is past midnight, in UTC it is not.
    late = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
    async with a_world(stack, database, before=fill, clock=lambda: late) as world:
        found = check(StreakResponse, await world.get("/users/u1/streak"))
    assert (found["length"], found["started"], found["expires"]) == (0, None, None)
    assert (found["periodStart"], found["extended"]) == (None, None)
    assert found["streakHistory"][-1]["periodStart"] == "2026-03-11"


async def test_points_come_with_level_and_newest_awards_first(world):
    found = check(GetUserPointsResponse, await world.get("/users/u1/points/xp"))
    assert (found["total"], found["level"]["key"], found["maxPoints"]) == (60, "silver", 1000)
    assert found["level"]["badgeUrl"] == "https://example.com/silver.png"
    last, metric, streak = found["awards"]
    assert (last["awarded"], last["total"], last["id"]) == (-10, 60, "0-0-2:0")
    assert last["trigger"]["achievementName"] == "Ten"
    assert metric["trigger"]["metricThreshold"] == 1
    assert metric["trigger"]["eventAttributes"] == [{"key": "repo", "value": "docs"}]
    assert streak["trigger"]["streakLengthThreshold"] == 7
    assert "eventAttributes" not in streak["trigger"]
    assert len((await world.get("/users/u1/points/xp?awards=1")).json()["awards"]) == 1


async def test_points_before_the_first_award_have_no_level(world):
    found = check(GetUserPointsResponse, await world.get("/users/a%2Fb%20c/points/xp"))
    assert (found["total"], found["level"], found["awards"]) == (0, None, [])


async def test_a_query_out_of_range_is_422(world):
    for query in (
        "points/xp?awards=0",
        "points/xp?awards=101",
        "points/xp?awards=x",
        "streak?historyPeriods=0",
    ):
        answer = await world.get(f"/users/u1/{query}")
        assert answer.status_code == 422
        assert query.split("?")[1].split("=")[0] in answer.json()["error"]
