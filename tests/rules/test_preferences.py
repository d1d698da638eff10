"""A user's own streak settings: off, other conditions, another way of joining them."""

import pytest
from given import (
    daily,
    days,
    due,
    event,
    game,
    given,
    identify,
    lengths,
    of_kind,
    play,
    prefer,
    preferences,
    streak,
    total,
)

DAILY = game(streak=daily())
OWN = game(["commits", "reviews"], streak=daily(2, personalization=True))
BOTH = [{"metric": "commits", "threshold": 2}, {"metric": "reviews", "threshold": 1}]


# Off and on


def test_who_turns_the_streak_off_loses_what_there_is_and_nobody_is_told():
    given(DAILY, *days(2, 3)).when(prefer("2026-03-03", enabled=False)).then(
        preferences(enabled=False),
        *(
            streak("lost", 0, first, None, frequency=frequency, quiet=True, lost=length)
            for frequency, first, length in (
                ("daily", "2026-03-03", 2),
                ("weekly", "2026-03-02", 1),
                ("monthly", "2026-03-01", 1),
            )
        ),
    )


def test_there_is_nothing_to_lose_where_there_was_no_streak():
    given(DAILY, identify()).when(prefer(enabled=False)).then(preferences(enabled=False))
    gone = [*days(2), event(0, at="2026-05-09")]
    given(DAILY, *gone).when(prefer("2026-05-09", enabled=False)).then(preferences(enabled=False))


def test_nothing_counts_for_a_streak_that_is_off():
    off = [identify(), prefer(enabled=False)]
    given(DAILY, *off).when(event()).then(total(1, 1))
    assert lengths(DAILY, *off, *days(3, 4))[-2:] == [0, 0]


def test_time_alone_does_nothing_to_one_who_turned_it_off():
    given(DAILY, *days(2)).when(prefer(enabled=False)).then_due(None)


def test_it_begins_anew_when_it_is_turned_on_again():
    story = [*days(2, 3), prefer("2026-03-03", enabled=False), prefer("2026-03-05", enabled=True)]
    given(DAILY, *story).when(event(at="2026-03-05")).then_notified(
        streak("started", 1, "2026-03-05", "2026-03-05")
    )


def test_a_game_that_turns_it_on_for_all_leaves_those_alone_who_turned_it_off():
    off = game(streak=daily(enabled=False))
    story = [identify(), prefer(enabled=False)]
    given(off, *story, DAILY).when(event()).then_notified()
    given(off, identify(), prefer(enabled=True)).when(event()).then_notified()


# Asked for


def test_what_is_set_already_is_nothing_to_do():
    given(DAILY, identify(), prefer(enabled=False)).when(prefer(enabled=False)).then_nothing()
    given(DAILY, identify()).when(prefer()).then_nothing()
    once = prefer(evaluationMode="AND", metrics={"reviews": 1})
    given(OWN, identify(), once).when(once).then_nothing()


def test_what_is_left_out_stays_as_it_was():
    story = [identify(), prefer(evaluationMode="AND")]
    given(OWN, *story).when(prefer(metrics={"reviews": 1.5})).then(
        preferences(evaluationMode="AND", metrics={"reviews": "1.5"})
    )
    own = prefer(metrics={"reviews": 2})
    given(OWN, *story, own).when(prefer(enabled=True)).then(
        preferences(
            enabled=True,
            evaluationMode="AND",
            metrics={"reviews": "2"},
        )
    )


@pytest.mark.parametrize("settings", [{"evaluationMode": "OR"}, {"metrics": {"commits": 1}}])
def test_conditions_of_ones_own_need_a_game_that_has_them(settings):
    given(DAILY, identify()).when(prefer(**settings)).then_refused("invalid", "personalization")
    given(OWN, identify()).when(prefer(**settings)).then_state(time="2026-03-02T12:00:00Z")


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ({"stars": 1}, "there is no metric 'stars' (known: commits, reviews)"),
        ({"commits": 0}, "a threshold must be greater than 0"),
        ({"commits": -1}, "a threshold must be greater than 0"),
    ],
)
def test_conditions_must_be_ones_that_can_hold(metrics, text):
    given(OWN, identify()).when(prefer(metrics=metrics)).then_refused("invalid", text)


