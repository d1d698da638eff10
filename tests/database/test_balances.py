"""Points and totals as they are summed up: by day, over all users, by level; and corrections."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from database.records import Ledger, corrected, correction, created, points, split, store, total
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.corrections import CorrectionRow, corrections_of
from projections.points import (
    Award,
    balance_histogram,
    newest_awards,
    point_days,
    points_before,
    users_per_level,
)
from projections.totals import metric_days, total_before
from projections.totals import total as total_of
from schemas.entries import Entry


def march(day, hour=10):
    return datetime(2024, 3, day, hour, tzinfo=UTC)


async def days(connection, start, end):
    return await point_days(
        connection, "default", "u1", "xp", date(2024, 3, start), date(2024, 3, end)
    )


# -- awards -------------------------------------------------------------------------------------


async def test_an_award_says_what_boosted_it_who_gave_it_why_and_how_often(connection):
    ledger = Ledger()
    ledger.add(
        "u1",
        created(),
        points("xp", "daily", 30, 30, at="2024-02-28T00:00:00Z", count=3, boosts=("b2", "b1")),
        points("xp", None, -10, 20, reason="a mistake of ours"),
        points("xp", "commit", 1, 21),
    )
    await store(connection, ledger.batch())
    assert await newest_awards(connection, "default", "u1", "xp", 3) == [
        Award("0-0-0:3", "commit", 1, 21, march(1), 0),
        Award("0-0-0:2", None, -10, 20, march(1), 0, None, None, "a mistake of ours"),
        Award(
            "0-0-0:1", "daily", 30, 30, datetime(2024, 2, 28, tzinfo=UTC), 0, ["b2", "b1"], 3, None
        ),
    ]


async def test_what_time_awarded_counts_on_the_day_it_was_due_not_on_that_of_the_event(connection):
    ledger = Ledger()
    ledger.add(
        "u1",
        created(),
        points("xp", "daily", 5, 5, at="2024-03-02T23:30:00Z"),
        points("xp", "commit", 1, 6),
        total("commits", "1", "1", "2024-03-06"),
        at="2024-03-05T23:30:00Z",
    )
    ledger.add("u1", points("xp", None, 2, 8), at="2024-03-05T23:30:00Z")
    await store(connection, ledger.batch())
    assert await days(connection, 1, 31) == [
        (date(2024, 3, 2), 5),
        (date(2024, 3, 5), 2),
        (date(2024, 3, 6), 1),
    ]


async def test_days_are_those_between_two_dates_and_the_rest_is_what_was_before(connection):
    ledger = Ledger()
    for day, awarded, after in ((1, 10, 10), (2, -4, 6), (4, 1, 7), (9, 2, 9)):
        moved = total("km", str(awarded), str(after), f"2024-03-0{day}")
        ledger.add("u1", created(), moved, points("xp", "t", awarded, after))
    await store(connection, ledger.batch())
    assert await days(connection, 2, 4) == [(date(2024, 3, 2), -4), (date(2024, 3, 4), 1)]
    who = (connection, "default", "u1")
    assert await points_before(*who, "xp", date(2024, 3, 2)) == 10
    assert await points_before(*who, "xp", date(2024, 3, 4)) == 6
    assert await points_before(*who, "xp", date(2024, 3, 5)) == 7
    assert await points_before(*who, "none", date(2024, 3, 5)) == 0
    assert await metric_days(*who, "km", date(2024, 3, 2), date(2024, 3, 4)) == [
        (date(2024, 3, 2), Decimal(-4)),
        (date(2024, 3, 4), Decimal(1)),
    ]
    assert await total_before(*who, "km", date(2024, 3, 4)) == 6
    assert await total_before(*who, "km", date(2024, 3, 5)) == 7
    assert await total_before(*who, "none", date(2024, 3, 5)) == 0


# -- corrections --------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[], [1]])
async def test_a_correction_counts_on_the_day_of_its_event_and_is_no_event_of_that_day(
    sizes, connection
):
    ledger = Ledger()
    ledger.add("u1", created(), total("km", "8", "8", "2024-03-01"), points("xp", "t", 8, 8))
    ledger.add(
        "u1",
        correction("0-0-0", "8", "3", reason="in miles"),
        total("km", "-5", "3", "2024-03-01"),
        points("xp", "t", -5, 3, reason="in miles"),
        at="2024-03-20T10:00:00Z",
        given=corrected("0-0-0", "8", "3"),
    )
    for batch in split(ledger, sizes):
        await store(connection, batch)
    assert await total_of(connection, "default", "u1", "km") == 3
    rows = await connection.execute("SELECT day, change, events FROM total_days")
    assert await rows.fetchall() == [(date(2024, 3, 1), Decimal(3), 1)]
    assert await days(connection, 1, 31) == [(date(2024, 3, 1), 3)]


async def test_the_corrections_of_an_event_are_kept_in_order_with_their_reasons(connection):
    ledger = Ledger()
    ledger.add("u1", created(), correction("0-0-9", "1.5", "3", reason="typed wrong"))
    ledger.add("u1", correction("0-0-9", "3", "0"), at="2024-03-02T10:00:00Z")
    ledger.add("u1", correction("0-0-8", "1", "2"))
    await store(connection, ledger.batch())
    assert await corrections_of(connection, "default", "0-0-9") == [
        CorrectionRow("0-0-0:1", "u1", Decimal("1.5"), Decimal(3), "typed wrong", march(1)),
        CorrectionRow("0-0-1:0", "u1", Decimal(3), Decimal(0), None, march(2)),
    ]
    assert await corrections_of(connection, "other", "0-0-9") == []


# -- over all users -----------------------------------------------------------------------------


async def fill(connection, balances, **attributes):
    """Have a user for each balance; None for one who never had points."""
    ledger = Ledger()
    for index, balance in enumerate(balances):
        entries: list[Entry] = [created(attributes=attributes)] if attributes else [created()]
        if balance is not None:
            entries.append(points("xp", "t", balance, balance))
        ledger.add(f"u{index}", *entries)
    await store(connection, ledger.batch())


async def histogram(connection, attributes=None):
    found = await balance_histogram(connection, "default", "xp", attributes)
    return [tuple(it) for it in found]


async def test_without_users_all_eleven_ranges_are_empty(connection):
    found = await histogram(connection)
    assert [it[:2] for it in found[:3]] == [(0, 0), (1, 1), (2, 2)]
    assert (len(found), found[10], sum(it[2] for it in found)) == (11, (10, 10, 0), 0)
    assert await histogram(connection, {"plan": "pro"}) == found


@pytest.mark.parametrize(
    ("highest", "ends_at"),
    [(1, 10), (9, 10), (10, 10), (11, 100), (100, 100), (501, 1000), (1000, 1000), (1001, 10_000)],
)
async def test_the_ranges_end_at_the_next_power_of_ten(highest, ends_at, connection):
    await fill(connection, [highest])
    found = await histogram(connection)
    assert (found[1][0], found[10][1]) == (1, ends_at)
    assert sum(it[2] for it in found) == 1


async def test_every_user_is_in_the_range_of_their_balance_and_without_one_in_the_first(
    connection,
):
    await fill(connection, [None, 0, 1, 100, 101, 550, 900, 901, 1000, None])
    assert await histogram(connection) == [
        (0, 0, 3),
        (1, 100, 2),
        (101, 200, 1),
        (201, 300, 0),
        (301, 400, 0),
        (401, 500, 0),
        (501, 600, 1),
        (601, 700, 0),
        (701, 800, 0),
        (801, 900, 1),
        (901, 1000, 2),
    ]


async def test_with_attributes_only_those_who_have_all_of_them_count(connection):
    ledger = Ledger()
    pro = {"plan": "pro", "city": "Bonn"}
    ledger.add(
        "u1", created(attributes=pro), points("xp", "t", 7, 7), points("care", "t", 900, 900)
    )
    ledger.add("u2", created(attributes=pro))
    ledger.add("u3", created(attributes={"plan": "pro"}), points("xp", "t", 50, 50))
    ledger.add("u4", created(), points("xp", "t", 5000, 5000))
    await store(connection, ledger.batch())
    found = await histogram(connection, pro)
    assert [it for it in found if it[2]] == [(0, 0, 1), (7, 7, 1)]
    found = await histogram(connection, {"plan": "pro"})
    assert [it for it in found if it[2]] == [(0, 0, 1), (1, 10, 1), (41, 50, 1)]


async def test_users_are_at_the_highest_level_whose_threshold_they_reached(connection):
    await fill(connection, [None, 0, 9, 10, 99, 100, 5000])
    assert await users_per_level(connection, "default", "xp", [0, 10, 100]) == [2, 2, 2]
    assert await users_per_level(connection, "default", "xp", [100, 10]) == [2, 2]
    assert await users_per_level(connection, "default", "xp", [6000]) == [0]
    assert await users_per_level(connection, "default", "xp", []) == []
    assert await users_per_level(connection, "default", "none", [0]) == [0]


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
async def test_any_balances_are_counted_where_they_belong(connection, data):
    balances = data.draw(
        st.lists(st.one_of(st.none(), st.integers(0, 30), st.integers(0, 10**15)), max_size=8)
    )
    thresholds = data.draw(st.lists(st.integers(0, 40), unique=True, max_size=5))
    for table in ("users", "user_counts", "points", "awards", "point_days"):
        await connection.execute(f"DELETE FROM {table}")
    await connection.execute("UPDATE positions SET next_offset = 0, epoch = NULL")
    await fill(connection, balances)
    known = [it for it in balances if it is not None]
    end = 10
    while end < max(known, default=0):
        end *= 10
    spans = [(0, 0), *((at * end // 10 + 1, (at + 1) * end // 10) for at in range(10))]
    assert await histogram(connection) == [
        (low, high, sum(low <= (it or 0) <= high for it in balances)) for low, high in spans
    ]
    held = [max((it for it in thresholds if it <= total), default=None) for total in known]
    counts = await users_per_level(connection, "default", "xp", thresholds)
    assert counts == [held.count(it) for it in thresholds]
