"""Time triggers: points for every interval that goes by, tick by tick, whoever is awake."""

import pytest
from given import (
    Newer,
    created,
    due,
    due_at,
    event,
    every,
    freezes,
    gained,
    game,
    given,
    identify,
    in_words,
    kind_of,
    level,
    play,
    points,
    total,
)

# The story begins at noon of the 2nd of March.
THREE_HOURS = "2026-03-02T15:00:00Z"


def xp(*triggers, **fields):
    """Return a game with one system of these triggers."""
    system = {"triggers": triggers, **fields}
    return game(["commits"], user=["team"], points={"xp": system})


HOURLY = xp(every(10, hours=3))


def tick(awarded, after, at, trigger="t0", **fields):
    """Return the entry of one tick, or of several equal ones, the last of which was at `at`."""
    return points(awarded, after, trigger, at=at, **fields)


# When


def test_nothing_is_awarded_before_the_interval_is_over():
    given(HOURLY).when(identify()).then(created())
    given(HOURLY, identify()).when(event(at="2026-03-02T14:59:59Z")).then(total(1, 1))


def test_a_tick_is_awarded_at_the_very_instant():
    given(HOURLY, identify()).when(due(THREE_HOURS)).then(tick(10, 10, THREE_HOURS))


def test_any_input_awards_what_fell_due_before_it_and_before_all_else():
    given(HOURLY, identify()).when(event(at="2026-03-02T16:00:00Z")).then(
        tick(10, 10, THREE_HOURS), total(1, 1)
    )


def test_it_is_due_at_the_next_multiple_of_the_interval():
    given(HOURLY).when(identify()).then_due(THREE_HOURS)
    given(HOURLY, identify()).when(due(THREE_HOURS)).then_due("2026-03-02T18:00:00Z")
    given(HOURLY, identify()).when(due(THREE_HOURS)).then_of("due", due_at("2026-03-02T18:00:00Z"))


def test_an_event_within_the_interval_says_nothing_new_of_when_it_is_due():
    given(HOURLY, identify()).when(event(at="2026-03-02T14:00:00Z")).then_of("due")


@pytest.mark.parametrize(
    ("interval", "at"),
    [
        ({"hours": 1}, "2026-03-02T13:00:00Z"),
        ({"hours": 36}, "2026-03-04T00:00:00Z"),
        ({"days": 1}, "2026-03-03T12:00:00Z"),
        ({"days": 30}, "2026-04-01T12:00:00Z"),
    ],
)
def test_hours_and_days_are_exact_from_when_the_user_came_to_be(interval, at):
    given(xp(every(1, **interval))).when(identify()).then_due(at)


def test_a_day_is_24_hours_also_where_the_clocks_change():
    # In Berlin the 29th of March 2026 has 23 hours: what was 13 o'clock is 14.
    berlin = identify("2026-03-28T12:00:00Z", tz="Europe/Berlin")
    given(xp(every(1, days=1))).when(berlin).then_due("2026-03-29T12:00:00Z")


def test_ticks_count_from_the_activation_of_the_trigger_where_that_is_later():
    later = given(HOURLY, identify(), founded="2026-03-02T13:00:00Z")
    later.when(due("2026-03-02T15:59:59Z")).then_nothing()
    later.when(event(0, at="2026-03-02T15:59:59Z")).then(total(0, 0))
    later.when(event(0, at="2026-03-02T16:00:00Z")).then_of(
        "points", tick(10, 10, "2026-03-02T16:00:00Z")
    )


def test_a_trigger_that_is_activated_later_awards_nothing_for_the_time_before():
    asleep = xp({**every(10, hours=3), "status": "inactive"})
    awake = Newer(HOURLY, "2026-03-03T12:00:00Z")
    story = [identify(), event(0, at="2026-03-03T11:00:00Z"), awake]
    given(asleep, *story).when(event(0, at="2026-03-03T16:00:00Z")).then_of(
        "points", tick(10, 10, "2026-03-03T15:00:00Z")
    )