def test_a_metric_is_one_condition_at_most():
    twice = prefer(metrics=[("commits", 1), ("commits", 1)])
    given(OWN, identify()).when(twice).then_refused("invalid", "'commits' is a condition already")


def test_settings_are_of_users_who_exist():
    given(DAILY).when(prefer(enabled=False)).then_refused("not_found", "User does not exist")


# Conditions of one's own


def test_ones_own_conditions_take_the_place_of_the_games():
    own = [identify(), prefer(metrics={"reviews": 1})]
    assert lengths(OWN, *own, event(9), event(metric="reviews"))[-2:] == [0, 1]


def test_ones_own_threshold_takes_the_place_of_the_games():
    own = [identify(), prefer(metrics={"commits": 3})]
    assert lengths(OWN, *own, event(2), event(1))[-2:] == [0, 1]


def test_without_conditions_there_is_no_streak():
    assert lengths(OWN, identify(), prefer(metrics={}), event(9))[-1] == 0


def test_there_may_be_conditions_of_ones_own_where_the_game_has_none():
    bare = game(streak={"personalization": True})
    assert lengths(bare, identify(), prefer(metrics={"commits": 1}), event())[-1] == 1
    assert lengths(bare, identify(), prefer(evaluationMode="AND"), event())[-1] == 0


def test_a_game_that_turns_the_streak_off_has_no_conditions_of_ones_own_either():
    off = game(streak={"enabled": False, "personalization": True})
    assert lengths(off, identify(), prefer(metrics={"commits": 1}), event())[-1] == 0


@pytest.mark.parametrize(
    ("mode", "own", "expected"),
    [
        ("OR", {"evaluationMode": "AND"}, [0, 1]),
        ("AND", {"evaluationMode": "OR"}, [1, 1]),
        ("AND", {"metrics": {"commits": 1, "reviews": 1}}, [0, 1]),
        ("OR", {"metrics": {"commits": 1, "reviews": 1}}, [1, 1]),
        ("AND", {"enabled": True}, [0, 1]),
        ("OR", {"enabled": True}, [1, 1]),
    ],
)
def test_conditions_are_joined_as_the_user_says_else_as_the_game_does(mode, own, expected):
    both = game(
        ["commits", "reviews"],
        streak={"metrics": BOTH, "evaluationMode": mode, "personalization": True},
    )
    story = [identify(), prefer(**own), event(2), event(metric="reviews")]
    assert lengths(both, *story)[-2:] == expected


def test_a_condition_on_a_metric_that_is_gone_counts_no_more():
    own = [identify(), prefer(evaluationMode="AND", metrics={"commits": 1, "reviews": 1})]
    less = game(["commits"], streak=daily(2, personalization=True))
    assert lengths(OWN, *own, less, event(1))[-1] == 1


def test_a_game_that_gives_up_conditions_of_ones_own_has_its_own_hold_for_all():
    less = game(["commits", "reviews"], streak=daily(2))
    own = [identify(), prefer(metrics={"reviews": 1})]
    assert lengths(OWN, *own, less, event(metric="reviews"), event(2))[-2:] == [0, 1]


def test_a_step_that_was_noted_counts_by_the_new_conditions_with_the_next_event():
    story = [event(1), prefer(metrics={"commits": 1})]
    given(OWN, *story).when(event(0, metric="reviews")).then_notified(
        streak("started", 1, "2026-03-02", "2026-03-02")
    )


def test_a_streak_goes_on_under_conditions_of_ones_own():
    story = [event(2), prefer(metrics={"reviews": 1})]
    assert lengths(OWN, *story, event(at="2026-03-03", metric="reviews"))[-1] == 2
    lost = play(OWN, *story, due("2026-03-04T00:00:00Z"))[-1]
    assert [it.lost for it in of_kind("streak", lost) if it.frequency == "daily"] == [1]
