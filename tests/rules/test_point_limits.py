"""The limits of points: whatever is awarded, every reader has each balance and each sum exactly.

That is a JSON number up to 2^53-1. It bounds what a user's points in one system have moved by in
all, up and down, for that is what the changes of any days can come to.
"""

from datetime import UTC, datetime

from given import (
    backfill,
    complete,
    correct,
    due,
    event,
    every,
    game,
    given,
    grant,
    identify,
    level,
    per,
    points,
    total,
)
from laws.log import Log
from wording.states import copy_of

from schemas.numbers import WHOLE_MAX
from schemas.versions import succeed

# The most that definitions let one trigger award.
MOST = 10**12
# So many commits, at so many points each, come as near to the limit as one award can.
FULL = WHOLE_MAX // MOST
REST = WHOLE_MAX - FULL * MOST
RICH = game(points={"xp": per(1, MOST)})
TOO_MANY = (
    f"the points of the user in 'xp' would have moved by more than {WHOLE_MAX} in all: "
    "smaller values or points are needed"
)
BOOST = {"start": "2026-03-01", "multiplier": "99.99"}


# Events


def test_an_award_may_come_up_to_the_limit_and_not_beyond():
    given(RICH).when(event(FULL)).then_of("points", points(FULL * MOST, FULL * MOST))
    given(RICH).when(event(FULL + 1)).then_refused("invalid", TOO_MANY)
    given(RICH).when(event(999_999_999_999_999)).then_refused("invalid", TOO_MANY)


def test_neither_may_several_that_add_up():
    given(RICH, event(FULL)).when(event(1)).then_refused("invalid", TOO_MANY)
    exact = [identify(), grant(REST), event(FULL)]
    given(RICH, *exact).when(event(0)).then(total(0, FULL))
    given(RICH, *exact).when(event(0)).then_state(points={"xp": WHOLE_MAX})
    given(RICH, *exact).when(grant(1)).then_refused("invalid", TOO_MANY)


