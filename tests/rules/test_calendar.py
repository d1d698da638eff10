"""The rules on the odd days of the calendar: where a day is no 24 hours, is not, or comes twice."""

from datetime import date, datetime, timedelta

import pytest
from given import (
    daily,
    due,
    event,
    every,
    freezes,
    gained,
    game,
    given,
    identify,
    kind_of,
    lengths,
    of_kind,
    on,
    pause,
    play,
    restore,
    streak,
)

FREEZES = {"maxFreezes": 2, "freezeAutoEarnInterval": 1, "freezeAutoEarnAmount": 1}


def living(tz, **fields):
    """Return a game with a streak whose days are those of a zone."""
    return game(streak=daily(**fields), settings={"defaultTimeZone": tz})


# The hours that clocks are set by. In each: midnights before, of, and after the odd day.
ODD_DAYS = {
    "Berlin, forward": (
        "Europe/Berlin",
        ["2026-03-27T23:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"],
    ),
    "Berlin, back": (
        "Europe/Berlin",
        ["2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"],
    ),
    "New York, forward": (
        "America/New_York",
        ["2026-03-07T05:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"],
    ),
    "New York, back": (
        "America/New_York",
        ["2026-10-31T04:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"],
    ),
    "Lord Howe, half an hour back": (
        "Australia/Lord_Howe",
        ["2026-04-03T13:00:00Z", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"],
    ),
    "Lord Howe, half an hour forward": (
        "Australia/Lord_Howe",
        ["2026-10-02T13:30:00Z", "2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z"],
    ),
    # Midnight does not exist: the day begins at one o'clock.
    "Havana, forward at midnight": (
        "America/Havana",
        ["2026-03-07T05:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"],
    ),
    "Cairo, forward at midnight": (
        "Africa/Cairo",
        ["2026-04-22T22:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"],
    ),
    # The hour after midnight comes twice, and the day has begun with the first.
    "Havana, back at one": (
        "America/Havana",
        ["2025-11-01T04:00:00Z", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"],
    ),
    # The hour before midnight comes twice, and the day is over after the second.
    "São Paulo, back at midnight": (
        "America/Sao_Paulo",
        ["2018-02-16T02:00:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"],
    ),
    "São Paulo, forward at midnight": (
        "America/Sao_Paulo",
        ["2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"],
    ),
}
ODD = pytest.mark.parametrize(("tz", "midnights"), ODD_DAYS.values(), ids=ODD_DAYS.keys())


def before(instant):
    """Return the second before an instant."""
    return (datetime.fromisoformat(instant) - timedelta(seconds=1)).isoformat()


@ODD
def test_a_day_is_a_day_however_many_hours_it_has(tz, midnights):
    assert lengths(living(tz), *on(*midnights)) == [1, 2, 3]
    ends = [before(it) for it in midnights]
    assert lengths(living(tz), *on(midnights[0], ends[1], midnights[1], ends[2])) == [1, 1, 2, 2]


@ODD
def test_a_streak_is_due_at_the_end_of_the_odd_day_and_not_before(tz, midnights):
    kept = given(living(tz), *on(midnights[0]))
    kept.when(event(0, at=midnights[1])).then_due(midnights[2])
    kept.when(event(0, at=before(midnights[2]))).then_streak(length=1)
    kept.when(due(before(midnights[2]))).then_nothing()
    kept.when(due(midnights[2])).then_streak(length=0)


@ODD
def test_a_freeze_is_used_and_one_is_earned_with_the_odd_day(tz, midnights):
    story = [*on(midnights[0]), event(0, at=midnights[1]), due(midnights[2])]
    decided = play(living(tz, **FREEZES), *story)[-1]
    changes = [it.change for it in decided.entries if kind_of(it) in ("streak", "freezes")]
    assert changes == ["frozen", "earned"]


@ODD
def test_a_boost_of_the_odd_day_holds_from_its_first_to_its_last_instant(tz, midnights):
    day = datetime.fromisoformat(midnights[1]) + timedelta(hours=6)
    first = play(living(tz), event(at=day.isoformat()))[-1].entries[0].day
    boosts = [{"start": first, "end": first, "multiplier": 2}]
    points = {"xp": {"triggers": [{"metricThreshold": 1, "points": 5}], "boosts": boosts}}
    odd = game(settings={"defaultTimeZone": tz}, points=points)
    sent = on(before(midnights[1]), midnights[1], before(midnights[2]), midnights[2])
    assert gained(odd, *sent) == [5, 10, 10, 5]


def test_a_date_that_begins_twice_is_over_with_its_first_midnight():
    # In St. John's the clock went from 00:01 of the 7th back to 23:01 of the 6th.
    newfoundland = living("America/St_Johns", **FREEZES)
    story = [*on("2010-11-05T12:00:00Z"), event(0, at="2010-11-06T12:00:00Z")]
    given(newfoundland, *story).when(event(0, at="2010-11-06T13:00:00Z")).then_due(
        "2010-11-07T02:30:00Z"
    )
    first = due("2010-11-07T02:30:00Z")
    given(newfoundland, *story).when(first).then_notified(
        streak("frozen", 1, "2010-11-06", "2010-11-05", since="2010-11-06", consumed=1, freezes=0),
        freezes("earned", 1, 1, "2010-11-07"),
    )
    # It is the 6th again, and then the 7th: nothing is used or earned twice.
    given(newfoundland, *story, first).when(event(0, at="2010-11-07T03:00:00Z")).then_notified()
    again = [*story, first, event(0, at="2010-11-07T03:00:00Z")]
    given(newfoundland, *again).when(event(0, at="2010-11-07T12:00:00Z")).then_notified()
    given(newfoundland, *again).when(event(at="2010-11-07T12:00:00Z")).then_streak(length=2)


# A date that was not: Apia went from the 29th to the 31st of December 2011.

APIA = "Pacific/Apia"


def test_no_streak_is_lost_and_no_freeze_is_used_for_a_date_that_was_not():
    noons = on("2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z")
    assert lengths(living(APIA), *noons) == [1, 2]
    given(living(APIA, initialFreezes=1, maxFreezes=1), noons[0]).when(noons[1]).then_notified(
        streak("extended", 2, "2011-12-31", "2011-12-29")
    )


def test_a_streak_before_a_date_that_was_not_expires_the_date_after_it():
    given(living(APIA)).when(event(at="2011-12-29T22:00:00Z")).then_streak(
        periodStart="2011-12-29", expires="2011-12-31"
    )
    given(living(APIA)).when(event(at="2011-12-29T22:00:00Z")).then_due("2011-12-31T10:00:00Z")


def test_a_freeze_is_earned_on_a_date_that_was_not():
    # Counted by the calendar, it comes with the first instant after it.
    given(living(APIA, **FREEZES), identify("2011-12-29T22:00:00Z")).when(
        due("2011-12-30T10:00:00Z")
    ).then_of(
        "freezes",
        freezes("earned", 1, 1, "2011-12-30"),
        freezes("earned", 1, 2, "2011-12-31"),
    )


def test_a_pause_over_a_date_that_was_not_keeps_the_streak():
    asked = pause("2011-12-30", "2011-12-31", "2011-12-29T23:00:00Z")
    story = [*on("2011-12-29T22:00:00Z"), asked]
    given(living(APIA), *story).when(event(0, at="2011-12-31T22:00:00Z")).then_streak(
        length=1, expires="2012-01-01"
    )


def test_a_streak_is_restored_up_to_the_date_before_one_that_was_not():
    story = [*on("2011-12-27T22:00:00Z"), event(0, at="2011-12-30T22:00:00Z")]
    through = play(living(APIA), *story, restore("2011-12-30T22:00:00Z"))[-1].entries[-2]
    assert (through.change, through.through) == ("restored", date(2011, 12, 29))


# Leap days and ends of years


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["2024-02-28", "2024-02-29", "2024-03-01"], [1, 2, 3]),
        (["2024-02-28", "2024-03-01"], [1, 1]),
        (["2025-02-28", "2025-03-01"], [1, 2]),
        (["2025-12-30", "2025-12-31", "2026-01-01"], [1, 2, 3]),
    ],
)
def test_the_29th_of_february_is_a_day_and_new_year_a_day_like_any_other(dates, expected):
    assert lengths(living("UTC"), *on(*dates)) == expected


