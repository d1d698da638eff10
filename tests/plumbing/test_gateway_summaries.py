"""Event summaries: rows of days into days, weeks and months, with figures typed in by hand."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from plumbing.gateway_world import AT, RICH, World, a_world
from pydantic import TypeAdapter

from contract.application.summaries import Asked, EventSummary, check_range, periods, summed
from contract.errors import UnfitError

DAY = timedelta(days=1)


def test_the_example_of_the_contract():
    asked = Asked("daily", date(2024, 1, 1), date(2024, 1, 3))
    days = [(asked.start + at * DAY, Decimal(100 * (at + 1))) for at in range(3)]
    assert summed(periods(asked, "monday"), Decimal(0), days) == [
        {"date": "2024-01-01", "total": 100.0, "change": 100.0},
        {"date": "2024-01-02", "total": 300.0, "change": 200.0},
        {"date": "2024-01-03", "total": 600.0, "change": 300.0},
    ]


def test_a_period_without_change_has_a_row_too_and_doubles_come_last():
    asked = Asked("daily", date(2024, 2, 28), date(2024, 3, 1))
    tenth = Decimal("0.1")
    days = [(date(2024, 2, 28), tenth), (date(2024, 3, 1), 2 * tenth)]
    assert summed(periods(asked, "monday"), tenth, days) == [
        {"date": "2024-02-28", "total": 0.2, "change": 0.1},
        {"date": "2024-02-29", "total": 0.2, "change": 0.0},
        {"date": "2024-03-01", "total": 0.4, "change": 0.2},
    ]


def test_weeks_begin_as_the_game_says_and_are_told_whole():
    asked = Asked("weekly", date(2025, 4, 2), date(2025, 4, 7))
    assert periods(asked, "monday") == [
        (date(2025, 3, 31), date(2025, 4, 6)),
        (date(2025, 4, 7), date(2025, 4, 13)),
    ]
    assert periods(asked, "sunday") == [
        (date(2025, 3, 30), date(2025, 4, 5)),
        (date(2025, 4, 6), date(2025, 4, 12)),
    ]


def test_months_reach_over_the_end_of_a_year_and_a_leap_day():
    asked = Asked("monthly", date(2023, 12, 31), date(2024, 2, 1))
    assert periods(asked, "monday") == [
        (date(2023, 12, 1), date(2023, 12, 31)),
        (date(2024, 1, 1), date(2024, 1, 31)),
        (date(2024, 2, 1), date(2024, 2, 29)),
    ]


@pytest.mark.parametrize("days", [-1, 0, 401])
def test_a_range_is_neither_empty_nor_longer_than_400_days(days):
    start = date(2024, 1, 1)
    with pytest.raises(UnfitError):
        check_range(Asked("daily", start, start + days * DAY))
    check_range(Asked("daily", start, start + DAY))
    check_range(Asked("daily", start, start + 400 * DAY))


async def fill(world):
    await world.execute(
        "INSERT INTO users VALUES ('default','u1','Europe/Berlin','{}',%s,%s,%s)", AT, AT, AT
    )
    await world.execute(
        "INSERT INTO total_days VALUES ('default','u1','commits','2026-03-01',1.5,1),"
        " ('default','u1','commits','2026-03-09',2,2),"
        " ('default','u1','commits','2026-03-10',-1,1),"
        " ('default','u1','reviews','2026-03-10',100,1),"
        " ('default','u2','commits','2026-03-10',7,1)"
    )
    await world.execute(
        "INSERT INTO point_days VALUES ('default','u1','xp','2026-03-08',10),"
        " ('default','u1','xp','2026-03-10',-4), ('default','u1','energy','2026-03-10',1)"
    )


@pytest.fixture
async def world(stack, database) -> AsyncIterator[World]:
    async with a_world(stack, database, game=RICH, before=fill) as found:
        yield found


async def summary(world, path, aggregation, start, end):
    query = f"aggregation={aggregation}&startDate={start}&endDate={end}"
    answer = await world.get(f"/users/u1/{path}/event-summary?{query}")
    assert answer.status_code == 200, answer.text
    TypeAdapter(list[EventSummary]).validate_python(answer.json())
    return [(row["date"], row["total"], row["change"]) for row in answer.json()]


async def test_summaries_count_what_came_before_the_range(world):
    assert await summary(world, "metrics/commits", "daily", "2026-03-08", "2026-03-10") == [
        ("2026-03-08", 1.5, 0.0),
        ("2026-03-09", 3.5, 2.0),
        ("2026-03-10", 2.5, -1.0),
    ]
    # The week of Monday, 2 March, and that of 9 March.
    assert await summary(world, "metrics/commits", "weekly", "2026-03-08", "2026-03-09") == [
        ("2026-03-02", 1.5, 0.0),
        ("2026-03-09", 2.5, 1.0),
    ]
    assert await summary(world, "metrics/commits", "monthly", "2026-03-02", "2026-04-01") == [
        ("2026-03-01", 2.5, 2.5),
        ("2026-04-01", 2.5, 0.0),
    ]
    assert await summary(world, "points/xp", "daily", "2026-03-09", "2026-03-10") == [
        ("2026-03-09", 10.0, 0.0),
        ("2026-03-10", 6.0, -4.0),
    ]


async def test_a_summary_of_nobody_or_nothing_is_404_and_of_no_range_422(world):
    whole = "aggregation=daily&startDate=2026-03-08&endDate=2026-03-10"
    for path, query, status in (
        ("users/u9/metrics/commits", whole, 404),
        ("users/u9/points/xp", whole, 404),
        ("users/u1/metrics/nothing", whole, 404),
        ("users/u1/points/nothing", whole, 404),
        ("users/u1/metrics/commits", "", 422),
        ("users/u1/metrics/commits", whole.replace("daily", "yearly"), 422),
        ("users/u1/metrics/commits", whole.replace("2026-03-08", "2026-03-10"), 422),
        ("users/u1/metrics/commits", whole.replace("2026-03-08", "1700000000"), 422),
        ("users/u1/metrics/commits", whole.replace("2026-03-08", "0001-01-01"), 422),
        ("users/u1/points/xp", whole.replace("2026-03-08", "2025-02-02"), 422),
    ):
        answer = await world.get(f"/{path}/event-summary?{query}")
        assert (answer.status_code, list(answer.json())) == (status, ["error"]), (path, query)
