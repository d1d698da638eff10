"""Corrections: an event of the past counts with another value; what was told stays told."""

import pytest
from given import (
    achievement,
    complete,
    correct,
    corrected,
    daily,
    days,
    event,
    every,
    gained,
    game,
    given,
    identify,
    in_words,
    lengths,
    level,
    of_kind,
    per,
    play,
    points,
    streak,
    total,
)

FIVES = game(points={"xp": per(5, 10)})


def back(awarded, after, trigger="t0", **fields):
    """Return the entry of points that a correction gives or takes."""
    return points(awarded, after, trigger, reason="because", **fields)


def lower(to):
    """Return the highest value of a total that a correction lowers."""
    return {"peaks": {"commits": str(to)}}


# What is corrected


def test_an_event_gets_another_value_and_the_total_follows():
    sent = event(3)
    given(game(), sent, event(4)).when(correct(5, sent)).then(corrected(3, 5), total(2, 9))


def test_an_event_is_reversed():
    sent = event(3)
    given(game(), sent, event(4)).when(correct(None, sent)).then(
        corrected(3, 0), total(-3, 4, **lower(to=4))
    )


def test_it_counts_on_the_date_of_the_event():
    sent = event(3, at="2026-02-27")
    given(game(), sent, event(4)).when(correct(5, sent, "2026-03-05")).then(
        corrected(3, 5), total(2, 9, day="2026-02-27")
    )
    tokyo = event(3, at="2026-02-27T16:00:00Z", user={"tz": "Asia/Tokyo"})
    given(game(), tokyo).when(correct(5, tokyo)).then(
        corrected(3, 5), total(2, 5, day="2026-02-28")
    )


def test_a_second_correction_starts_from_the_first():
    sent = event(3)
    story = [sent, correct(5, sent)]
    given(game(), *story).when(correct(4, sent)).then(corrected(5, 4), total(-1, 4, **lower(to=4)))
    given(game(), *story).when(correct(None, sent)).then(
        corrected(5, 0), total(-5, 0, **lower(to=0))
    )
    given(game(), *story, correct(None, sent)).when(correct(3, sent)).then(
        corrected(0, 3), total(3, 3)
    )


def test_the_value_that_it_has_already_is_nothing_to_do():
    sent = event(3)
    given(game(), sent).when(correct(3, sent)).then_nothing()
    given(game(), sent, correct(5, sent)).when(correct(5, sent)).then_nothing()
    given(game(), sent, correct(None, sent)).when(correct(None, sent)).then_nothing()
    given(game(), sent, correct(None, sent)).when(correct(0, sent)).then_nothing()


def test_two_events_are_corrected_independently():
    one, two = event(3), event(3)
    story = [one, two, correct(5, one, event="0-0-1")]
    given(game(), *story).when(correct(5, two, event="0-0-2")).then(
        corrected(3, 5, event="0-0-2"), total(2, 10)
    )


def test_values_are_exact():
    sent = event(0.1)
    given(game(), sent, event(0.2)).when(correct(0.4, sent)).then(
        corrected("0.1", "0.4"), total("0.3", "0.6")
    )


def test_a_metric_that_is_gone_cannot_be_corrected():
    sent = event(3, metric="lines")
    given(game(["commits", "lines"]), sent, game()).when(correct(5, sent)).then_refused(
        "not_found", "there is no metric 'lines' any more"
    )


def test_a_user_must_be_there():
    given(game()).when(correct(5, event(3))).then_refused("not_found", "User does not exist")


def test_subtotals_that_the_event_matched_follow():
    merges = game(
        event=["kind"],
        points={"xp": {"triggers": [
            {"metricThreshold": 9, "points": 1, "eventAttributes": {"kind": "merge"}},
            {"metricThreshold": 9, "points": 1, "eventAttributes": {"kind": "fix"}},
        ]}},
    )  # fmt: skip
    sent = event(3, attributes={"kind": "merge"})
    given(merges, sent, event(4, attributes={"kind": "fix"})).when(correct(5, sent)).then(
        corrected(3, 5), total(2, 9, subtotals={"kind=merge": "5"})
    )


def test_the_users_time_is_that_of_the_correction():
    sent = event(3)
    given(game(streak=daily()), sent).when(correct(5, sent, "2026-03-09")).then_notified(
        streak("lost", 0, "2026-03-03", None, lost=1)
    )


# More


