"""Boosts: whom they are for, when, how they stack and round, and what they leave alone."""

from datetime import date, timedelta

import pytest
from given import (
    achievement,
    awarded,
    boost_turn,
    complete,
    created,
    daily,
    due,
    event,
    gained,
    game,
    given,
    grant,
    identify,
    points,
    total,
)

from processor.rules.boosts import boosted
from processor.rules.compiling import compile_definitions


def boost(multiplier, rounding="down", **fields):
    """Return a boost without end."""
    return {"start": "2026-03-01", "multiplier": multiplier, "rounding": rounding, **fields}


def xp(base, *boosts, **fields):
    """Return a game that awards `base` points for every commit, with these boosts."""
    triggers = [{"metricThreshold": 1, "points": base}]
    system = {"triggers": triggers, "boosts": boosts, **fields}
    return game(["commits", "lines"], user=["team", "city"], points={"xp": system})


# How much


@pytest.mark.parametrize(
    ("base", "boosts", "expected"),
    [
        pytest.param(5, [boost(1.5, "down")], 7, id="d2 g down"),
        pytest.param(5, [boost(1.5, "up")], 8, id="d2 g up"),
        pytest.param(5, [boost(1.5, "nearest")], 8, id="d2 g nearest, half away from zero"),
        pytest.param(1, [boost(1.2, "nearest")], 1, id="d1 2 below half"),
        pytest.param(1, [boost(1.7, "nearest")], 2, id="d1 2 above half"),
        pytest.param(10, [boost(2), boost(1.5), boost(3)], 90, id="d2 h"),
        pytest.param(1, [boost(1.5), boost(1.5)], 2, id="d2 i: rounded once"),
        pytest.param(10, [boost(0.5)], 5, id="d2 u"),
        pytest.param(1, [boost(2), boost(1.5), boost(3)], 9, id="d1 1"),
        pytest.param(10, [boost("1.1", "up")], 11, id="a whole number is not rounded up"),
        pytest.param(10, [boost("0.1", "up")], 1, id="a tenth is exact"),
        pytest.param(3, [boost(1.5, "up"), boost(1.5, "down")], 6, id="down before up"),
        pytest.param(3, [boost(1.5, "nearest"), boost(1.5, "down")], 6, id="down before nearest"),
        pytest.param(3, [boost(1.5, "up"), boost(1.5, "nearest")], 7, id="nearest before up"),
        pytest.param(1, [boost(1.5, "up"), boost(1.6, "up")], 3, id="up"),
        pytest.param(7, [boost("0.5", "nearest")], 4, id="half of an odd number"),
    ],
)
def test_points_are_multiplied_by_the_exact_product_and_rounded_once(base, boosts, expected):
    assert awarded(xp(base, *boosts), 1) == [expected]


def test_several_multiples_in_one_event_are_rounded_once_too():
    assert awarded(xp(1, boost(1.5)), 3) == [4]


def test_an_award_names_its_boosts_in_the_order_of_the_file():
    two = xp(5, boost(2, key="z"), boost(3, key="a"))
    given(two).when(event()).then(created(), total(1, 1), points(30, 30, boosts=["z", "a"]))


def test_an_award_without_boosts_names_none():
    given(xp(5, boost(2, end="2026-03-01"))).when(event()).then(
        created(), total(1, 1), points(5, 5)
    )


def test_an_award_that_is_rounded_to_nothing_is_none():
    given(xp(1, boost(0.5))).when(event()).then(created(), total(1, 1))


def test_the_cap_comes_after_the_boost():
    given(xp(10, boost(3), maxPoints=25)).when(event()).then_of(
        "points", points(25, 25, boosts=["b0"])
    )


def test_a_deduction_is_not_boosted():
    given(xp(-5, boost(2)), points(50, 50)).when(event()).then_of("points", points(-5, 45))


def test_what_is_deducted_is_never_multiplied_whatever_boosts_there_are():
    boosts = compile_definitions(xp(-5, boost(2)), 1).systems[0].boosts
    assert [boosted(count, boosts) for count in (-5, 5)] == [-5, 10]