def test_one_who_came_to_be_on_a_leap_day_earns_by_days_not_by_dates():
    yearly = living("UTC", maxFreezes=2, freezeAutoEarnInterval=365, freezeAutoEarnAmount=1)
    given(yearly).when(identify("2024-02-29")).then_due("2025-02-28T00:00:00Z")


@pytest.mark.parametrize(
    ("frequency", "at", "due_at"),
    [
        ("daily", "2024-02-28", "2024-03-01T00:00:00Z"),
        ("daily", "2025-12-30", "2026-01-01T00:00:00Z"),
        ("weekly", "2025-12-25", "2026-01-05T00:00:00Z"),
        ("monthly", "2024-01-31", "2024-03-01T00:00:00Z"),
        ("monthly", "2025-11-30", "2026-01-01T00:00:00Z"),
        ("monthly", "2025-12-31", "2026-02-01T00:00:00Z"),
    ],
)
def test_periods_end_where_the_calendar_says(frequency, at, due_at):
    given(living("UTC", frequency=frequency)).when(event(at=at)).then_due(due_at)


@pytest.mark.parametrize(
    ("week_start", "start", "end", "due_at"),
    [
        ("monday", "2025-12-29", "2026-01-04", "2026-01-12T00:00:00Z"),
        ("sunday", "2025-12-28", "2026-01-03", "2026-01-11T00:00:00Z"),
    ],
)
def test_a_week_over_new_year_is_one_week(week_start, start, end, due_at):
    weekly = game(streak=daily(frequency="weekly"), settings={"weekStart": week_start})
    story = given(weekly, *on("2025-12-31"))
    story.when(event(at="2026-01-01")).then_streak(length=1, periodStart=start, periodEnd=end)
    story.when(event(at="2026-01-01")).then_due(due_at)