def test_more_awards_what_the_event_would_have():
    sent = event(3)
    given(FIVES, sent).when(correct(10, sent)).then(corrected(3, 10), total(7, 10), back(20, 20))


def test_more_below_the_highest_value_so_far_awards_nothing():
    story = [event(9), event(-9), event(3)]
    given(FIVES, *story).when(correct(8, story[2])).then(corrected(3, 8), total(5, 8))
    given(FIVES, *story).when(correct(10, story[2])).then(
        corrected(3, 10), total(7, 10), back(10, 20)
    )


def test_taking_back_less_of_a_fall_is_more_too():
    fall = event(-5)
    given(FIVES, event(5), fall, event(5)).when(correct(None, fall)).then(
        corrected(-5, 0), total(5, 10), back(10, 20)
    )


def test_more_completes_achievements_and_what_follows_from_them():
    prize = game(
        achievements=[
            {"key": "five", "metricValue": 5},
            {"key": "all", "achievements": ["five", "tour"]},
            {"key": "tour"},
        ],
        points={"xp": {"triggers": [{"achievement": "all", "points": 50}], "levels": {"gold": 50}}},
    )
    sent = event(3)
    given(prize, sent, complete("tour")).when(correct(5, sent)).then(
        corrected(3, 5),
        total(2, 5),
        achievement("five"),
        achievement("all"),
        back(50, 50),
        level(None, "gold", 50),
    )


def test_a_little_more_is_more():
    five = game(achievements=[{"key": "five", "metricValue": 5}])
    sent = event(4.5)
    given(five, sent).when(correct(5, sent)).then_of("achievement", achievement("five"))
    given(FIVES, sent).when(correct(5, sent)).then_of("points", back(10, 10))


def test_more_of_an_event_that_does_not_match_completes_nothing():
    merges = game(
        event=["kind"],
        achievements=[{"key": "five", "metricValue": 5, "eventAttributes": {"kind": "merge"}}],
    )
    sent = event(3, attributes={"kind": "fix"})
    given(merges, sent).when(correct(9, sent)).then_of("achievement")


def test_more_is_boosted_by_what_was_in_force_on_the_date_of_the_event():
    boosts = [{"start": "2026-03-02", "end": "2026-03-02", "multiplier": 2}]
    doubled = game(points={"xp": {**per(5, 10), "boosts": boosts}})
    sent = event(3, at="2026-03-02")
    given(doubled, sent).when(correct(5, sent, "2026-03-09")).then_of(
        "points", back(20, 20, boosts=["b0"])
    )
    other = event(3, at="2026-03-09")
    given(doubled, other).when(correct(5, other, "2026-03-09")).then_of("points", back(10, 10))


def test_more_that_costs_points_takes_what_there_is_and_is_never_blocked():
    costly = game(
        points={
            "xp": {"triggers": [{"metricThreshold": 5, "points": -10, "blockIfOutOfPoints": True}]}
        }
    )
    sent = event(3)
    given(costly, sent, points(4, 4)).when(correct(5, sent)).then_of("points", back(-4, 0))


# Less


def test_less_takes_back_what_is_no_longer_reached():
    sent = event(12)
    given(FIVES, sent).when(correct(9, sent)).then(
        corrected(12, 9), total(-3, 9, **lower(to=9)), back(-10, 10)
    )
    given(FIVES, sent).when(correct(10, sent)).then(
        corrected(12, 10), total(-2, 10, **lower(to=10))
    )
    given(FIVES, sent).when(correct(None, sent)).then(
        corrected(12, 0), total(-12, 0, **lower(to=0)), back(-20, 0)
    )


@pytest.mark.parametrize(
    ("values", "which", "to", "peak"),
    [
        ([5, 5], 0, 0, 5),
        ([5, 5], 0, 2, 7),
        ([5, -5, 5], 0, 0, 0),
        ([5, -3, 2], 0, 0, 0),
        ([9, -2, 1], 2, 0, 8),
        ([9, -2, 1], 1, -4, 7),
        ([9, -2, 1], 1, -9, 2),
        ([-4, 6], 1, 0, 0),
    ],
)
def test_the_highest_value_goes_down_as_far_but_not_below_the_total_or_zero(
    values, which, to, peak
):
    story = [event(value) for value in values]
    last = play(FIVES, *story, correct(to, story[which]))[-1]
    assert in_words(last.own)["series"]["commits"][1] == str(peak)


