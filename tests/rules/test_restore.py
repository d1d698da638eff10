"""Restoring: the greatest length that was lost within a window, and what comes of it."""

from datetime import date, timedelta

import pytest
from given import (
    daily,
    days,
    event,
    game,
    given,
    identify,
    lengths,
    of_kind,
    on,
    play,
    points,
    prefer,
    restore,
    streak,
)

DAILY = game(streak=daily())
WEEKLY = game(streak=daily(frequency="weekly"))
MONTHLY = game(streak=daily(frequency="monthly"))


def restored(length, period, started, through, **fields):
    """Return the entry of a streak that was given back."""
    return streak("restored", length, period, started, **{**fields, "through": through})


def test_a_lost_streak_is_given_back_up_to_the_day_before():
    story = [*days(2, 3), event(0, at="2026-03-09")]
    given(DAILY, *story).when(restore("2026-03-10")).then(
        restored(2, "2026-03-03", "2026-03-02", "2026-03-09")
    )


def test_a_streak_that_nobody_has_seen_lost_yet_is_lost_first():
    given(DAILY, *days(2, 3)).when(restore("2026-03-10")).then_notified(
        streak("lost", 0, "2026-03-04", None, lost=2),
        restored(2, "2026-03-03", "2026-03-02", "2026-03-09"),
    )


def test_it_goes_on_with_the_current_day():
    assert lengths(DAILY, *days(2, 3), restore("2026-03-10"), *days(10, 11)) == [1, 2, 2, 3, 4]


def test_it_is_lost_again_where_the_current_day_is_missed_and_can_be_restored_again():
    story = [*days(2, 3), restore("2026-03-10"), event(0, at="2026-03-11")]
    assert lengths(DAILY, *story) == [1, 2, 2, 0]
    assert lengths(DAILY, *story, restore("2026-03-11"))[-1] == 2


def test_the_greatest_of_those_that_were_lost_is_given_back():
    # 2, then 3, then 1.
    story = [*days(2, 3, 5, 6, 7, 9), event(0, at="2026-03-20")]
    given(DAILY, *story).when(restore("2026-03-20")).then(
        restored(3, "2026-03-09", "2026-03-05", "2026-03-19")
    )


def test_of_two_that_are_equal_the_later_is_given_back():
    story = [*days(2, 3, 5, 6), event(0, at="2026-03-20")]
    given(DAILY, *story).when(restore("2026-03-20")).then_notified(
        restored(2, "2026-03-06", "2026-03-05", "2026-03-19")
    )


def test_it_takes_the_place_of_a_shorter_one_that_goes_on():
    given(DAILY, *days(2, 3, 4, 6)).when(restore("2026-03-06")).then(
        restored(3, "2026-03-06", "2026-03-02", "2026-03-06")
    )
    assert lengths(DAILY, *days(2, 3, 4, 6), restore("2026-03-06"), *days(6, 7))[-3:] == [3, 3, 4]


@pytest.mark.parametrize(
    "story",
    [
        pytest.param([identify()], id="never had one"),
        pytest.param(days(2, 3, 5, 6), id="none was longer than the one there is"),
        pytest.param(days(2, 3, 5, 6, 7), id="it is longer already"),
        pytest.param([*days(2, 3), restore("2026-03-07")], id="it was given back already"),
    ],
)
def test_where_no_greater_one_was_lost_there_is_nothing_to_restore(story):
    given(DAILY, *story).when(restore("2026-03-07")).then_refused("invalid", "No streak to restore")


def test_what_was_lost_before_a_restored_one_is_no_longer_of_interest():
    story = [*days(2, 3, 4, 6), event(0, at="2026-03-08"), restore("2026-03-08")]
    given(DAILY, *story).when(restore("2026-03-08")).then_refused("invalid", "No streak to restore")


def test_a_streak_is_restored_for_users_who_exist():
    given(DAILY).when(restore()).then_refused("not_found", "User does not exist")


def test_one_who_turned_the_streak_off_has_none_to_restore():
    off = [*days(2, 3), prefer("2026-03-03", enabled=False)]
    given(DAILY, *off).when(restore("2026-03-04")).then_refused("invalid", "No streak to restore")


def test_where_the_game_has_no_streak_there_is_none_to_restore():
    without = game(streak=daily(enabled=False))
    given(DAILY, *days(2, 3), without).when(restore("2026-03-09")).then_refused(
        "invalid", "No streak to restore"
    )


# Windows


