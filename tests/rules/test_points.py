"""Points: what sets a trigger off, how often, and what cap and floor leave of it."""

import pytest
from given import (
    achievement,
    awarded,
    created,
    daily,
    event,
    game,
    given,
    of_kind,
    on,
    per,
    play,
    points,
    total,
)


def xp(*triggers, **fields):
    """Return a game with one system of these triggers; event and user attributes are there."""
    system = {"triggers": triggers, **fields}
    return game(["commits", "lines"], event=["kind"], user=["team"], points={"xp": system})


@pytest.mark.parametrize(
    ("threshold", "each", "values", "expected"),
    [
        pytest.param(3, 10, [1, 1, 1, 4, 2], [0, 0, 10, 10, 10], id="d2 c"),
        pytest.param(3, 10, [9], [30], id="d2 d"),
        pytest.param(1, 10, [0.6, 0.6, 1.9], [0, 10, 20], id="d2 e"),
        pytest.param(1, 3, [10.5], [30], id="d2 f"),
        pytest.param(5, 10, [5, -5, 5], [10, 0, 0], id="d2 n"),
        pytest.param(100, 50, [850, 50], [400, 50], id="d1 4"),
        pytest.param(100, 50, [900], [450], id="d1 4 at once"),
        pytest.param(1, 10, [5, 0.9, 0.1], [50, 0, 10], id="d1 25: a kilometre of running"),
        pytest.param(1, 3, [20], [60], id="d1 25: a kilometre of cycling"),
        pytest.param(100, 10, [150, 50], [10, 10], id="d1 25: 100 metres of swimming"),
        pytest.param(1, 10, [0.1] * 10, [0] * 9 + [10], id="tenths are exact"),
        pytest.param(5, 10, [4, -10, 10, 1], [0, 0, 0, 10], id="a fall is made up for first"),
        pytest.param(5, 10, [-7, 7, 5], [0, 0, 10], id="rising to zero earns nothing"),
        pytest.param(1, -2, [3], [0], id="nothing to deduct"),
    ],
)
def test_points_come_for_every_threshold_by_which_a_total_rises_above_its_peak(
    threshold, each, values, expected
):
    assert awarded(game(points={"xp": per(threshold, each)}), *values) == expected


def test_many_multiples_in_one_event_are_one_award():
    given(xp({"metricThreshold": 3, "points": 10}), event(2)).when(event(7)).then(
        total(7, 9), points(30, 30)
    )


def test_d1_5_a_flashcard_costs_one_of_ten_energy():
    energy = xp({"points": 10}, {"metricThreshold": 1, "points": -1})
    given(energy).when(event()).then(created(), points(10, 10), total(1, 1), points(-1, 9, "t1"))


def test_d2_j_the_cap_is_filled_up_and_then_nothing_is_awarded():
    capped = game(points={"xp": per(1, 10, maxPoints=100)})
    story = points(95, 95)
    given(capped, story).when(event()).then(total(1, 1), points(5, 100))
    given(capped, story, event()).when(event()).then(total(1, 2))


def test_a_cap_counts_for_the_balance_so_that_what_was_spent_can_be_earned_again():
    spending = xp(
        {"metricThreshold": 1, "points": 10},
        {"metricThreshold": 1, "points": -30, "metric": "lines"},
        maxPoints=50,
    )
    events = [event(7), event(1, metric="lines"), event(1), event(9)]
    assert [sum(it.awarded for it in of_kind("points", decided))
            for decided in play(spending, *events)] == [50, -30, 10, 20]  # fmt: skip


def test_the_cap_is_shared_by_all_triggers_of_a_system():
    shared = xp(
        {"metricThreshold": 1, "points": 8}, {"metricThreshold": 1, "points": 8}, maxPoints=10
    )
    given(shared).when(event()).then_of("points", points(8, 8), points(2, 10, "t1"))


def test_a_cap_lowered_below_a_balance_claws_nothing_back():
    capped = game(points={"xp": per(1, 10, maxPoints=20)})
    given(capped, points(95, 95)).when(event()).then(total(1, 1))


def test_d2_l_a_deduction_at_zero_is_no_award():
    given(xp({"metricThreshold": 1, "points": -1})).when(event()).then(created(), total(1, 1))


@pytest.mark.parametrize(("balance", "taken"), [(2, -2), (5, -5), (9, -5)])
def test_a_deduction_takes_what_is_there_and_says_what_it_took(balance, taken):
    costly = xp({"metricThreshold": 1, "points": -5})
    given(costly, points(balance, balance)).when(event()).then(
        total(1, 1), points(taken, balance + taken)
    )


def test_triggers_are_judged_in_the_order_of_the_file():
    story = points(1, 1)
    earn, spend = {"metricThreshold": 1, "points": 5}, {"metricThreshold": 1, "points": -5}
    given(xp(earn, spend), story).when(event()).then_of(
        "points", points(5, 6, "t0"), points(-5, 1, "t1")
    )
    given(xp(spend, earn), story).when(event()).then_of(
        "points", points(-1, 0, "t0"), points(5, 5, "t1")
    )


def test_systems_are_judged_in_the_order_of_the_file_and_do_not_share_balances():
    two = game(points={"b": per(1, 2), "a": per(1, 3, maxPoints=3)})
    given(two, event()).when(event()).then_of("points", points(2, 4, system="b"))


