"""Streaks: what keeps them, what ends them, and what a change of the time zone may not do."""

from datetime import date

import pytest
from given import (
    created,
    daily,
    days,
    event,
    game,
    given,
    in_words,
    lengths,
    of_kind,
    on,
    play,
    progress,
    streak,
    total,
)

from processor.rules.compiling import compile_definitions
from processor.rules.decide import answer_state

DAILY = game(streak=daily())
TOKYO = {"tz": "Asia/Tokyo"}


def lost(decided, frequency="daily"):
    """Return the lengths that an event found lost."""
    entries = of_kind("streak", decided)
    return [it.lost for it in entries if it.lost is not None and it.frequency == frequency]


# What is counted


def test_the_first_event_starts_all_three_streaks_and_tells_of_the_games_own():
    given(DAILY).when(event(at="2026-03-04")).then(
        created(),
        total(1, 1, day="2026-03-04"),
        streak("started", 1, "2026-03-04", "2026-03-04"),
        streak("started", 1, "2026-03-02", "2026-03-04", frequency="weekly", quiet=True),
        streak("started", 1, "2026-03-01", "2026-03-04", frequency="monthly", quiet=True),
    )


def test_the_next_day_extends_it():
    given(DAILY, *days(4)).when(event(at="2026-03-05")).then(
        total(1, 2, day="2026-03-05"), streak("extended", 2, "2026-03-05", "2026-03-04")
    )


@pytest.mark.parametrize(
    ("frequency", "settings", "dates", "expected"),
    [
        ("daily", {}, ["2026-03-01", "2026-03-02", "2026-03-03"], [1, 2, 3]),
        ("daily", {}, ["2026-03-01", "2026-03-01", "2026-03-02"], [1, 1, 2]),
        ("daily", {}, ["2026-03-01", "2026-03-03", "2026-03-04"], [1, 1, 2]),
        ("daily", {}, ["2024-02-28", "2024-02-29", "2024-03-01"], [1, 2, 3]),
        ("daily", {}, ["2025-02-28", "2025-03-01"], [1, 2]),
        ("daily", {}, ["2025-12-31", "2026-01-01"], [1, 2]),
        # Monday to Sunday, then Sunday to Saturday: the 8th of March 2026 is a Sunday.
        ("weekly", {}, ["2026-03-02", "2026-03-08", "2026-03-09"], [1, 1, 2]),
        ("weekly", {"weekStart": "sunday"}, ["2026-03-02", "2026-03-08", "2026-03-09"], [1, 2, 2]),
        ("weekly", {}, ["2026-03-02", "2026-03-15"], [1, 2]),
        ("weekly", {}, ["2026-03-02", "2026-03-16"], [1, 1]),
        ("weekly", {}, ["2025-12-31", "2026-01-05"], [1, 2]),
        ("monthly", {}, ["2026-01-31", "2026-02-01", "2026-03-31"], [1, 2, 3]),
        ("monthly", {}, ["2026-01-31", "2026-03-01"], [1, 1]),
        ("monthly", {}, ["2025-12-01", "2026-01-31", "2026-01-31"], [1, 2, 2]),
    ],
)
def test_a_streak_grows_once_per_period_and_is_lost_with_one_missed(
    frequency, settings, dates, expected
):
    definitions = game(streak=daily(frequency=frequency), settings=settings)
    assert lengths(definitions, *on(*dates)) == expected


def test_d1_20_the_weekly_history_of_the_docs():
    sundays = game(streak=daily(frequency="weekly"), settings={"weekStart": "sunday"})
    weeks = on("2025-03-23", "2025-03-30", "2025-04-06", "2025-04-20", "2025-04-27", "2025-05-04")
    assert lengths(sundays, *weeks) == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5], [1]),
        ([4, 1], [0, 1]),
        ([4.9, 0.1], [0, 1]),
        ([2, 2], [0, 0]),
        ([4, -3, 3, 1], [0, 0, 0, 1]),
        ([5, -5], [1, 1]),
        ([5, -5, 5], [1, 1, 1]),
    ],
)
def test_a_threshold_is_about_the_sum_within_the_period(values, expected):
    assert lengths(game(streak=daily(5)), *map(event, values)) == expected


