"""What keeps a streak besides activity, from entries to rows: freezes, pauses, own settings."""

from datetime import date
from decimal import Decimal

import pytest
from database.records import (
    Ledger,
    created,
    freezes,
    pauses,
    preferences,
    split,
    store,
    streak,
)

from projections.preferences import notifications_of, set_notifications
from projections.protection import (
    PauseRow,
    freezes_of,
    pause_owner,
    pauses_of,
    preferences_of,
)
from projections.streaks import KEPT_PERIODS_MAX, StreakPeriod, streak_history
from projections.streaks import streak as streak_of
from schemas.entries import StreakMetricPreference, StreakPreferences


async def history(connection, frequency="daily", since=date(2000, 1, 1)):
    return await streak_history(connection, "default", "u1", frequency, since)


async def daily(connection):
    found = await streak_of(connection, "default", "u1", "daily")
    assert found is not None
    return found


# -- freezes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [[], [1], [1, 1], [2]])
async def test_the_number_of_freezes_is_that_of_the_last_entry_of_either_kind(sizes, connection):
    ledger = Ledger()
    ledger.add("u1", created(), freezes("granted", 3, 3), streak("started", 1, "2024-03-01"))
    ledger.add("u1", streak("frozen", 1, "2024-03-02", consumed=1, freezes=2))
    ledger.add("u1", freezes("earned", 1, 3), streak("frozen", 1, "2024-03-03", freezes=1))
    for batch in split(ledger, sizes):
        await store(connection, batch)
    assert await freezes_of(connection, "default", "u1") == 1
    assert await freezes_of(connection, "default", "u2") is None
    assert await freezes_of(connection, "other", "u1") is None


async def test_a_freeze_marks_every_period_that_it_kept_and_leaves_the_length(connection):
    ledger = Ledger()
    ledger.add("u1", created(), streak("started", 1, "2024-02-27"))
    ledger.add("u1", streak("extended", 2, "2024-02-28", started="2024-02-27"))
    ledger.add(
        "u1",
        streak("frozen", 2, "2024-03-01", since="2024-02-29", through="2024-03-01", consumed=2),
        at="2024-03-02T10:00:00Z",
    )
    await store(connection, ledger.batch())
    assert await history(connection, since=date(2024, 2, 28)) == [
        StreakPeriod(date(2024, 2, 28), 2),
        StreakPeriod(date(2024, 2, 29), 2, used_freeze=True),
        StreakPeriod(date(2024, 3, 1), 2, used_freeze=True),
    ]
    found = await daily(connection)
    # What satisfied it last, and when it was extended last, stays as it was.
    assert (found.period, found.through) == (date(2024, 2, 28), date(2024, 3, 1))
    assert found.extended is not None
    assert found.extended.date() == date(2024, 3, 1)


# -- pauses -------------------------------------------------------------------------------------


async def test_a_pause_marks_the_periods_of_every_frequency_whether_told_or_not(connection):
    ledger = Ledger()
    ledger.add(
        "u1",
        created(),
        streak("paused", 4, "2024-03-04", since="2024-03-03"),
        streak("paused", 2, "2024-02-26", since="2024-02-12", frequency="weekly", quiet=True),
        streak("paused", 1, "2024-02-01", since="2023-12-01", frequency="monthly", quiet=True),
    )
    await store(connection, ledger.batch())
    assert [(it.period, it.length) for it in await history(connection)] == [
        (date(2024, 3, 3), 4),
        (date(2024, 3, 4), 4),
    ]
    weekly = await history(connection, "weekly")
    assert [it.period.isoformat() for it in weekly] == ["2024-02-12", "2024-02-19", "2024-02-26"]
    monthly = await history(connection, "monthly")
    assert [it.period.isoformat() for it in monthly] == ["2023-12-01", "2024-01-01", "2024-02-01"]
    assert all(it.used_pause and not it.used_freeze for it in [*weekly, *monthly])


@pytest.mark.parametrize("sizes", [[], [1]])
async def test_activity_in_a_paused_period_counts_and_the_pause_stays_to_be_seen(sizes, connection):
    ledger = Ledger()
    ledger.add("u1", created(), streak("paused", 4, "2024-03-04"))
    ledger.add("u1", streak("extended", 5, "2024-03-04"))
    for batch in split(ledger, sizes):
        await store(connection, batch)
    assert await history(connection) == [StreakPeriod(date(2024, 3, 4), 5, used_pause=True)]


async def test_of_a_pause_of_years_the_newest_periods_are_kept(connection):
    ledger = Ledger()
    ledger.add("u1", created(), streak("paused", 4, "2024-03-04", since="1950-01-01"))
    await store(connection, ledger.batch())
    found = await history(connection)
    assert (len(found), found[-1].period) == (KEPT_PERIODS_MAX, date(2024, 3, 4))