def test_d2_o_every_seventh_day_of_a_streak_is_awarded():
    seven = game(streak=daily(), points={"xp": {"triggers": [{"streakLength": 7, "points": 50}]}})
    days = on(*(f"2026-03-{day:02}" for day in range(1, 22)))
    decisions = play(seven, *days)
    assert [number for number, it in enumerate(decisions, 1) if of_kind("points", it)] == [
        7,
        14,
        21,
    ]
    assert of_kind("points", decisions[20]) == [points(50, 150)]


def test_a_new_streak_after_a_loss_is_awarded_again():
    two = game(streak=daily(), points={"xp": {"triggers": [{"streakLength": 2, "points": 5}]}})
    days = on(*(f"2026-03-0{day}" for day in (1, 2, 5, 6)))
    assert [len(of_kind("points", it)) for it in play(two, *days)] == [0, 1, 0, 1]


def test_a_second_event_of_the_day_is_not_awarded_for_the_streak():
    one = game(streak=daily(), points={"xp": {"triggers": [{"streakLength": 1, "points": 5}]}})
    given(one, event()).when(event()).then(total(1, 2))


def test_an_achievement_is_awarded_when_it_is_completed_and_never_again():
    prize = game(
        achievements=[{"key": "five", "metricValue": 5}, {"key": "six", "metricValue": 6}],
        points={"xp": {"triggers": [{"achievement": "five", "points": 100}]}},
    )
    given(prize, event(4)).when(event(1)).then(total(1, 5), achievement("five"), points(100, 100))
    given(prize, event(5)).when(event(1)).then(total(1, 6), achievement("six"))


def test_an_achievement_of_the_streak_is_awarded_too():
    prize = game(
        streak=daily(),
        achievements=[{"key": "one", "streakLength": 1}],
        points={"xp": {"triggers": [{"achievement": "one", "points": 100}]}},
    )
    given(prize).when(event()).then_of("points", points(100, 100))


def test_the_first_event_of_a_user_is_awarded_before_it_counts():
    welcome = xp({"metricThreshold": 1, "points": 1}, {"points": 5}, {"points": 7})
    given(welcome).when(event()).then(
        created(), points(5, 5, "t1"), points(7, 12, "t2"), total(1, 1), points(1, 13)
    )


def test_the_second_event_is_not_the_first():
    given(xp({"points": 5}), event()).when(event()).then(total(1, 2))


@pytest.mark.parametrize(
    ("balance_cap", "expected"), [(4, [points(4, 4)]), (12, [points(5, 5), points(7, 12, "t1")])]
)
def test_points_for_being_there_obey_the_cap(balance_cap, expected):
    welcome = xp({"points": 5}, {"points": 7}, maxPoints=balance_cap)
    given(welcome).when(event(0)).then_of("points", *expected)


MERGES = xp({"metricThreshold": 2, "points": 10, "eventAttributes": {"kind": "merge"}})


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["merge", "merge"], [0, 10]),
        (["merge", "fix", "fix", "merge"], [0, 0, 0, 10]),
        (["fix", "fix"], [0, 0]),
    ],
)
def test_a_filtered_trigger_counts_matching_events_only(kinds, expected):
    decisions = play(MERGES, *(event(attributes={"kind": kind}) for kind in kinds))
    assert [sum(it.awarded for it in of_kind("points", one)) for one in decisions] == expected


@pytest.mark.parametrize(
    "trigger",
    [{"points": 5}, {"metricThreshold": 1, "points": 5}],
    ids=["user_creation", "metric"],
)
@pytest.mark.parametrize(("team", "expected"), [("red", [points(5, 5)]), ("blue", [])])
def test_a_trigger_is_for_users_with_its_attributes_as_the_event_leaves_them(
    trigger, team, expected
):
    red = xp({**trigger, "userAttributes": {"team": "red"}})
    sent = event(user={"attributes": {"team": team}})
    given(red).when(sent).then_of("points", *expected)


def test_what_a_user_outside_of_the_filter_reached_is_not_awarded_later():
    red = xp({"metricThreshold": 1, "points": 5, "userAttributes": {"team": "red"}})
    joins = event(0, user={"attributes": {"team": "red"}})
    given(red, event(9)).when(joins).then_of("points")
    given(red, event(9), joins).when(event(1)).then_of("points", points(5, 5))


def test_an_event_of_another_metric_sets_nothing_off():
    given(xp({"metricThreshold": 1, "points": 5})).when(event(9, metric="lines")).then_of("points")


@pytest.mark.parametrize("fields", [{"status": "inactive"}, {"archived": True}])
@pytest.mark.parametrize("trigger", [{"points": 5}, {"metricThreshold": 1, "points": 5}])
def test_a_trigger_that_is_not_active_awards_nothing(fields, trigger):
    given(xp({**trigger, **fields})).when(event()).then(created(), total(1, 1))


def test_an_archived_system_awards_nothing():
    gone = game(points={"xp": {**per(1, 5), "archived": True}})
    given(gone).when(event()).then(created(), total(1, 1))


def test_a_late_event_counts_in_points_now():
    late = event(at="2026-02-01", appended="2026-03-02")
    given(xp({"metricThreshold": 2, "points": 5}), event()).when(late).then(
        total(1, 2, day="2026-02-01"), points(5, 5)
    )