def test_a_step_towards_a_threshold_is_noted_for_every_period_that_is_open():
    week = game(streak=daily(5))
    given(week, event(4, at="2026-03-03")).when(event(2, at="2026-03-04")).then(
        total(2, 6, day="2026-03-04"),
        streak("started", 1, "2026-03-02", "2026-03-04", frequency="weekly", quiet=True),
        streak("started", 1, "2026-03-01", "2026-03-04", frequency="monthly", quiet=True),
        progress(daily=("2026-03-04", "2")),
    )


def test_what_was_done_yesterday_does_not_count_today():
    assert lengths(game(streak=daily(5)), *[event(4, at=f"2026-03-0{n}") for n in (1, 2, 3)]) == [
        0,
        0,
        0,
    ]


TWO = [{"metric": "commits", "threshold": 2}, {"metric": "reviews", "threshold": 1}]


@pytest.mark.parametrize(("mode", "expected"), [("AND", [0, 0, 1, 1]), ("OR", [0, 1, 1, 1])])
def test_conditions_are_joined_by_and_or_by_or(mode, expected):
    both = game(["commits", "reviews"], streak={"metrics": TWO, "evaluationMode": mode})
    events = [event(1), event(1), event(1, metric="reviews"), event(1)]
    assert lengths(both, *events) == expected


def test_a_metric_without_condition_neither_starts_nor_notes_anything():
    two = game(["commits", "lines"], streak=daily())
    given(two).when(event(9, metric="lines")).then(created(), total(9, 9, metric="lines"))


@pytest.mark.parametrize("settings", [{}, daily(enabled=False), {"frequency": "weekly"}])
def test_a_game_without_a_streak_has_none(settings):
    off = game(streak=settings)
    given(off).when(event()).then(created(), total(1, 1))
    given(off).when(event()).then_streak(length=0, started=None, periodStart=None, expires=None)


# What ends it


def test_a_missed_day_ends_the_streak_and_the_next_event_says_so():
    given(DAILY, *days(2, 3)).when(event(at="2026-03-05")).then(
        streak("lost", 0, "2026-03-04", None, lost=2),
        total(1, 3, day="2026-03-05"),
        streak("started", 1, "2026-03-05", "2026-03-05"),
    )


def test_an_event_that_does_not_count_for_the_streak_finds_it_lost_too():
    two = game(["commits", "lines"], streak=daily())
    given(two, *days(2, 3)).when(event(1, "2026-03-05", metric="lines")).then_of(
        "streak", streak("lost", 0, "2026-03-04", None, lost=2)
    )


def test_a_streak_that_was_lost_is_lost_once():
    decisions = play(game(streak=daily(5)), event(5, at="2026-03-01"), *days(5, 9))
    assert [lost(it) for it in decisions] == [[], [1], []]


def test_a_loss_of_a_frequency_that_the_game_does_not_use_is_noted_and_told_to_nobody():
    weekly = game(streak=daily(frequency="weekly"))
    given(weekly, *days(2)).when(event(at="2026-03-04")).then_of(
        "streak",
        streak("lost", 0, "2026-03-03", None, lost=1, quiet=True),
        streak("started", 1, "2026-03-04", "2026-03-04", quiet=True),
    )


def test_negative_events_do_not_undo_an_extension():
    assert lengths(DAILY, *days(2), event(-9), *days(3)) == [1, 1, 2]


# Late events


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        pytest.param("2026-03-04T01:00:00Z", 1, id="of today"),
        pytest.param("2026-03-03T23:59:59Z", 0, id="of yesterday"),
        pytest.param("2026-02-04T12:00:00Z", 0, id="of last month"),
    ],
)
def test_a_late_event_counts_in_the_streak_only_in_the_period_that_is_open(late, expected):
    today = event(0, at="2026-03-04T20:00:00Z")
    assert lengths(DAILY, today, event(at=late))[-1] == expected


def test_a_late_event_counts_for_the_week_and_month_that_are_open_though_its_day_is_over():
    frequencies = [
        entry.frequency
        for entry in of_kind("streak", play(DAILY, event(0, "2026-03-04"), *days(2))[-1])
    ]
    assert frequencies == ["weekly", "monthly"]


def test_a_late_event_revives_nothing():
    missing = event(at="2026-03-03T12:00:00Z", appended="2026-03-04T12:00:00Z")
    assert lengths(DAILY, *days(2, 4), missing, *days(5)) == [1, 1, 1, 2]


