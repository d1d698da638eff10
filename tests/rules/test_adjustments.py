"""Grants and deductions by operators: as far as the cap and zero let them, with a reason."""

import pytest
from given import created, due, event, every, game, given, grant, identify, level, per, points

XP = game(
    points={
        "xp": {**per(1, 5), "maxPoints": 100, "levels": {"bronze": 0, "silver": 50}},
        "care": {},
    }
)


def given_by_hand(awarded, after, **fields):
    """Return the entry of an adjustment."""
    return points(awarded, after, None, reason="because", **fields)


def test_a_grant_is_an_award_of_no_trigger_that_says_why():
    given(XP, identify()).when(grant(10)).then(given_by_hand(10, 10), level(None, "bronze", 10))


def test_a_deduction_is_a_negative_one():
    given(XP, identify(), grant(60)).when(grant(-15)).then(
        given_by_hand(-15, 45), level("silver", "bronze", 45)
    )


def test_it_counts_in_its_own_system():
    given(XP, identify(), grant(60)).when(grant(1, system="care")).then(
        given_by_hand(1, 1, system="care")
    )


@pytest.mark.parametrize(
    ("balance", "asked", "awarded", "after"),
    [(95, 10, 5, 100), (95, 5, 5, 100), (3, -10, -3, 0), (3, -3, -3, 0)],
)
def test_it_goes_as_far_as_the_cap_and_zero_let_it(balance, asked, awarded, after):
    given(XP, identify(), grant(balance)).when(grant(asked)).then_of(
        "points", given_by_hand(awarded, after)
    )


@pytest.mark.parametrize(
    ("balance", "asked", "text"), [(100, 1, "at its maximum, 100 already"), (0, -1, "at 0 already")]
)
def test_what_would_have_no_effect_is_refused(balance, asked, text):
    story = [grant(100), *([grant(balance - 100)] if balance < 100 else [])]
    given(XP, identify(), *story).when(grant(asked)).then_refused("invalid", text)


def test_a_system_must_be_there():
    given(XP, identify()).when(grant(1, system="stars")).then_refused(
        "not_found", "there is no points system 'stars' (known: xp, care)"
    )
    given(game(), identify()).when(grant(1)).then_refused("not_found", "(known: none)")
    gone = game(points={"xp": {"archived": True}})
    given(gone, identify()).when(grant(1)).then_refused("not_found", "(known: none)")


def test_a_user_must_be_there():
    given(XP).when(grant(1)).then_refused("not_found", "User does not exist")


def test_it_comes_after_what_time_has_brought():
    ticking = game(points={"xp": {"triggers": [every(10, hours=1)]}})
    given(ticking, identify()).when(grant(-15, "2026-03-02T13:00:00Z")).then(
        points(10, 10, at="2026-03-02T13:00:00Z"), given_by_hand(-10, 0)
    )


def test_it_changes_neither_totals_nor_when_something_is_due():
    ticking = game(points={"xp": {"triggers": [every(10, hours=1)]}})
    given(ticking, identify()).when(grant(5)).then(given_by_hand(5, 5))
    given(ticking, identify()).when(grant(5)).then_due("2026-03-02T13:00:00Z")


def test_what_was_granted_may_be_earned_no_more_where_the_cap_is_reached():
    given(XP, identify(), grant(98)).when(event()).then_of("points", points(2, 100))
    given(XP, identify(), grant(100)).when(event()).then_of("points")


def test_identification_itself_brings_nothing():
    given(XP).when(identify()).then(created())
    given(XP, identify()).when(identify("2026-03-09")).then()
    given(XP, identify()).when(due("2026-03-09")).then_nothing()