@pytest.mark.parametrize(("week_start", "expected"), [("monday", [1, 1, 2]), ("sunday", [1, 2, 2])])
def test_the_week_begins_on_monday_or_on_sunday(week_start, expected):
    # Saturday, Sunday, Monday.
    weekly = game(streak=daily(frequency="weekly"), settings={"weekStart": week_start})
    assert lengths(weekly, *on("2026-03-07", "2026-03-08", "2026-03-09")) == expected


# Over the date line

WEST, EAST = {"tz": "Pacific/Pago_Pago"}, {"tz": "Pacific/Kiritimati"}


def test_who_flies_over_the_date_line_to_the_east_in_the_midst_of_a_streak_keeps_it():
    # The 2nd and 3rd in Pago Pago; at the same hour in Kiritimati it is the 4th.
    story = [
        event(at="2026-03-02T12:00:00Z", user=WEST),
        event(at="2026-03-03T12:00:00Z"),
        event(0, at="2026-03-03T13:00:00Z", user=EAST),
    ]
    assert lengths(living("UTC"), *story, event(at="2026-03-04T09:59:59Z")) == [1, 2, 2, 3]
    assert lengths(living("UTC"), *story, event(at="2026-03-04T10:00:00Z"))[-1] == 1


def test_after_the_flight_it_is_due_by_the_new_zone():
    kept = event(at="2026-03-02T12:00:00Z", user=WEST)
    given(living("UTC")).when(kept).then_due("2026-03-04T11:00:00Z")
    given(living("UTC"), kept).when(identify("2026-03-02T13:00:00Z", **EAST)).then_due(
        "2026-03-03T10:00:00Z"
    )
    # What the clock says by the old one is then nothing.
    days = on("2026-03-03T09:00:00Z", "2026-03-04T09:00:00Z")
    story = [kept, identify("2026-03-02T13:00:00Z", **EAST), *days]
    given(living("UTC"), *story).when(due("2026-03-04T11:00:00Z")).then_nothing()