def test_a_trigger_that_is_not_active_awards_nothing():
    asleep = xp({**every(10, hours=3), "status": "inactive"})
    given(asleep).when(identify()).then_due(None)
    given(asleep, identify()).when(event(0, at="2026-03-09")).then_of("points")


def test_a_late_event_brings_no_ticks_again():
    awake = [identify(), due(THREE_HOURS)]
    late = event(at="2026-03-02T14:00:00Z", appended="2026-03-02T16:00:00Z")
    given(HOURLY, *awake).when(late).then(total(1, 1))


def test_a_user_who_comes_to_be_by_a_late_event_ticks_from_then_on():
    late = event(at="2026-03-01T12:00:00Z", appended="2026-03-02T12:00:00Z")
    given(HOURLY).when(late).then_due("2026-03-01T15:00:00Z")


# Runs


def test_equal_ticks_are_one_entry_with_a_count_and_the_instant_of_the_last():
    given(HOURLY, identify()).when(due("2026-03-02T23:00:00Z")).then(
        tick(30, 30, "2026-03-02T21:00:00Z", count=3)
    )


def test_the_last_tick_before_the_cap_is_an_entry_of_its_own_and_then_there_is_none():
    given(xp(every(10, hours=3), maxPoints=25), identify()).when(due("2026-03-09")).then(
        tick(20, 20, "2026-03-02T18:00:00Z", count=2), tick(5, 25, "2026-03-02T21:00:00Z")
    )


def test_at_the_cap_time_goes_on_without_entries():
    capped = xp(every(10, hours=3), maxPoints=10)
    given(capped, identify(), due(THREE_HOURS)).when(due("2026-03-02T18:00:00Z")).then()
    given(capped, identify(), due(THREE_HOURS)).when(due("2026-03-02T18:00:00Z")).then_due(
        "2026-03-02T21:00:00Z"
    )


def test_a_deduction_ticks_down_to_zero():
    costly = xp({"points": 25}, every(-10, hours=3))
    given(costly, identify()).when(due("2026-03-09")).then(
        tick(-20, 5, "2026-03-02T18:00:00Z", "t1", count=2),
        tick(-5, 0, "2026-03-02T21:00:00Z", "t1"),
    )


def test_two_triggers_tick_in_the_order_of_time_and_then_of_the_file():
    two = xp(every(1, hours=4), every(5, hours=2))
    given(two, identify()).when(due("2026-03-02T20:00:00Z")).then(
        tick(5, 5, "2026-03-02T14:00:00Z", "t1"),
        tick(1, 6, "2026-03-02T16:00:00Z"),
        tick(10, 16, "2026-03-02T18:00:00Z", "t1", count=2),
        tick(1, 17, "2026-03-02T20:00:00Z"),
        tick(5, 22, "2026-03-02T20:00:00Z", "t1"),
    )


def test_systems_tick_one_after_the_other_in_the_order_of_the_file():
    two = game(
        points={
            "b": {"triggers": [every(1, hours=3)]},
            "a": {"triggers": [every(2, hours=2)]},
        }
    )
    given(two, identify()).when(due("2026-03-02T16:00:00Z")).then(
        tick(1, 1, THREE_HOURS, system="b"),
        tick(4, 4, "2026-03-02T16:00:00Z", system="a", count=2),
    )
    given(two).when(identify()).then_due("2026-03-02T14:00:00Z")


def test_ticks_within_a_boost_are_a_run_of_their_own():
    boosts = [{"start": "2026-03-03", "end": "2026-03-03", "multiplier": 2}]
    given(xp(every(10, hours=8), boosts=boosts), identify()).when(due("2026-03-04T12:00:00Z")).then(
        tick(10, 10, "2026-03-02T20:00:00Z"),
        tick(60, 70, "2026-03-03T20:00:00Z", count=3, boosts=["b0"]),
        tick(20, 90, "2026-03-04T12:00:00Z", count=2),
    )