def test_time_does_not_go_back_with_a_late_event():
    decisions = play(DAILY, *days(2, 3), *days(1))
    assert in_words(decisions[-1].own)["time"] == "2026-03-03T12:00:00Z"
    assert decisions[-1].state.streak.length == 2


# Time zones


def test_periods_are_those_of_the_users_time_zone():
    # 16:00 UTC is one o'clock of the next day in Tokyo.
    events = [event(at=f"2026-03-02T{hour}:00:00Z", user=TOKYO) for hour in ("14", "16")]
    assert lengths(DAILY, *events) == [1, 2]


def test_periods_are_those_of_the_games_time_zone_for_users_without_one():
    tokyo = game(streak=daily(), settings={"defaultTimeZone": "Asia/Tokyo"})
    assert lengths(tokyo, *on("2026-03-02T14:00:00Z", "2026-03-02T16:00:00Z")) == [1, 2]
    stay = [event(at=f"2026-03-02T{hour}:00:00Z", user={"tz": "UTC"}) for hour in ("14", "16")]
    assert lengths(tokyo, *stay) == [1, 1]


@pytest.mark.parametrize(
    "instants",
    [
        # 23 and 25 hours long: each of these is a day of its own in Berlin.
        ["2026-03-28T22:30:00Z", "2026-03-29T21:30:00Z", "2026-03-29T22:30:00Z"],
        ["2026-10-24T21:30:00Z", "2026-10-24T22:30:00Z", "2026-10-25T23:30:00Z"],
    ],
    ids=["clocks go forward", "clocks go back"],
)
def test_a_day_is_a_day_when_the_clocks_change(instants):
    berlin = game(streak=daily(), settings={"defaultTimeZone": "Europe/Berlin"})
    assert lengths(berlin, *on(*instants)) == [1, 2, 3]


def test_a_date_that_a_zone_skipped_breaks_no_streak():
    apia = game(streak=daily(), settings={"defaultTimeZone": "Pacific/Apia"})
    noons = on("2011-12-28T22:00:00Z", "2011-12-29T22:00:00Z", "2011-12-30T22:00:00Z")
    assert lengths(apia, *noons) == [1, 2, 3]


def test_a_flight_to_the_east_over_a_whole_date_breaks_no_streak():
    # In Pago Pago it is the 2nd, in Kiritimati at the same instant the 3rd; the next event is there
    # on the 4th, a date after the 2nd that was never missed.
    here = event(at="2026-03-03T10:30:00Z", user={"tz": "Pacific/Pago_Pago"})
    there = event(at="2026-03-04T10:30:00Z", user={"tz": "Pacific/Kiritimati"})
    carried = of_kind("streak", play(DAILY, here, there)[-1])[0]
    assert lengths(DAILY, here, there) == [1, 2]
    assert (carried.change, carried.through.isoformat(), carried.quiet) == (
        "carried",
        "2026-03-04",
        True,
    )


def test_a_flight_does_not_revive_what_was_lost_under_the_old_zone():
    here = event(at="2026-03-01T12:00:00Z", user={"tz": "UTC"})
    there = event(at="2026-03-03T12:00:00Z", user={"tz": "Pacific/Pago_Pago"})
    assert lengths(DAILY, here, there) == [1, 1]
    assert lost(play(DAILY, here, there)[-1]) == [1]


def test_a_flight_to_the_west_never_counts_a_date_twice():
    first = event(at="2026-03-02T16:00:00Z", user=TOKYO)  # the 3rd in Tokyo
    again = event(at="2026-03-02T17:00:00Z", user={"tz": "UTC"})  # the 2nd
    third = event(at="2026-03-03T17:00:00Z")  # the 3rd, again
    fourth = event(at="2026-03-04T17:00:00Z")
    assert lengths(DAILY, first, again, third, fourth) == [1, 1, 1, 2]


def test_who_flies_over_a_date_and_back_again_has_that_date_to_keep_the_streak():
    # OD-38: the zone in force decides. Back in the west, the 3rd is to come and is then missed.
    here = event(at="2026-03-03T10:30:00Z", user={"tz": "Pacific/Pago_Pago"})
    there = event(0, at="2026-03-03T10:40:00Z", user={"tz": "Pacific/Kiritimati"})
    back = event(0, at="2026-03-03T10:50:00Z", user={"tz": "Pacific/Pago_Pago"})
    assert lengths(DAILY, here, there, back, event(at="2026-03-04T10:30:00Z"))[-1] == 2
    assert lengths(DAILY, here, there, back, event(at="2026-03-05T10:30:00Z"))[-1] == 1