@pytest.mark.parametrize(
    ("now", "found"), [("2026-05-31T23:59:59Z", True), ("2026-06-01T00:00:00Z", False)]
)
def test_d1_34_days_are_looked_for_90_days_back(now, found):
    # The 2nd of March is 90 days before the 31st of May.
    story = given(DAILY, *days(2))
    if found:
        story.when(restore(now)).then_streak(length=1)
    else:
        story.when(restore(now)).then_refused("invalid", "No streak to restore")


@pytest.mark.parametrize(
    ("week_start", "day", "found"),
    [
        # The 1st of January 2026 is a Thursday.
        ("monday", "2025-12-29", True),
        ("monday", "2025-12-28", False),
        ("sunday", "2025-12-28", True),
        ("sunday", "2025-12-27", False),
    ],
)
def test_d1_34_weeks_are_looked_for_from_that_of_the_first_of_january(week_start, day, found):
    weekly = game(streak=daily(frequency="weekly"), settings={"weekStart": week_start})
    story = given(weekly, *on(day))
    if found:
        story.when(restore("2026-12-31")).then_streak(length=1)
    else:
        story.when(restore("2026-12-31")).then_refused("invalid", "No streak to restore")


@pytest.mark.parametrize(("day", "found"), [("2025-01-01", True), ("2024-12-31", False)])
def test_d1_34_months_are_looked_for_from_january_of_the_year_before(day, found):
    story = given(MONTHLY, *on(day))
    if found:
        story.when(restore("2026-12-31")).then_streak(length=1)
    else:
        story.when(restore("2026-12-31")).then_refused("invalid", "No streak to restore")


def test_a_longer_one_outside_of_the_window_is_passed_over():
    story = [*on("2026-01-01", "2026-01-02", "2026-03-20"), event(0, at="2026-04-20")]
    assert lengths(DAILY, *story, restore("2026-04-20"))[-1] == 1


def test_what_was_outside_of_the_window_is_not_given_back_on_top_after_a_flight_to_the_west():
    # In Kiritimati it is the 1st of June, in UTC still the 31st of May.
    noon = "2026-05-31T12:00:00Z"
    east, west = identify(noon, tz="Pacific/Kiritimati"), identify(noon, tz="UTC")
    story = [*days(1, 2, 5), event(0, at="2026-05-30"), east]
    assert lengths(DAILY, *story, west, restore(noon))[-1] == 2
    given(DAILY, *story, restore(noon), west).when(restore(noon)).then_refused(
        "invalid", "No streak to restore"
    )


# What else


def test_the_other_frequencies_are_given_back_with_it_and_nobody_is_told():
    found = of_kind("streak", play(DAILY, *days(2), restore("2026-05-10"))[-1])
    assert [
        (it.frequency, it.length, it.through.isoformat(), it.quiet)
        for it in found
        if it.change == "restored"
    ] == [
        ("daily", 1, "2026-05-09", False),
        ("weekly", 1, "2026-04-27", True),
        ("monthly", 1, "2026-04-01", True),
    ]


def test_others_alone_are_not_given_back():
    given(WEEKLY, *days(2)).when(restore("2026-03-10")).then_refused(
        "invalid", "No streak to restore"
    )


def test_it_awards_nothing_and_completes_nothing():
    rich = game(
        user=["team"],
        streak=daily(),
        achievements=[{"key": "two", "streakLength": 2, "userAttributes": {"team": "red"}}],
        points={"xp": {"triggers": [{"streakLength": 2, "points": 5}]}},
    )
    red = identify("2026-03-03", attributes={"team": "red"})
    given(rich, *days(2, 3), red).when(restore("2026-03-10")).then_notified(
        streak("lost", 0, "2026-03-04", None, lost=2),
        restored(2, "2026-03-03", "2026-03-02", "2026-03-09"),
    )


def test_the_day_after_it_awards_for_the_length_that_goes_on():
    three = game(streak=daily(), points={"xp": {"triggers": [{"streakLength": 3, "points": 5}]}})
    story = [*days(2, 3), restore("2026-03-10")]
    given(three, *story).when(event(at="2026-03-10")).then_of("points", points(5, 5))


def test_it_is_due_to_be_kept_until_the_day_is_over():
    given(DAILY, *days(2, 3)).when(restore("2026-03-10")).then_due("2026-03-11T00:00:00Z")


def test_of_the_lost_ones_as_many_are_remembered_as_a_window_can_hold():
    # Ever shorter ones: 26 days, 25 days, ...
    dates, day = [], date(2024, 1, 1)
    for length in range(26, 0, -1):
        dates += [(day + timedelta(days=it)).isoformat() for it in range(length)]
        day += timedelta(days=length + 1)
    decided = play(DAILY, *on(*dates), event(0, at="2026-01-01"))[-1]
    past = decided.own.streaks["daily"].past
    assert [it.length for it in past] == list(range(24, 0, -1))