def test_who_flies_to_the_west_has_the_same_date_again_and_it_is_counted_once():
    # The 3rd in Kiritimati, the 2nd and the 3rd in Pago Pago, then the 4th there.
    story = [
        event(at="2026-03-02T12:00:00Z", user=EAST),
        event(at="2026-03-02T13:00:00Z", user=WEST),
        event(at="2026-03-03T13:00:00Z"),
        event(at="2026-03-04T13:00:00Z"),
    ]
    assert lengths(living("UTC"), *story) == [1, 1, 1, 2]


def test_who_flies_to_the_west_is_not_due_earlier():
    story = [event(at="2026-03-02T12:00:00Z", user=EAST)]
    given(living("UTC"), *story).when(identify("2026-03-02T13:00:00Z", **WEST)).then_due(
        "2026-03-05T11:00:00Z"
    )


CALIFORNIA = {"tz": "America/Los_Angeles"}


def test_what_was_protected_stays_so_when_the_same_date_comes_again():
    # The 1st of March is over in UTC, where a freeze was used for it; in Los Angeles it is not.
    frozen = living("UTC", initialFreezes=1, maxFreezes=1)
    story = [*on("2026-02-28T12:00:00Z"), event(0, at="2026-03-02T00:30:00Z", user=CALIFORNIA)]
    assert lengths(frozen, *story, event(at="2026-03-02T20:00:00Z")) == [1, 1, 2]
    asked = pause("2026-03-01", "2026-03-01", "2026-02-28T13:00:00Z")
    paused = [story[0], asked, story[1], event(at="2026-03-02T20:00:00Z")]
    assert lengths(living("UTC"), *paused) == [1, 1, 1, 2]
    given_back = [
        story[0],
        restore("2026-03-05T00:10:00Z"),
        identify("2026-03-05T00:30:00Z", **CALIFORNIA),
    ]
    assert lengths(living("UTC"), *given_back, event(at="2026-03-05T20:00:00Z")) == [1, 1, 1, 2]


def test_what_was_protected_stays_so_on_a_flight_to_the_east_and_back():
    # A freeze was used for the 1st of March; then it is the 3rd at once, and the 1st again.
    frozen = living("UTC", initialFreezes=1, maxFreezes=1)
    story = [
        *on("2026-02-28T12:00:00Z"),
        event(0, at="2026-03-02T00:30:00Z"),
        identify("2026-03-02T10:30:00Z", **EAST),
        identify("2026-03-02T10:40:00Z", **WEST),
    ]
    assert lengths(frozen, *story, event(at="2026-03-03T10:00:00Z"))[-1] == 2


def test_to_and_fro_uses_no_freeze_and_earns_none_twice():
    flights = [
        identify(f"2026-03-02T{hour}:00:00Z", **(EAST if hour % 2 else WEST))
        for hour in range(13, 23)
    ]
    story = [event(at="2026-03-02T12:00:00Z", user=WEST), *flights]
    decisions = play(living("UTC", **{**FREEZES, "maxFreezes": 9}), *story)
    earned = [it.day for decided in decisions for it in of_kind("freezes", decided)]
    assert earned == [date(2026, 3, 3)]
    assert all(
        it.change in ("started", "carried")
        for decided in decisions
        for it in of_kind("streak", decided)
    )


def test_who_flies_into_the_next_week_has_what_is_left_of_it_to_keep_the_streak():
    # From Saturday the 28th of February, 23:30, to Monday the 2nd of March, 0:45.
    sunday = game(streak=daily(frequency="weekly"), settings={"weekStart": "sunday"})
    story = [
        event(at="2026-03-01T10:30:00Z", user=WEST),
        event(0, at="2026-03-01T10:45:00Z", user=EAST),
    ]
    assert lengths(sunday, *story, event(at="2026-03-07T09:59:59Z")) == [1, 1, 2]
    assert lengths(sunday, *story, event(at="2026-03-07T10:00:00Z")) == [1, 1, 1]


def test_hours_of_time_triggers_know_no_date_line():
    hourly = game(points={"xp": {"triggers": [every(1, days=1)]}})
    story = [event(at="2026-03-02T12:00:00Z", user=WEST), identify("2026-03-02T13:00:00Z", **EAST)]
    given(hourly, *story).when(event(0, at="2026-03-02T14:00:00Z")).then_due("2026-03-03T12:00:00Z")