def test_what_was_counted_on_a_date_is_still_counted_after_a_flight_to_the_west_and_back():
    two = game(streak=daily(2))
    here = event(1, at="2026-03-02T16:00:00Z", user=TOKYO)  # the 3rd in Tokyo
    west = event(0, at="2026-03-02T17:00:00Z", user={"tz": "UTC"})  # the 2nd
    assert lengths(two, here, west, event(1, at="2026-03-02T18:00:00Z", user=TOKYO)) == [0, 0, 1]
    assert lengths(two, here, west, event(1, at="2026-03-03T18:00:00Z", user=TOKYO)) == [0, 0, 0]


def test_what_is_counted_is_forgotten_when_no_zone_can_return_to_it():
    decisions = play(game(streak=daily(100)), *days(*range(2, 28)))
    counted = decisions[-1].own.streaks["daily"].changes
    assert counted == {date(2026, 3, day): {"commits": 1} for day in (25, 26, 27)}


# What the answer shows


@pytest.mark.parametrize(
    ("frequency", "week_start", "at", "shown"),
    [
        ("daily", "monday", "2025-04-02", ("2025-04-02", "2025-04-02", "2025-04-03")),
        ("weekly", "sunday", "2025-04-02", ("2025-03-30", "2025-04-05", "2025-04-12")),
        ("weekly", "monday", "2025-04-02", ("2025-03-31", "2025-04-06", "2025-04-13")),
        ("monthly", "monday", "2024-01-31", ("2024-01-01", "2024-01-31", "2024-02-29")),
    ],
)
def test_d1_17_and_19_a_kept_streak_expires_with_the_end_of_the_next_period(
    frequency, week_start, at, shown
):
    definitions = game(streak=daily(frequency=frequency), settings={"weekStart": week_start})
    start, end, expires = shown
    given(definitions).when(event(at=at)).then_streak(
        frequency=frequency, length=1, started=at, periodStart=start, periodEnd=end, expires=expires
    )


def test_d1_18_the_second_day_expires_a_day_later_od_14():
    given(DAILY, *on("2025-04-02")).when(event(at="2025-04-03")).then_streak(
        length=2, started="2025-04-02", periodStart="2025-04-03", expires="2025-04-04"
    )


def test_a_streak_that_is_not_yet_kept_today_expires_today():
    two = game(["commits", "lines"], streak=daily())
    given(two, *days(2)).when(event(1, "2026-03-03", metric="lines")).then_streak(
        length=1, periodStart="2026-03-03", periodEnd="2026-03-03", expires="2026-03-03"
    )


def test_after_a_flight_to_the_west_it_expires_the_day_after_the_last_one_kept():
    # Kept on the 3rd in Tokyo; in UTC it is still the 2nd, and the 4th is the day to keep it.
    here = event(at="2026-03-02T16:00:00Z", user=TOKYO)
    west = event(0, at="2026-03-02T17:00:00Z", user={"tz": "UTC"})
    given(DAILY, here).when(west).then_streak(length=1, expires="2026-03-04")


def test_a_game_that_changes_its_frequency_finds_the_streaks_of_all_three_kept():
    weekly = game(streak=daily(frequency="weekly"))
    given(DAILY, *days(2, 9, 16), weekly).when(event(0, at="2026-03-17")).then_streak(
        frequency="weekly", length=3
    )


@pytest.mark.parametrize(("freezes", "length"), [(0, 0), (1, 1)])
def test_a_missed_day_that_is_not_concluded_yet_shows_unless_there_is_a_freeze(freezes, length):
    # What is asked again is answered by what is in force now: in Kiritimati the 3rd is over.
    fields = {"initialFreezes": freezes, "maxFreezes": freezes}
    own = play(game(streak=daily(**fields)), *days(2), event(0, at="2026-03-03"))[-1].own
    east = game(streak=daily(**fields), settings={"defaultTimeZone": "Pacific/Kiritimati"})
    assert answer_state(own, None, compile_definitions(east, 2)).streak.length == length