def test_a_tick_that_is_boosted_by_others_is_a_run_of_its_own_though_it_awards_the_same():
    boosts = [
        {"start": "2026-03-03", "end": "2026-03-03", "multiplier": 2},
        {"start": "2026-03-04", "end": "2026-03-04", "multiplier": 2},
    ]
    given(xp(every(10, days=1), boosts=boosts), identify()).when(due("2026-03-04")).then(
        tick(20, 20, "2026-03-03T12:00:00Z", boosts=["b0"]),
        tick(20, 40, "2026-03-04T12:00:00Z", boosts=["b1"]),
    )


def test_a_deducting_tick_is_not_boosted():
    boosts = [{"start": "2026-03-01", "multiplier": 2}]
    costly = xp(every(-10, hours=3), boosts=boosts)
    given(costly, points(50, 50)).when(event(0)).then_of("points")
    given(costly, identify(), points(50, 50)).when(due(THREE_HOURS)).then(
        tick(-10, 40, THREE_HOURS)
    )


def test_a_level_that_time_brings_is_told():
    ladder = xp(every(10, hours=3), levels={"silver": 20})
    given(ladder, identify()).when(due("2026-03-02T18:00:00Z")).then(
        tick(20, 20, "2026-03-02T18:00:00Z", count=2), level(None, "silver", 20)
    )


# For whom


def test_a_tick_is_for_users_with_its_attributes_as_they_were_until_then():
    red = xp({**every(10, hours=3), "userAttributes": {"team": "red"}})
    joins = identify("2026-03-02T16:00:00Z", attributes={"team": "red"})
    leaves = identify("2026-03-02T19:00:00Z", attributes={"team": ""})
    story = [identify(), joins, leaves, event(0, at="2026-03-03")]
    assert gained(red, *story) == [0, 0, 10, 0]


def test_who_gets_the_attribute_is_due_from_then_on():
    red = xp({**every(10, hours=3), "userAttributes": {"team": "red"}})
    given(red).when(identify()).then_due(None)
    given(red, identify()).when(
        identify("2026-03-02T16:00:00Z", attributes={"team": "red"})
    ).then_due("2026-03-02T18:00:00Z")


# Much at once


def test_a_week_without_the_clock_awards_what_a_punctual_one_would_have():
    punctual = [due(f"2026-03-{day:02}T{hour:02}:00:00Z")
                for day in range(3, 10) for hour in range(0, 24, 3)]  # fmt: skip
    once = play(HOURLY, identify(), due("2026-03-09T21:00:00Z"))[-1].own
    often = play(HOURLY, identify(), due("2026-03-02T21:00:00Z"), *punctual)[-1].own
    assert once == often
    assert in_words(once)["points"] == {"xp": 10 * 59}


def test_what_never_runs_evenly_is_bounded_by_a_thousand_runs():
    uneven = xp(every(2, hours=1), every(-1, hours=1))
    decided = play(uneven, identify(), due("2026-06-01T12:00:00Z"))[-1]
    ticks = [it for it in decided.entries if kind_of(it) == "points"]
    hours = 91 * 24
    assert len(ticks) == 1000
    assert sum(it.awarded for it in ticks) == ticks[-1].total == hours
    assert sum(it.count or 1 for it in ticks) == 2 * hours


def test_what_is_beyond_the_bound_and_comes_to_nothing_is_no_entry():
    # The tick of the 20th day has the thousandth run begin with an award that the next takes away.
    even = xp({"points": 5}, every(1, hours=1), every(-1, hours=1), every(7, days=20))
    decided = play(even, identify(), due("2026-03-24T12:00:00Z"))[-1]
    ticks = [it for it in decided.entries if kind_of(it) == "points"]
    assert len(ticks) == 999
    assert sum(it.awarded for it in ticks) == 7
    assert in_words(decided.own)["points"] == {"xp": 12}


def test_time_does_not_only_tick():
    full = game(
        streak={"maxFreezes": 1, "freezeAutoEarnInterval": 1, "freezeAutoEarnAmount": 1},
        points={"xp": {"triggers": [every(10, hours=3)]}},
    )
    given(full, identify()).when(due("2026-03-03T00:00:00Z")).then(
        freezes("earned", 1, 1, "2026-03-03"), tick(40, 40, "2026-03-03T00:00:00Z", count=4)
    )
