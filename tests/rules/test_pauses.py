"""Pauses: dates in which a streak is kept without activity, and which of them can be had."""

import time
from datetime import date

import pytest
from given import (
    daily,
    days,
    due,
    event,
    freeze,
    game,
    given,
    identify,
    kind_of,
    lengths,
    of_kind,
    pause,
    pauses,
    play,
    prefer,
    streak,
    unpause,
)

from schemas.entries import Pause
from schemas.streak_state import unpaused

DAILY = game(streak=daily())
FROZEN = game(streak=daily(initialFreezes=1, maxFreezes=3))


def paused(length, period, since=None, *, frequency="daily", started="2026-03-02"):
    """Return the entry of paused periods, of which nobody is notified."""
    return streak(
        "paused", length, period, started, frequency=frequency, quiet=True, since=since or period
    )


def march(first, last, *, at="2026-03-02", **fields):
    """Return a pause within March 2026."""
    return pause(f"2026-03-{first:02}", f"2026-03-{last:02}", at, **fields)


# Asked for


def test_a_pause_is_noted_with_those_that_there_are_by_date():
    first = march(9, 10, id="a")
    given(DAILY, identify(), first).when(march(4, 5, id="b")).then(
        pauses(
            "added", ("b", "2026-03-04", "2026-03-05"), ("a", "2026-03-09", "2026-03-10"), id="b"
        )
    )


def test_pauses_may_overlap_and_those_of_equal_dates_are_in_the_order_of_their_ids():
    story = [march(4, 9, id="c"), march(4, 5, id="b"), march(4, 5, id="a")]
    given(DAILY, identify(), *story).when(unpause(id="x")).then_nothing()
    decided = play(DAILY, identify(), *story)[-1]
    assert [it.id for it in decided.own.pauses] == ["a", "b", "c"]


def test_a_pause_may_begin_today_but_not_before():
    given(DAILY, identify()).when(march(2, 2)).then(
        pauses("added", ("p", "2026-03-02", "2026-03-02"))
    )
    given(DAILY, identify()).when(march(1, 9)).then_refused(
        "invalid", "start must not lie before the user's today, 2026-03-02"
    )


def test_today_is_the_users_own():
    tokyo = identify("2026-03-02T16:00:00Z", tz="Asia/Tokyo")  # the 3rd
    late = march(2, 9, at="2026-03-02T16:00:00Z")
    given(DAILY, tokyo).when(late).then_refused("invalid", "2026-03-03")
    given(DAILY, tokyo).when(march(3, 3, at="2026-03-02T16:00:00Z")).then_of(
        "pauses", pauses("added", ("p", "2026-03-03", "2026-03-03"))
    )


def test_a_pause_does_not_end_before_it_begins():
    given(DAILY, identify()).when(march(5, 4)).then_refused(
        "invalid", "end must not lie before start"
    )


def test_the_same_pause_again_is_nothing_to_do():
    given(DAILY, identify(), march(4, 5)).when(march(4, 5)).then_nothing()


def test_a_pause_is_for_users_who_exist():
    given(DAILY).when(march(4, 5)).then_refused("not_found", "User does not exist")
    given(DAILY).when(unpause()).then_refused("not_found", "User does not exist")


def test_a_user_may_have_a_hundred_pauses_that_are_not_over():
    many = [march(4, 5, id=f"p{number}") for number in range(100)]
    given(DAILY, identify(), *many[:99]).when(many[99]).then_state(time="2026-03-02T12:00:00Z")
    given(DAILY, identify(), *many).when(march(9, 9, id="more")).then_refused("invalid", "100")
    # Those of March are over when April is, too: no period that is open has a date of theirs.
    later = pause("2026-05-04", "2026-05-05", "2026-05-01", id="more")
    given(DAILY, identify(), *many).when(later).then_of(
        "pauses", pauses("added", ("more", "2026-05-04", "2026-05-05"), id="more")
    )


