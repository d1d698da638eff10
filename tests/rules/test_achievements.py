"""Achievements: completed once, by a metric or by the streak, by those whom they are for."""

import pytest
from given import (
    achievement,
    created,
    daily,
    event,
    game,
    given,
    of_kind,
    on,
    play,
    total,
)

AT_FIVE = game(achievements=[{"key": "five", "metricValue": 5}])


def completed(definitions, *events):
    """Return what each event completes."""
    return [
        [entry.achievement for entry in of_kind("achievement", decided)]
        for decided in play(definitions, *events)
    ]


@pytest.mark.parametrize(
    ("before", "value", "done"),
    [(4, 0.9, False), (4, 1, True), (4, 100, True), (0, 5, True), (6, -1, True), (6, -2, False)],
)
def test_an_achievement_is_completed_when_the_total_is_at_or_above_its_value(before, value, done):
    expected = [achievement("five")] if done else []
    given(AT_FIVE, total(before, before)).when(event(value)).then_of("achievement", *expected)


def test_it_is_completed_with_the_event_that_reaches_it():
    given(AT_FIVE, event(4)).when(event(1)).then(total(1, 5), achievement("five"))


def test_it_is_completed_once_even_if_the_total_falls_and_rises_again():
    assert completed(AT_FIVE, *map(event, (5, -5, 5, 1))) == [["five"], [], [], []]


def test_it_is_kept_when_the_total_falls():
    assert "five" in play(AT_FIVE, event(5), event(-9))[-1].own.achievements


def test_a_fraction_is_reached_exactly_by_its_tenths():
    one = game(achievements=[{"key": "one", "metricValue": 1}])
    assert completed(one, *[event(0.1)] * 10) == [[]] * 9 + [["one"]]


def test_d1_7_an_event_of_750_completes_the_achievement_at_500_once():
    half = game(achievements=[{"key": "half", "metricValue": 500}])
    assert completed(half, event(750), event(750)) == [["half"], []]


def test_d1_28_a_total_of_1500_completes_500_and_1000_and_not_2000():
    ladder = game(achievements=[{"key": str(at), "metricValue": at} for at in (1000, 500, 2000)])
    given(ladder, event(499)).when(event(1001)).then(
        total(1001, 1500), achievement("1000"), achievement("500")
    )


def test_d2_a_a_badge_at_1000_comes_once_with_the_twentieth_fifty():
    badge = game(metrics=["xp"], achievements=[{"key": "b", "metricValue": 1000, "metric": "xp"}])
    events = [event(50, metric="xp")] * 21
    assert completed(badge, *events) == [[]] * 19 + [["b"], []]


def test_d2_b_a_hundred_default_increments_of_ten_make_the_badge():
    badge = game(
        metrics=[{"key": "xp", "defaultIncrementValue": 10}],
        achievements=[{"key": "b", "metricValue": 1000, "metric": "xp"}],
    )
    assert completed(badge, *[event(None, metric="xp")] * 100) == [[]] * 99 + [["b"]]


def test_an_event_of_another_metric_completes_nothing():
    two = game(["commits", "lines"], achievements=[{"key": "five", "metricValue": 5}])
    given(two, total(9, 9)).when(event(9, metric="lines")).then_of("achievement")


@pytest.mark.parametrize(
    ("attributes", "done"),
    [
        ({"kind": "merge", "size": "big"}, True),
        ({"kind": "merge"}, False),
        ({"kind": "merge", "size": "small"}, False),
        ({}, False),
    ],
)
def test_a_filtered_achievement_counts_and_is_completed_by_matching_events_only(attributes, done):
    wanted = {"kind": "merge", "size": "big"}
    merges = game(
        event=["kind", "size"],
        achievements=[{"key": "two", "metricValue": 2, "eventAttributes": wanted}],
    )
    before = [event(1, attributes=wanted), event(50)]
    expected = [["two"]] if done else [[]]
    assert completed(merges, *before, event(1, attributes=attributes))[2:] == expected


@pytest.mark.parametrize(
    ("said", "done"),
    [
        ({"attributes": {"team": "red"}}, True),
        ({"attributes": {"team": "blue"}}, False),
        ({}, False),
    ],
)
def test_an_achievement_is_for_users_with_all_of_its_attributes(said, done):
    red = game(
        user=["team"],
        achievements=[{"key": "one", "metricValue": 1, "userAttributes": {"team": "red"}}],
    )
    assert completed(red, event(user=said)) == ([["one"]] if done else [[]])


def test_who_gets_the_attribute_later_completes_it_with_the_next_event():
    red = game(
        user=["team"],
        achievements=[{"key": "one", "metricValue": 1, "userAttributes": {"team": "red"}}],
    )
    events = [event(5), event(0, user={"attributes": {"team": "red"}})]
    assert completed(red, *events) == [[], ["one"]]


def test_a_metric_achievement_of_one_who_loses_the_attribute_stays():
    red = game(
        user=["team"],
        achievements=[{"key": "one", "metricValue": 1, "userAttributes": {"team": "red"}}],
    )
    events = [event(user={"attributes": {"team": "red"}}), event(user={"attributes": {"team": ""}})]
    assert list(play(red, *events)[-1].own.achievements) == ["one"]


@pytest.mark.parametrize("status", ["inactive", "locked"])
@pytest.mark.parametrize("rule", [{"metricValue": 1}, {"streakLength": 1}])
def test_neither_an_inactive_nor_a_locked_achievement_can_be_completed(status, rule):
    closed = game(streak=daily(), achievements=[{"key": "a", "status": status, **rule}])
    assert completed(closed, event(9)) == [[]]


def test_one_left_out_of_a_newer_file_is_not_completed_any_more():
    gone = game(achievements=[{"key": "a", "metricValue": 1, "archived": True}])
    given(gone).when(event()).then(created(), total(1, 1))


THREE = game(streak=daily(), achievements=[{"key": "three", "streakLength": 3}])


def test_a_streak_achievement_is_completed_on_the_day_that_reaches_its_length():
    days = on("2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04")
    assert completed(THREE, *days) == [[], [], ["three"], []]


def test_it_is_completed_once_though_a_second_streak_reaches_it_too():
    days = on(*(f"2026-03-0{day}" for day in (1, 2, 3, 5, 6, 7)))
    assert completed(THREE, *days) == [[], [], ["three"], [], [], []]


def test_a_second_event_of_the_day_completes_nothing():
    one = game(
        user=["team"],
        streak=daily(),
        achievements=[{"key": "one", "streakLength": 1, "userAttributes": {"team": "red"}}],
    )
    later = event(user={"attributes": {"team": "red"}})
    assert completed(one, event(), later, event(at="2026-03-03")) == [[], [], ["one"]]


def test_metric_achievements_come_before_streak_achievements_and_each_in_file_order():
    both = game(
        streak=daily(),
        achievements=[
            {"key": "s", "streakLength": 1},
            {"key": "b", "metricValue": 1},
            {"key": "a", "metricValue": 1},
        ],
    )
    assert completed(both, event()) == [["b", "a", "s"]]