def test_also_where_they_are_of_one_event():
    two = game(points={"xp": {"triggers": [{"metricThreshold": 1, "points": MOST}] * 2}})
    given(two).when(event(FULL // 2)).then_of(
        "points",
        points(FULL // 2 * MOST, FULL // 2 * MOST),
        points(FULL // 2 * MOST, FULL // 2 * 2 * MOST, "t1"),
    )
    given(two).when(event(FULL)).then_refused("invalid", TOO_MANY)


def test_what_is_deducted_counts_as_much_as_what_is_awarded():
    spent = [identify(), grant(WHOLE_MAX // 2), grant(-(WHOLE_MAX // 2))]
    given(RICH, *spent).when(grant(1)).then_of("points", points(1, 1, None, reason="because"))
    given(RICH, *spent).when(grant(2)).then_refused("invalid", TOO_MANY)
    given(RICH, *spent, grant(1)).when(event(1)).then_refused("invalid", TOO_MANY)


def test_every_system_has_a_limit_of_its_own():
    two = game(points={"xp": per(1, MOST), "care": per(1, 1)})
    given(two, event(FULL)).when(event(0.5)).then(total(0.5, FULL + 0.5))
    given(two, event(FULL)).when(grant(5, system="care")).then_of(
        "points", points(5, FULL + 5, None, "care", reason="because")
    )
    given(two, event(FULL)).when(event(1)).then_refused("invalid", "in 'xp'")


def test_what_is_refused_has_changed_nothing():
    busy = game(
        user=["team"],
        streak={"metrics": [{"metric": "commits", "threshold": 1}], "maxFreezes": 1},
        achievements=[{"key": "one", "metricValue": 1}],
        points={"care": {"triggers": [{"achievement": "one", "points": 5}]}, "xp": per(1, MOST)},
    )
    story = given(busy, identify())
    before = copy_of(story.own)
    moving = event(FULL + 1, "2026-03-05", user={"tz": "Asia/Tokyo", "attributes": {"team": "a"}})
    story.when(moving).then_refused("invalid", TOO_MANY)
    assert story.own == before
    # And what comes then is judged as if it had not been.
    story.when(event(1, "2026-03-05")).then_of(
        "points", points(5, 5, system="care"), points(MOST, MOST)
    )
    given(busy).when(moving).then_refused("invalid", TOO_MANY)


def test_the_key_of_what_is_refused_is_free():
    version = succeed(None, RICH, "default", datetime(2026, 1, 1, tzinfo=UTC))
    log, at = Log([version]), datetime(2026, 3, 2, 12, tzinfo=UTC)
    log.tell({"type": "definitions", "version": 1}, at)
    values = (1, FULL, FULL, FULL - 1, FULL - 1)
    keys = ("a", "b", "b", "b", "b")
    found = [
        log.tell({"user": "ada", "metric": "commits", "value": value, "idempotencyKey": key}, at)
        for value, key in zip(values, keys, strict=True)
    ]
    assert [it.outcome for it in found] == ["applied", "refused", "refused", "applied", "replayed"]
    assert [(it.code, it.entries) for it in found if it.outcome == "refused"] == [
        ("invalid", []),
        ("invalid", []),
    ]
    own = log.user_state("ada")
    assert own is not None
    assert (own.points["xp"].total, own.series["commits"].total) == (FULL * MOST, FULL)


# The cap and zero come first


def test_the_cap_comes_before_the_limit():
    capped = game(points={"xp": per(1, MOST, maxPoints=WHOLE_MAX)})
    given(capped).when(event(FULL + 1)).then_of("points", points(WHOLE_MAX, WHOLE_MAX))
    given(capped).when(event(999_999_999_999_999)).then_of("points", points(WHOLE_MAX, WHOLE_MAX))
    given(capped, event(FULL + 1)).when(event(1)).then_of("points")
    low = game(points={"xp": per(1, MOST, maxPoints=7)})
    given(low).when(event(999_999_999_999_999)).then_of("points", points(7, 7))


def test_zero_comes_before_the_limit():
    costly = game(points={"xp": per(1, -MOST)})
    given(costly, identify(), grant(5)).when(event(999_999_999_999_999)).then_of(
        "points", points(-5, 0)
    )
    half = WHOLE_MAX // 2
    given(costly, identify(), grant(half)).when(event(FULL)).then_of("points", points(-half, 0))
    # It would have moved by twice as much.
    given(costly, identify(), grant(half + 1)).when(event(FULL)).then_refused("invalid", TOO_MANY)


def test_a_boost_does_not_get_around_it():
    boosted = game(points={"xp": per(1, MOST, boosts=[BOOST] * 2)})
    given(boosted).when(event(1)).then_refused("invalid", TOO_MANY)
    once = game(points={"xp": per(1, MOST, boosts=[BOOST])})
    given(once).when(event(1)).then_of("points", points(99_990_000_000_000, 99_990_000_000_000,
                                                        boosts=["b0"]))  # fmt: skip
    given(once).when(event(91)).then_refused("invalid", TOO_MANY)


# Other inputs


def test_an_operator_may_not_go_beyond_it_either():
    given(RICH, identify()).when(grant(WHOLE_MAX)).then_of(
        "points", points(WHOLE_MAX, WHOLE_MAX, None, reason="because")
    )
    given(RICH, identify(), grant(WHOLE_MAX)).when(grant(-1)).then_refused("invalid", TOO_MANY)
    # Up to the cap, and down to zero.
    capped = game(points={"xp": {"maxPoints": 10}})
    given(capped, identify(), grant(4)).when(grant(WHOLE_MAX)).then_of(
        "points", points(6, 10, None, reason="because")
    )
    given(capped, identify(), grant(4)).when(grant(-WHOLE_MAX)).then_of(
        "points", points(-4, 0, None, reason="because")
    )


def test_a_correction_may_not():
    one = event(1)
    given(RICH, one).when(correct(FULL, one)).then_of(
        "points", points((FULL - 1) * MOST, FULL * MOST, reason="because")
    )
    given(RICH, one).when(correct(FULL + 1, one)).then_refused("invalid", TOO_MANY)
    # What it takes back is as much of a change.
    full = event(FULL)
    given(RICH, full).when(correct(None, full)).then_refused("invalid", TOO_MANY)


def test_neither_may_a_completion_nor_a_first_event():
    prize = game(
        achievements=[{"key": "tour"}],
        points={
            "xp": {"triggers": [{"achievement": "tour", "points": MOST}], "boosts": [BOOST] * 2}
        },
    )
    given(prize).when(complete("tour")).then_refused("invalid", TOO_MANY)
    given(prize, identify()).when(complete("tour")).then_refused("invalid", TOO_MANY)
    first = game(points={"xp": {"triggers": [{"points": MOST}], "boosts": [BOOST] * 2}})
    given(first).when(identify()).then_refused("invalid", TOO_MANY)
    given(first).when(event(0)).then_refused("invalid", TOO_MANY)


def test_neither_may_what_is_backdated():
    prize = game(
        achievements=[{"key": "five", "metricValue": 5}],
        points={"xp": {"triggers": [{"achievement": "five", "points": MOST}]}},
    )
    full = [event(5), grant(WHOLE_MAX)]
    given(game(points={"xp": {}}), *full, prize).when(backfill(2)).then_refused("invalid", TOO_MANY)


# Time itself is never refused


HOURLY = game(points={"xp": {"triggers": [every(MOST, hours=1)], "levels": {"top": WHOLE_MAX}}})


def test_a_tick_is_clipped_to_what_is_left():
    left = [identify(), grant(WHOLE_MAX - 5)]
    given(HOURLY, *left).when(due("2026-03-02T13:00:00Z")).then(
        points(5, WHOLE_MAX, at="2026-03-02T13:00:00Z"), level(None, "top", WHOLE_MAX)
    )
    given(HOURLY, *left, due("2026-03-02T13:00:00Z")).when(due("2026-03-02T14:00:00Z")).then()


def test_of_many_ticks_those_that_fit_are_awarded_whole_and_the_next_in_part():
    left = [identify(), grant(WHOLE_MAX - 3 * MOST - 5)]
    given(HOURLY, *left).when(event(0, "2026-03-03")).then_of(
        "points",
        points(3 * MOST, WHOLE_MAX - 5, at="2026-03-02T15:00:00Z", count=3),
        points(5, WHOLE_MAX, at="2026-03-02T16:00:00Z"),
    )


def test_a_deducting_tick_is_clipped_too():
    costly = game(points={"xp": {"triggers": [every(-MOST, hours=1)]}})
    half = WHOLE_MAX // 2 + 3
    spent = [identify(), grant(half)]
    # Down by what is left of the limit, not to zero.
    given(costly, *spent).when(event(0, "2027-03-02")).then_state(
        points={"xp": half - (WHOLE_MAX - half)}
    )
    given(costly, *spent, event(0, "2027-03-02")).when(event(0, "2027-03-03")).then_of("points")


def test_the_cap_comes_before_the_limit_of_ticks_too():
    capped = game(points={"xp": {"triggers": [every(MOST, hours=1)], "maxPoints": 7}})
    given(capped, identify()).when(due("2026-03-02T13:00:00Z")).then(
        points(7, 7, at="2026-03-02T13:00:00Z")
    )


def test_a_boosted_tick_is_clipped():
    boosted = game(points={"xp": {"triggers": [every(MOST, hours=1)], "boosts": [BOOST] * 9}})
    keys = [f"b{it}" for it in range(9)]
    given(boosted, identify()).when(due("2026-03-02T13:00:00Z")).then(
        points(WHOLE_MAX, WHOLE_MAX, at="2026-03-02T13:00:00Z", boosts=keys)
    )