def test_pauses_are_forgotten_when_the_month_after_theirs_is_over():
    story = [pause(day, day, "2026-03-02", id=day) for day in ("2026-03-31", "2026-04-01")]
    decided = play(DAILY, identify(), *story, pause("2026-05-09", "2026-05-09", "2026-05-02"))[-1]
    assert [it.start.isoformat() for it in decided.own.pauses] == ["2026-04-01", "2026-05-09"]


def test_a_pause_can_be_taken_back_once():
    both = [march(4, 5), march(9, 9, id="q")]
    given(DAILY, identify(), *both).when(unpause()).then(
        pauses("removed", ("q", "2026-03-09", "2026-03-09"))
    )
    given(DAILY, identify(), *both, unpause()).when(unpause()).then_nothing()


# What they keep


def test_a_paused_day_keeps_the_streak_and_its_length():
    given(DAILY, *days(2), march(3, 4)).when(event(0, at="2026-03-05")).then_of(
        "streak", paused(1, "2026-03-04", "2026-03-03")
    )


def test_the_day_after_the_pause_extends_it():
    assert lengths(DAILY, *days(2), march(3, 4), *days(5)) == [1, 1, 2]


def test_the_day_after_the_pause_is_to_be_kept_again():
    given(DAILY, *days(2), march(3, 4)).when(due("2026-03-06T00:00:00Z")).then_of(
        "streak",
        paused(1, "2026-03-04", "2026-03-03"),
        streak("lost", 0, "2026-03-05", None, lost=1),
    )


def test_what_is_done_in_a_pause_extends_the_streak_all_the_same():
    assert lengths(DAILY, *days(2), march(3, 5), *days(4, 6)) == [1, 1, 2, 3]


def test_a_day_that_was_kept_is_not_told_as_paused():
    given(DAILY, *days(2), march(3, 5), *days(4)).when(event(0, at="2026-03-06")).then_of(
        "streak", paused(2, "2026-03-05")
    )


def test_a_pause_is_better_than_a_freeze():
    given(FROZEN, *days(2), march(3, 3)).when(event(0, at="2026-03-05")).then_of(
        "streak",
        paused(1, "2026-03-03"),
        streak("frozen", 1, "2026-03-04", "2026-03-02", since="2026-03-04", consumed=1, freezes=0),
    )


def test_frozen_paused_and_frozen_again_are_three_entries():
    story = [*days(2), freeze("2026-03-02"), march(4, 4)]
    decided = play(FROZEN, *story, event(0, at="2026-03-06"))[-1]
    assert [
        (it.change, it.since.isoformat(), it.period.isoformat(), it.freezes)
        for it in of_kind("streak", decided)
    ] == [
        ("frozen", "2026-03-03", "2026-03-03", 1),
        ("paused", "2026-03-04", "2026-03-04", None),
        ("frozen", "2026-03-05", "2026-03-05", 0),
    ]


def test_a_pause_of_one_day_keeps_the_whole_week_and_the_whole_month():
    april = pause("2026-04-15", "2026-04-15", "2026-03-02")
    kept = play(DAILY, *days(2), april, event(0, at="2026-05-01"))[-1].entries
    assert [(it.frequency, it.change) for it in kept if kind_of(it) == "streak"] == [
        ("daily", "lost"),
        ("weekly", "lost"),
        ("monthly", "paused"),
    ]
    wednesday = march(11, 11)
    kept = play(DAILY, *days(2), wednesday, event(0, at="2026-03-16"))[-1].entries
    assert [(it.frequency, it.change) for it in kept if kind_of(it) == "streak"] == [
        ("daily", "lost"),
        ("weekly", "paused"),
    ]


@pytest.mark.parametrize(("first", "last"), [(9, 9), (15, 15), (3, 9), (15, 20), (3, 20)])
def test_any_date_in_common_is_enough(first, last):
    weekly = game(streak=daily(frequency="weekly"))
    assert lengths(weekly, *days(2), march(first, last), *days(16))[-1] == 2


@pytest.mark.parametrize(("first", "last"), [(3, 8), (16, 20)])
def test_a_pause_beside_the_week_keeps_it_not(first, last):
    weekly = game(streak=daily(frequency="weekly"))
    assert lengths(weekly, *days(2), march(first, last), *days(16))[-1] == 1