def test_an_operators_grant_is_not_boosted():
    given(xp(5, boost(2)), identify()).when(grant(10)).then_of(
        "points", points(10, 10, None, reason="because")
    )


@pytest.mark.parametrize(
    ("trigger", "sent"),
    [
        pytest.param({"points": 5}, identify(), id="for being there"),
        pytest.param({"streakLength": 1, "points": 5}, event(), id="for a streak"),
        pytest.param({"achievement": "a", "points": 5}, complete("a"), id="for an achievement"),
    ],
)
def test_what_every_kind_of_trigger_awards_is_boosted(trigger, sent):
    all_ = game(
        streak=daily(),
        achievements=[{"key": "a"}],
        points={"xp": {"triggers": [trigger], "boosts": [boost(2)]}},
    )
    given(all_).when(sent).then_of("points", points(10, 10, boosts=["b0"]))


def test_a_boost_is_for_its_system_alone():
    two = game(
        points={
            "xp": {"triggers": [{"metricThreshold": 1, "points": 5}], "boosts": [boost(2)]},
            "care": {"triggers": [{"metricThreshold": 1, "points": 5}]},
        }
    )
    given(two).when(event()).then_of(
        "points", points(10, 10, boosts=["b0"]), points(5, 5, system="care")
    )


# For whom


@pytest.mark.parametrize(("user", "expected"), [("ada", 10), ("bob", 5)])
def test_a_boost_may_be_for_one_user(user, expected):
    assert awarded(xp(5, boost(2, userId=user)), 1) == [expected]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"team": "red", "city": "Bonn"}, 10),
        ({"team": "red"}, 5),
        ({"team": "red", "city": "Ulm"}, 5),
        ({}, 5),
    ],
)
def test_a_boost_may_be_for_users_with_all_of_its_attributes(attributes, expected):
    red = xp(5, boost(2, userAttributes={"team": "red", "city": "Bonn"}))
    assert gained(red, event(user={"attributes": attributes})) == [expected]


def test_the_attributes_are_those_that_the_event_leaves():
    red = xp(5, boost(2, userAttributes={"team": "red"}))
    joins = event(user={"attributes": {"team": "red"}})
    leaves = event(user={"attributes": {"team": ""}})
    assert gained(red, event(), joins, event(), leaves) == [5, 10, 10, 5]


def test_an_archived_boost_multiplies_nothing():
    assert awarded(xp(5, boost(2, archived=True)), 1) == [5]


# When


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-01T23:59:59Z", 5),
        ("2026-03-02T00:00:00Z", 10),
        ("2026-03-04T23:59:59.999999Z", 10),
        ("2026-03-05T00:00:00Z", 5),
    ],
)
def test_a_boost_holds_from_the_first_to_the_end_of_the_last_date(at, expected):
    window = boost(2, start="2026-03-02", end="2026-03-04")
    assert gained(xp(5, window), event(at=at)) == [expected]


@pytest.mark.parametrize(
    ("tz", "at", "expected"),
    [
        pytest.param("America/Los_Angeles", "2024-01-04T05:00:00Z", 10, id="d2 s"),
        pytest.param("America/Los_Angeles", "2024-01-04T08:00:00Z", 5, id="it is over at 8 UTC"),
        pytest.param("UTC", "2024-01-04T05:00:00Z", 5, id="it is over in UTC"),
        pytest.param("Asia/Tokyo", "2023-12-31T15:00:00Z", 10, id="it began early in Tokyo"),
        pytest.param("Asia/Tokyo", "2023-12-31T14:59:59Z", 5, id="but not earlier"),
    ],
)
def test_dates_are_those_of_the_user(tz, at, expected):
    weekend = boost(2, start="2024-01-01", end="2024-01-03")
    assert gained(xp(5, weekend), event(at=at, user={"tz": tz})) == [expected]


def test_a_late_event_is_boosted_as_on_its_own_date():
    window = boost(2, start="2026-03-02", end="2026-03-02")
    late = event(at="2026-03-02", appended="2026-03-09")
    assert gained(xp(5, window), event(at="2026-03-09"), late) == [5, 10]