@pytest.mark.parametrize("sizes", [[], [1], [1, 1]])
async def test_pauses_are_those_that_the_last_entry_names(sizes, connection):
    one, two = ("p1", "2024-03-05", "2024-03-09"), ("p2", "2024-03-01", "2024-03-01")
    ledger = Ledger()
    ledger.add("u1", created(), pauses("added", "p1", one))
    ledger.add("u1", pauses("added", "p2", one, two))
    ledger.add("u2", created(), pauses("added", "q", ("q", "2024-03-01", "2024-03-01")))
    for batch in split(ledger, sizes):
        await store(connection, batch)
    assert await pauses_of(connection, "default", "u1") == [
        PauseRow("p2", date(2024, 3, 1), date(2024, 3, 1)),
        PauseRow("p1", date(2024, 3, 5), date(2024, 3, 9)),
    ]
    assert await pause_owner(connection, "default", "p1") == "u1"
    assert await pause_owner(connection, "other", "p1") is None

    ledger.add("u1", pauses("removed", "p1", two))
    await store(connection, ledger.batch(3))
    assert [it.id for it in await pauses_of(connection, "default", "u1")] == ["p2"]
    assert await pause_owner(connection, "default", "p1") is None
    assert await pause_owner(connection, "default", "q") == "u2"

    ledger.add("u1", pauses("removed", "p2"))
    await store(connection, ledger.batch(4))
    assert await pauses_of(connection, "default", "u1") == []
    assert await pause_owner(connection, "default", "q") == "u2"


# -- restored -----------------------------------------------------------------------------------


async def test_a_restored_streak_has_its_length_again_and_no_period_that_it_did_not_have(
    connection,
):
    ledger = Ledger()
    ledger.add("u1", created(), streak("started", 1, "2024-03-01"))
    ledger.add("u1", streak("extended", 2, "2024-03-02", started="2024-03-01"))
    ledger.add("u1", streak("lost", 0, "2024-03-03", lost=2))
    ledger.add(
        "u1",
        streak("restored", 2, "2024-03-02", started="2024-03-01", through="2024-03-08"),
        at="2024-03-09T10:00:00Z",
    )
    await store(connection, ledger.batch())
    found = await daily(connection)
    assert (found.length, found.longest, found.started) == (2, 2, date(2024, 3, 1))
    assert (found.period, found.through) == (date(2024, 3, 2), date(2024, 3, 8))
    assert [it.period.day for it in await history(connection)] == [1, 2]


@pytest.mark.parametrize("sizes", [[], [2]])
async def test_the_period_that_a_restored_streak_is_kept_by_has_its_whole_length(sizes, connection):
    ledger = Ledger()
    ledger.add("u1", created(), streak("started", 1, "2024-03-01"))
    ledger.add(
        "u1",
        streak("extended", 2, "2024-03-02", started="2024-03-01"),
        streak("lost", 0, "2024-03-03", lost=2),
        streak("started", 1, "2024-03-09"),
    )
    ledger.add("u1", streak("restored", 2, "2024-03-09", started="2024-03-01"))
    for batch in split(ledger, sizes):
        await store(connection, batch)
    assert [(it.period.day, it.length) for it in await history(connection)] == [
        (1, 1),
        (2, 2),
        (9, 2),
    ]


# -- settings -----------------------------------------------------------------------------------


async def test_streak_settings_are_those_of_the_last_entry(connection):
    ledger = Ledger()
    own = (StreakMetricPreference("commits", Decimal("2.5")),)
    ledger.add("u1", created(), preferences(enabled=False, evaluationMode="AND"))
    await store(connection, ledger.batch())
    assert await preferences_of(connection, "default", "u1") == StreakPreferences(
        enabled=False, evaluationMode="AND"
    )
    ledger.add("u1", preferences(enabled=True, metrics=own))
    await store(connection, ledger.batch(1))
    assert await preferences_of(connection, "default", "u1") == StreakPreferences(
        enabled=True, metrics=own
    )
    assert await preferences_of(connection, "default", "u2") == StreakPreferences()


async def test_channels_of_one_kind_of_notification_are_set_without_touching_the_others(connection):
    assert await notifications_of(connection, "default", "u1") == {}
    await set_notifications(connection, "default", "u1", {"recap": ["email"]})
    after = await set_notifications(connection, "default", "u1", {"streak_reminder": []})
    assert after == {"recap": ["email"], "streak_reminder": []}
    after = await set_notifications(connection, "default", "u1", {"recap": ["push", "email"]})
    assert after == {"recap": ["push", "email"], "streak_reminder": []}
    assert await notifications_of(connection, "default", "u1") == after
    assert await notifications_of(connection, "other", "u1") == {}
