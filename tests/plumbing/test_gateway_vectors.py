"""What the documents of the contract print of reads, with their numbers (semantics, appendix D)."""

from datetime import UTC, datetime

import pytest
from plumbing.gateway_world import AT, GAME, a_world

from projections.database import connect

SATURDAY = datetime(2025, 4, 19, 12, tzinfo=UTC)
LADDER = GAME | {
    "settings": {"weekStart": "sunday", "defaultTimeZone": "UTC"},
    "streak": GAME["streak"] | {"frequency": "weekly"},
    "points": [
        GAME["points"][0]
        | {
            "maxPoints": None,
            "levels": [
                {"key": "bronze", "name": "Bronze", "points": 0},
                {"key": "silver", "name": "Silver", "points": 50},
                {"key": "gold", "name": "Gold", "points": 200},
            ],
        }
    ],
}


def rows(*statements):
    """Return what puts rows into the read models before the gateway starts."""

    async def fill(world):
        async with connect(world.dsn) as connection:
            for statement, *given in statements:
                await connection.execute(statement, given)

    return fill


def balances(first, users, total):
    """Return the statement that gives so many users a balance."""
    return (
        (
            "INSERT INTO points SELECT 'default', 'u' || n, 'xp', %s, %s "
            "FROM generate_series(%s::int, %s::int) AS n"
        ),
        total,
        AT,
        first,
        first + users - 1,
    )


def known(users):
    """Return the statements by which so many users are known."""
    return (
        (
            "INSERT INTO users SELECT 'default', 'u' || n, NULL, '{}', %s, %s, %s "
            "FROM generate_series(1, %s::int) AS n"
        ),
        AT,
        AT,
        AT,
        users,
    ), ("INSERT INTO user_counts VALUES ('default', 0, %s)", users)


async def test_10_a_level_summary_counts_users_by_the_highest_level_that_they_have(stack, database):
    fill = rows(
        balances(1, 5012, 0), balances(5013, 1501, 50), balances(6514, 102, 200), *known(6615)
    )
    async with a_world(stack, database, game=LADDER, before=fill) as world:
        answer = await world.get("/points/xp/level-summary")
        assert [(it["level"]["key"], it["users"]) for it in answer.json()] == [
            ("bronze", 5012),
            ("silver", 1501),
            ("gold", 102),
        ]


async def test_11_a_histogram_has_eleven_ranges_up_to_a_power_of_ten(stack, database):
    counted = {0: 5012, 100: 1501, 101: 1007, 300: 584, 301: 201, 500: 102, 501: 25}
    statements, first = [], 1
    for total, users in counted.items():
        statements.append(balances(first, users, total))
        first += users
    fill = rows(*statements, *known(first - 1))
    async with a_world(stack, database, game=LADDER, before=fill) as world:
        answer = await world.get("/points/xp/summary")
        assert [(it["from"], it["to"], it["users"]) for it in answer.json()] == [
            (0, 0, 5012),
            (1, 100, 1501),
            (101, 200, 1007),
            (201, 300, 584),
            (301, 400, 201),
            (401, 500, 102),
            (501, 600, 25),
            (601, 700, 0),
            (701, 800, 0),
            (801, 900, 0),
            (901, 1000, 0),
        ]


@pytest.mark.parametrize(("most", "last"), [(584, 1000), (1000, 1000), (1001, 10000), (0, 10)])
async def test_t_the_last_range_ends_at_the_next_power_of_ten(stack, database, most, last):
    fill = rows(balances(1, 1, most), *known(1))
    async with a_world(stack, database, game=LADDER, before=fill) as world:
        answer = await world.get("/points/xp/summary")
        assert answer.json()[-1]["to"] == last


async def test_12_points_by_day(stack, database):
    days = [("2024-01-01", 100), ("2024-01-02", 200), ("2024-01-03", 300)]
    insert = "INSERT INTO point_days VALUES ('default', 'u1', 'xp', %s, %s)"
    fill = rows(*((insert, day, change) for day, change in days), *known(1))
    async with a_world(stack, database, game=LADDER, before=fill) as world:
        answer = await world.get(
            "/users/u1/points/xp/event-summary"
            "?aggregation=daily&startDate=2024-01-01&endDate=2024-01-03"
        )
        assert answer.json() == [
            {"date": "2024-01-01", "total": 100, "change": 100},
            {"date": "2024-01-02", "total": 300, "change": 200},
            {"date": "2024-01-03", "total": 600, "change": 300},
        ]


async def test_20_a_weekly_history_runs_from_sunday_to_saturday(stack, database):
    lengths = {"2025-03-02": 9, "2025-03-23": 1, "2025-03-30": 2, "2025-04-06": 3, "2025-04-13": 4}
    insert = "INSERT INTO streak_periods VALUES ('default', 'u1', 'weekly', %s, %s)"
    fill = rows(
        *((insert, period, length) for period, length in lengths.items()),
        (
            (
                "INSERT INTO streaks VALUES ('default', 'u1', 'weekly', 4, 9, '2025-03-25',"
                " '2025-04-13', '2025-04-13', %s)"
            ),
            SATURDAY,
        ),
        *known(1),
    )
    clock = {"clock": lambda: SATURDAY}
    async with a_world(stack, database, game=LADDER, before=fill, **clock) as world:
        history = (await world.get("/users/u1/streak?historyPeriods=7")).json()["streakHistory"]
        assert [it["length"] for it in history] == [9, 0, 0, 1, 2, 3, 4]
        assert (history[0]["periodStart"], history[0]["periodEnd"]) == ("2025-03-02", "2025-03-08")


async def test_21_many_streaks_come_longest_first(stack, database):
    insert = (
        "INSERT INTO streaks VALUES ('default', %s, 'daily', %s, %s, '2026-02-20', '2026-03-10',"
        " '2026-03-10', %s)"
    )
    fill = rows((insert, "u1", 12, 12, AT), (insert, "u2", 15, 15, AT), *known(3))
    async with a_world(stack, database, before=fill) as world:
        found = (await world.get("/streaks?userIds=u1&userIds=u2&userIds=u3")).json()
        assert [(it["userId"], it["streakLength"]) for it in found] == [
            ("u2", 15),
            ("u1", 12),
            ("u3", 0),
        ]
        assert found[2]["extended"] is None


@pytest.mark.parametrize(
    ("completions", "users", "rarity"),
    [(8, 10, 80), (6, 10, 60), (2, 10, 20), (100, 200, 50)],
)
async def test_22_rarity_is_the_share_of_all_users(stack, database, completions, users, rarity):
    insert = "INSERT INTO achievement_counts VALUES ('default', 'ten', 0, %s)"
    fill = rows((insert, completions), *known(users))
    async with a_world(stack, database, before=fill) as world:
        found = {it["name"]: it for it in (await world.get("/achievements")).json()}
        assert (found["Ten"]["completions"], found["Ten"]["rarity"]) == (completions, rarity)
