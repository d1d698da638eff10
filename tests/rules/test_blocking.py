"""Blocking: an event that would cost more points than there are is refused, and nothing counts."""

import pytest
from given import (
    created,
    daily,
    due,
    event,
    every,
    gained,
    game,
    given,
    grant,
    identify,
    points,
    total,
)
from wording.states import copy_of


def costs(*triggers, **fields):
    """Return a game whose system has these triggers."""
    system = {"triggers": triggers, **fields}
    return game(
        ["commits", "lines"], event=["kind"], user=["team"], streak=daily(), points={"xp": system}
    )


def blocking(count, threshold=1, **fields):
    """Return a trigger that blocks."""
    return {"metricThreshold": threshold, "points": count, "blockIfOutOfPoints": True, **fields}


ONE = costs(blocking(-1))


def test_d2_k_without_points_the_event_is_refused():
    given(ONE).when(event()).then_refused(
        "blocked", "the user has too few points in 'xp' for this event"
    )
    given(ONE, identify()).when(event()).then_refused("blocked", "'xp'")


def test_d2_k_afterwards_nothing_has_counted():
    story = given(ONE, identify(), event(0))
    before = copy_of(story.own)
    sent = event(at="2026-03-05", user={"tz": "Asia/Tokyo", "attributes": {"team": "red"}})
    story.when(sent).then_refused("blocked", "'xp'")
    assert story.own == before


@pytest.mark.parametrize(
    ("balance", "cost", "value", "blocked"),
    [
        (1, -1, 1, False),
        (1, -1, 2, True),
        (2, -1, 2, False),
        (4, -5, 1, True),
        (5, -5, 1, False),
        (5, -5, 0.5, False),
        (0, -5, 0.5, False),
        (0, -5, -3, False),
    ],
)
def test_what_it_would_take_must_be_there(balance, cost, value, blocked):
    story = given(costs(blocking(cost)), identify(), points(balance, balance))
    if blocked:
        story.when(event(value)).then_refused("blocked", "'xp'")
    else:
        story.when(event(value)).then_state(time="2026-03-02T12:00:00Z")


def test_what_was_paid_before_is_not_paid_again():
    story = [identify(), grant(1), event(), event(-1)]
    given(ONE, *story).when(event()).then(total(1, 1))
    given(ONE, *story).when(event(2)).then_refused("blocked", "'xp'")


def test_a_deduction_that_does_not_block_takes_what_there_is():
    given(costs({"metricThreshold": 1, "points": -1})).when(event()).then_of("points")


def test_only_what_blocks_counts_against_the_balance():
    free = {"metricThreshold": 1, "points": -9}
    given(costs(free, blocking(-1)), identify(), points(5, 5)).when(event()).then_of(
        "points", points(-5, 0)
    )


def test_what_the_same_event_would_bring_does_not_pay_for_it():
    both = costs({"metricThreshold": 1, "points": 9}, blocking(-1))
    given(both, identify()).when(event()).then_refused("blocked", "'xp'")


def test_an_award_never_blocks():
    assert gained(costs(blocking(5)), event()) == [5]


def test_several_that_block_must_be_paid_together():
    two = costs(blocking(-2), blocking(-3))
    given(two, identify(), points(4, 4)).when(event()).then_refused("blocked", "'xp'")
    given(two, identify(), points(5, 5)).when(event()).then_of(
        "points", points(-2, 3), points(-3, 0, "t1")
    )


def test_every_system_must_be_able_to_pay():
    two = game(
        points={"a": {"triggers": [blocking(-1)]}, "b": {"triggers": [blocking(-2)]}},
    )
    poor = [identify(), grant(1, system="a"), grant(1, system="b")]
    given(two, *poor).when(event()).then_refused("blocked", "'b'")
    given(two, *poor, grant(1, system="b")).when(event()).then_of(
        "points", points(-1, 0, system="a"), points(-2, 0, system="b")
    )


def test_points_for_being_there_pay_for_the_first_event():
    paid = costs({"points": 3}, blocking(-2))
    given(paid).when(event()).then_of("points", points(3, 3), points(-2, 1, "t1"))


def test_what_time_has_brought_until_then_pays_too():
    paid = costs(every(1, hours=1), blocking(-1))
    given(paid, identify()).when(event(at="2026-03-02T12:59:59Z")).then_refused("blocked", "'xp'")
    given(paid, identify()).when(event(at="2026-03-02T13:00:00Z")).then_of(
        "points", points(1, 1, at="2026-03-02T13:00:00Z"), points(-1, 0, "t1")
    )


@pytest.mark.parametrize(("kind", "blocked"), [("merge", True), ("fix", False)])
def test_a_filtered_one_blocks_matching_events_only(kind, blocked):
    story = given(costs(blocking(-1, eventAttributes={"kind": "merge"})), identify())
    sent = event(attributes={"kind": kind})
    if blocked:
        story.when(sent).then_refused("blocked", "'xp'")
    else:
        story.when(sent).then_of("points")


def test_a_filtered_one_counts_what_matched_before():
    third = costs(blocking(-1, 3, eventAttributes={"kind": "merge"}))
    merge = event(attributes={"kind": "merge"})
    given(third, event(9), merge).when(merge).then_of("points")
    given(third, event(9), merge, merge).when(merge).then_refused("blocked", "'xp'")


@pytest.mark.parametrize(("team", "blocked"), [("red", True), ("blue", False)])
def test_one_for_some_users_blocks_them_only_as_the_event_says(team, blocked):
    story = given(costs(blocking(-1, userAttributes={"team": "red"})), identify())
    sent = event(user={"attributes": {"team": team}})
    if blocked:
        story.when(sent).then_refused("blocked", "'xp'")
    else:
        story.when(sent).then_of("points")


def test_events_of_other_metrics_are_not_blocked():
    given(ONE, identify()).when(event(metric="lines")).then(total(1, 1, metric="lines"))


def test_a_trigger_of_another_metric_blocks_nothing_beside_one_of_the_events_own():
    two = costs(blocking(-1), {"metricThreshold": 1, "points": 1, "metric": "lines"})
    given(two, identify()).when(event(metric="lines")).then_of("points", points(1, 1, "t1"))


def test_what_is_not_of_a_metric_blocks_nothing():
    streak = costs({"streakLength": 1, "points": -5, "blockIfOutOfPoints": True})
    given(streak).when(event()).then_of("points")


@pytest.mark.parametrize("fields", [{"status": "inactive"}, {"archived": True}])
def test_one_that_is_not_active_blocks_nothing(fields):
    given(costs(blocking(-1, **fields)), identify()).when(event()).then_of("points")


def test_the_clock_and_operators_are_never_blocked():
    ticking = costs(every(-1, hours=1), blocking(-1))
    given(ticking, identify()).when(due("2026-03-02T13:00:00Z")).then()
    given(ONE).when(identify()).then(created())