def test_a_pause_that_was_taken_back_keeps_nothing():
    assert lengths(DAILY, *days(2), march(3, 4), unpause(), event(0, at="2026-03-04"))[-1] == 0


def test_what_was_kept_stays_kept_when_the_pause_is_taken_back_later():
    story = [*days(2), march(3, 9), unpause("2026-03-05T12:00:00Z")]
    assert lengths(DAILY, *story, *days(5))[-1] == 2


def test_a_pause_revives_nothing():
    assert lengths(DAILY, *days(2), march(5, 9, at="2026-03-05"), event(0, at="2026-03-05")) == [
        1,
        0,
        0,
    ]


# What the answer shows


@pytest.mark.parametrize(
    ("spans", "expires"),
    [
        ([(3, 3)], "2026-03-04"),
        ([(3, 6)], "2026-03-07"),
        ([(3, 4), (4, 6)], "2026-03-07"),
        ([(3, 4), (6, 6)], "2026-03-05"),
        ([(4, 6)], "2026-03-03"),
        ([(2, 4)], "2026-03-05"),
    ],
)
def test_expires_skips_the_days_that_are_paused(spans, expires):
    asked = [march(first, last, id=f"p{first}") for first, last in spans]
    given(DAILY, identify(), *asked).when(event()).then_streak(length=1, expires=expires)


def test_on_a_paused_day_the_streak_expires_after_the_pause():
    given(DAILY, *days(2), march(3, 5)).when(event(0, at="2026-03-04")).then_streak(
        length=1, periodStart="2026-03-04", expires="2026-03-06"
    )


@pytest.mark.parametrize(
    ("frequency", "expires"),
    [("daily", "9000-01-01"), ("weekly", "9000-01-12"), ("monthly", "9000-01-31")],
)
def test_a_pause_until_the_end_of_time_is_passed_at_once(frequency, expires):
    began = time.monotonic()
    pauses_asked = [pause("2026-03-02", f"{year}-12-31", id=str(year)) for year in (8998, 8999)]
    rules = game(streak=daily(frequency=frequency))
    given(rules, identify(), *pauses_asked).when(event()).then_streak(length=1, expires=expires)
    # Period by period it would take ten seconds and more.
    assert time.monotonic() - began < 1


def test_a_pause_that_was_recorded_before_dates_had_bounds_ends_with_them():
    recorded = [Pause("p", date(2026, 3, 3), date.max), Pause("q", date.max, date.max)]
    assert unpaused(recorded, date(2026, 3, 3), "daily", "Europe/Berlin") == date(9000, 1, 1)
    assert unpaused(recorded, date(2026, 3, 2), "weekly", "Europe/Berlin") == date(9000, 1, 6)
    assert unpaused(recorded, date(2026, 3, 1), "monthly", "Europe/Berlin") == date(9000, 1, 1)


def test_a_paused_week_is_skipped_as_a_whole():
    weekly = game(streak=daily(frequency="weekly"))
    given(weekly, identify(), march(11, 11)).when(event()).then_streak(expires="2026-03-22")


# When time goes on


def test_time_goes_on_with_the_end_of_every_paused_day():
    given(DAILY, *days(2), march(3, 5)).when(due("2026-03-04T00:00:00Z")).then_due(
        "2026-03-05T00:00:00Z"
    )


def test_a_pause_and_its_end_say_when_time_goes_on_by_the_definitions_now_in_force():
    monthly = game(streak=daily(frequency="monthly"))
    midnight = "2026-03-04T00:00:00Z"
    given(monthly, *days(2), DAILY).when(march(3, 4)).then_due(midnight)
    given(monthly, *days(2), march(3, 4), DAILY).when(unpause()).then_due(midnight)


def test_one_whose_streak_is_turned_off_may_be_paused_all_the_same():
    given(DAILY, *days(2), prefer(enabled=False)).when(march(3, 4)).then(
        pauses("added", ("p", "2026-03-03", "2026-03-04"))
    )