def test_what_was_taken_back_can_be_earned_again():
    sent = event(5)
    assert gained(FIVES, sent, correct(None, sent), event(5)) == [10, -10, 10]
    assert gained(FIVES, sent, correct(None, sent), correct(5, sent)) == [10, -10, 10]


def test_back_and_forth_comes_to_the_same_as_the_last_value_alone():
    sent = event(12)
    there = play(FIVES, sent, correct(4, sent), correct(26, sent), correct(7, sent))[-1]
    straight = play(FIVES, event(7))[-1]
    assert in_words(there.own)["points"] == in_words(straight.own)["points"] == {"xp": 10}
    assert there.own.series == straight.own.series


def test_what_has_been_spent_cannot_be_taken_back():
    spending = game(
        ["commits", "lines"],
        points={
            "xp": {
                "triggers": [
                    {"metricThreshold": 5, "points": 10},
                    {"metricThreshold": 1, "points": -7, "metric": "lines"},
                ]
            }
        },
    )
    sent = event(5)
    given(spending, sent, event(metric="lines")).when(correct(None, sent)).then_of(
        "points", back(-3, 0)
    )


def test_every_trigger_takes_back_its_own_in_the_order_of_the_file():
    two = game(
        points={
            "xp": {
                "triggers": [
                    {"metricThreshold": 5, "points": 10},
                    {"metricThreshold": 3, "points": 1},
                ]
            },
            "care": per(4, 2),
        }
    )
    sent = event(12)
    given(two, sent).when(correct(5, sent)).then_of(
        "points", back(-10, 14), back(-3, 11, "t1"), back(-4, 2, system="care")
    )


def test_a_deduction_that_was_not_due_is_given_back_as_far_as_the_cap_lets_it():
    costly = game(
        points={"xp": {"triggers": [{"metricThreshold": 5, "points": -10}], "maxPoints": 45}}
    )
    sent = event(12)
    given(costly, points(40, 40), sent).when(correct(9, sent)).then_of("points", back(10, 30))
    given(costly, points(40, 40), sent).when(correct(None, sent)).then_of("points", back(20, 40))
    given(costly, points(40, 40), sent, points(18, 38)).when(correct(None, sent)).then_of(
        "points", back(7, 45)
    )


def test_what_is_taken_back_was_boosted():
    boosts = [{"start": "2026-03-02", "end": "2026-03-02", "multiplier": 2}]
    doubled = game(points={"xp": {**per(5, 10), "boosts": boosts}})
    sent, other = event(5, at="2026-03-02"), event(5, at="2026-03-09")
    given(doubled, sent, other).when(correct(None, sent, "2026-03-09")).then_of(
        "points", back(-20, 10)
    )
    given(doubled, sent, other).when(correct(None, other, "2026-03-09")).then_of(
        "points", back(-10, 20)
    )


def test_a_single_point_that_is_taken_back_was_boosted_too():
    boosts = [{"start": "2026-03-01", "multiplier": 2}]
    doubled = game(points={"xp": {**per(5, 1), "boosts": boosts}})
    sent = event(5)
    given(doubled, sent).when(correct(None, sent)).then_of("points", back(-2, 0))


def test_a_deduction_that_is_given_back_was_not_boosted():
    boosts = [{"start": "2026-03-01", "multiplier": 2}]
    costly = game(points={"xp": {**per(5, -10), "boosts": boosts}})
    sent = event(5)
    given(costly, points(40, 40), sent).when(correct(None, sent)).then_of("points", back(10, 40))


def test_only_triggers_that_the_event_matched_and_that_are_for_the_user_take_back():
    some = game(
        ["commits", "lines"],
        event=["kind"],
        user=["team"],
        points={"xp": {"triggers": [
            {"metricThreshold": 1, "points": 1, "eventAttributes": {"kind": "merge"}},
            {"metricThreshold": 1, "points": 2, "userAttributes": {"team": "red"}},
            {"metricThreshold": 1, "points": 4, "metric": "lines"},
            {"metricThreshold": 1, "points": 8},
        ]}},
    )  # fmt: skip
    sent = event(attributes={"kind": "fix"})
    merge = event(attributes={"kind": "merge"})
    story = [sent, merge, event(metric="lines")]
    given(some, *story).when(correct(None, sent)).then_of("points", back(-8, 13, "t3"))
    given(some, *story).when(correct(None, merge)).then_of(
        "points", back(-1, 20), back(-8, 12, "t3")
    )