def test_od_39_a_boost_is_for_awards_after_it_was_made():
    doubled = xp(5, boost(2, start="2026-01-01"))
    assert gained(xp(5), event(), doubled, event()) == [5, 10]


# Beginning and end, of a boost for one user


OWN = xp(5, boost(2, start="2026-03-05", end="2026-03-06", userId="ada"))


@pytest.mark.parametrize(
    ("at", "changes"),
    [
        ("2026-03-04T23:59:59Z", []),
        ("2026-03-05T00:00:00Z", ["started"]),
        ("2026-03-06T23:59:59Z", ["started"]),
        ("2026-03-07T00:00:00Z", ["started", "finished"]),
    ],
)
def test_a_users_own_boost_begins_and_ends_with_their_dates(at, changes):
    given(OWN, identify()).when(event(0, at=at)).then_of("boost", *map(boost_turn, changes))


def test_what_began_does_not_begin_again():
    given(OWN, identify(), event(0, at="2026-03-05")).when(event(0, at="2026-03-06")).then_of(
        "boost"
    )


def test_it_is_told_at_the_midnight_of_the_users_zone():
    tokyo = identify(tz="Asia/Tokyo")
    given(OWN).when(tokyo).then_due("2026-03-04T15:00:00Z")
    began = due("2026-03-04T15:00:00Z")
    given(OWN, tokyo).when(began).then(boost_turn("started"))
    given(OWN, tokyo).when(began).then_due("2026-03-06T15:00:00Z")
    given(OWN, tokyo, began).when(due("2026-03-06T15:00:00Z")).then(boost_turn("finished"))
    given(OWN, tokyo, began).when(due("2026-03-06T15:00:00Z")).then_due(None)


def test_several_are_told_in_the_order_of_time_then_of_the_file():
    own = {"userId": "ada"}
    many = xp(
        5,
        boost(2, start="2026-03-06", end="2026-03-06", **own),
        boost(3, start="2026-03-05", end="2026-03-05", **own),
        boost(4, start="2026-03-05", **own),
    )
    given(many, identify()).when(event(0, at="2026-03-09")).then_of(
        "boost",
        boost_turn("started", "b1"),
        boost_turn("started", "b2"),
        boost_turn("started", "b0"),
        boost_turn("finished", "b1"),
        boost_turn("finished", "b0"),
    )


@pytest.mark.parametrize("others", [{"userId": "bob"}, {}, {"userAttributes": {"team": "red"}}])
def test_a_boost_of_others_or_of_everyone_is_not_told_to_a_user(others):
    whose = xp(5, boost(2, start="2026-03-05", end="2026-03-06", **others))
    given(whose, identify()).when(event(0, at="2026-03-09")).then_of("boost")
    given(whose).when(identify()).then_due(None)


def test_it_is_due_beside_one_of_everyone_too():
    both = xp(5, boost(2, start="2026-03-05", userId="ada"), boost(3))
    given(both).when(identify()).then_due("2026-03-05T00:00:00Z")


def test_a_boost_that_holds_when_a_user_comes_to_be_is_not_told_as_begun():
    given(OWN).when(identify("2026-03-05")).then(created())
    given(OWN).when(identify("2026-03-05")).then_due("2026-03-07T00:00:00Z")


def test_a_boost_without_end_never_ends():
    endless = xp(5, boost(2, start="2026-03-05", userId="ada"))
    given(endless, identify()).when(due("2026-03-05T00:00:00Z")).then_due(None)


def test_an_achievement_of_a_boosted_event_is_boosted_once():
    prize = game(
        achievements=[{"key": "one", "metricValue": 1}],
        points={"xp": {"triggers": [{"achievement": "one", "points": 3}], "boosts": [boost(1.5)]}},
    )
    given(prize).when(event()).then(
        created(), total(1, 1), achievement("one"), points(4, 4, boosts=["b0"])
    )


def test_a_boost_of_a_year_is_in_force_on_every_date_of_it():
    year = xp(5, boost(2, start="2024-01-01", end="2024-12-31"))
    first = date(2023, 12, 31)
    dates = [(first + timedelta(days=it)).isoformat() for it in range(368)]
    assert gained(year, *(event(at=it) for it in dates)) == [5, *[10] * 366, 5]