def test_subtotals_and_their_highest_values_go_down_too():
    merges = game(
        event=["kind"],
        points={"xp": {"triggers": [
            {"metricThreshold": 2, "points": 1, "eventAttributes": {"kind": "merge"}},
        ]}},
    )  # fmt: skip
    sent = event(4, attributes={"kind": "merge"})
    peaks = {"commits": "2", "commits?kind=merge": "1"}
    given(merges, sent, event(1)).when(correct(1, sent)).then(
        corrected(4, 1),
        total(-3, 2, subtotals={"kind=merge": "1"}, peaks=peaks),
        back(-2, 0),
    )


def test_a_level_may_be_lost_by_it():
    ladder = game(points={"xp": {**per(5, 10), "levels": {"bronze": 10, "silver": 20}}})
    sent = event(12)
    given(ladder, sent).when(correct(5, sent)).then_of("level", level("silver", "bronze", 10))


def test_achievements_stay_and_are_not_completed_a_second_time():
    five = game(achievements=[{"key": "five", "metricValue": 5}])
    sent = event(5)
    given(five, sent).when(correct(None, sent)).then_state(
        achievements={"five": "2026-03-02T12:00:00Z"}
    )
    given(five, sent, correct(None, sent)).when(correct(5, sent)).then_of("achievement")


def test_less_completes_nothing_though_the_total_is_above_a_value():
    five = game(
        user=["team"],
        achievements=[{"key": "five", "metricValue": 5, "userAttributes": {"team": "red"}}],
    )
    sent = event(9)
    red = identify(attributes={"team": "red"})
    given(five, sent, red).when(correct(8, sent)).then_of("achievement")


def test_what_no_metric_has_awarded_is_not_taken_back():
    other = game(
        streak=daily(),
        achievements=[{"key": "one", "metricValue": 1}],
        points={"xp": {"triggers": [
            {"achievement": "one", "points": 5},
            {"streakLength": 1, "points": 5},
            {"points": 5},
            every(5, hours=1),
        ]}},
    )  # fmt: skip
    sent = event()
    given(other, sent).when(correct(None, sent)).then_of("points")


# The streak


def test_an_extension_stays():
    sent = event(5)
    assert lengths(game(streak=daily(5)), sent, correct(None, sent)) == [1, 1]
    assert lengths(game(streak=daily(5)), sent, correct(None, sent), event(5)) == [1, 1, 1]


def test_what_is_counted_in_a_period_that_is_open_moves():
    five = game(streak=daily(5))
    sent = event(3)
    assert lengths(five, sent, correct(1, sent), event(2), event(2)) == [0, 0, 0, 1]
    assert lengths(five, sent, correct(4, sent), event(1)) == [0, 0, 1]


def test_more_may_extend_the_streak_of_a_period_that_is_open():
    rich = game(
        streak=daily(5),
        achievements=[{"key": "one", "streakLength": 1}],
        points={"xp": {"triggers": [{"streakLength": 1, "points": 5}]}},
    )
    sent = event(3)
    given(rich, sent).when(correct(5, sent)).then_notified(
        streak("started", 1, "2026-03-02", "2026-03-02"), achievement("one"), back(5, 5)
    )


def test_it_does_not_count_for_a_day_that_is_over():
    sent = event(3, at="2026-03-02")
    assert lengths(game(streak=daily(5)), sent, correct(9, sent, "2026-03-03")) == [0, 0]
    weekly = game(streak=daily(5, frequency="weekly"))
    assert lengths(weekly, sent, correct(9, sent, "2026-03-03")) == [0, 1]
    assert lengths(weekly, sent, correct(9, sent, "2026-03-09")) == [0, 0]


def test_a_streak_that_more_starts_began_on_the_date_of_the_event():
    weekly = game(streak=daily(5, frequency="weekly"))
    sent = event(3, at="2026-03-02")
    given(weekly, sent).when(correct(9, sent, "2026-03-04")).then_streak(started="2026-03-02")


def test_it_revives_nothing():
    sent = event(3, at="2026-03-03")
    story = [*days(2), sent, event(0, at="2026-03-05")]
    five = game(streak=daily(1))
    assert lengths(five, *story, correct(9, sent, "2026-03-05"))[-1] == 0
    assert of_kind("streak", play(five, *story, correct(9, sent, "2026-03-05"))[-1]) == []
