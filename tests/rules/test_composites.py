"""Achievements of requests, of others, and of the past: what completes them, and whether it may."""

import pytest
from given import (
    achievement,
    backfill,
    backfilled,
    complete,
    correct,
    created,
    daily,
    days,
    due,
    event,
    game,
    given,
    identify,
    in_words,
    kind_of,
    kinds_of,
    level,
    on,
    play,
    points,
    total,
)

API = game(user=["team"], achievements=[{"key": "tour"}])


def done(*keys):
    """Return the entries of achievements that somebody is notified of."""
    return [achievement(key) for key in keys]


def quietly(*keys):
    """Return the entries of achievements that nobody is notified of."""
    return [achievement(key, quiet=True) for key in keys]


# By request


def test_a_request_completes_an_achievement_of_a_user_who_may_be_new():
    given(API).when(complete("tour")).then(created(), *done("tour"))
    given(API, identify()).when(complete("tour")).then(*done("tour"))


def test_it_may_say_more_of_its_user():
    given(API).when(complete("tour", tz="Asia/Tokyo", attributes={"team": "red"})).then(
        created(tz="Asia/Tokyo", attributes={"team": "red"}), *done("tour")
    )


def test_od_10_a_second_request_does_nothing():
    given(API, complete("tour")).when(complete("tour", "2026-03-03", tz="UTC")).then_nothing()


def test_the_completion_bears_the_time_of_the_request():
    last = play(API, complete("tour", "2026-03-03"))[-1]
    assert in_words(last.own)["achievements"] == {"tour": "2026-03-03T12:00:00Z"}


def test_one_that_is_not_there_is_not_found():
    given(API).when(complete("star")).then_refused(
        "not_found", "no achievement 'star' can be completed by request (known: tour)"
    )
    given(game()).when(complete("tour")).then_refused("not_found", "(known: none)")
    gone = game(achievements=[{"key": "tour", "archived": True}])
    given(gone).when(complete("tour")).then_refused("not_found", "(known: none)")


@pytest.mark.parametrize(
    "rule",
    [{"metricValue": 1}, {"streakLength": 1}, {"achievements": ["tour"]}],
)
def test_one_that_is_completed_otherwise_cannot_be_by_request(rule):
    other = game(achievements=[{"key": "tour"}, {"key": "a", **rule}])
    given(other).when(complete("a")).then_refused("not_found", "(known: tour)")


@pytest.mark.parametrize("status", ["inactive", "locked"])
def test_one_that_is_not_active_cannot_be_completed(status):
    closed = game(achievements=[{"key": "tour", "status": status}])
    given(closed).when(complete("tour")).then_refused("invalid", "'tour'")


def test_who_has_it_keeps_it_when_it_is_locked():
    locked = game(achievements=[{"key": "tour", "status": "locked"}])
    given(API, complete("tour"), locked).when(complete("tour")).then_nothing()


@pytest.mark.parametrize("attributes", [{}, {"team": "blue"}])
def test_it_is_for_users_with_all_of_its_attributes(attributes):
    red = game(user=["team"], achievements=[{"key": "tour", "userAttributes": {"team": "red"}}])
    given(red).when(complete("tour", attributes=attributes)).then_refused(
        "invalid", "the achievement 'tour' is for users with other attributes"
    )
    given(red).when(complete("tour", attributes={"team": "red"})).then_of(
        "achievement", *done("tour")
    )


def test_an_unknown_attribute_of_the_user_is_refused():
    given(API).when(complete("tour", attributes={"age": "9"})).then_refused(
        "invalid", "Invalid attribute keys: age."
    )
    given(API).when(identify(attributes={"age": "9"})).then_refused(
        "invalid", "Invalid attribute keys: age."
    )


def test_one_of_the_future_is_refused():
    given(API).when(complete("tour", "2026-03-02T12:05:00Z")._replace(
        appended=complete("tour").appended
    )).then_of("achievement", *done("tour"))  # fmt: skip
    given(API).when(complete("tour", "2026-03-02T12:05:01Z")._replace(
        appended=complete("tour").appended
    )).then_refused("invalid", "occurredAt is more than 5 minutes in the future")  # fmt: skip


def test_it_awards_points_and_brings_levels():
    prize = game(
        achievements=[{"key": "tour"}],
        points={
            "xp": {
                "triggers": [{"achievement": "tour", "points": 50}, {"points": 1}],
                "levels": {"silver": 50},
            }
        },
    )
    given(prize).when(complete("tour")).then(
        created(),
        points(1, 1, "t1"),
        *done("tour"),
        points(50, 51),
        level(None, "silver", 51),
    )


def test_it_comes_after_what_time_has_done():
    both = game(streak=daily(), achievements=[{"key": "tour"}])
    found = play(both, *days(2), complete("tour", "2026-03-09"))[-1].entries
    assert kinds_of(found) == ["lost", "achievement", "due"]


# By others

ALL = game(
    ["flashcards"],
    streak={"metrics": [{"metric": "flashcards", "threshold": 1}]},
    achievements=[
        {"key": "all", "achievements": ["thousand", "week", "onboarding"]},
        {"key": "thousand", "metricValue": 1000, "metric": "flashcards"},
        {"key": "week", "streakLength": 7},
        {"key": "onboarding"},
    ],
)


def week(value=1, upto=7):
    """Return an event on each of the first days of March."""
    return [event(value, f"2026-03-0{day}", metric="flashcards") for day in range(1, upto + 1)]


@pytest.mark.parametrize(
    ("story", "last", "expected"),
    [
        ([*week(200), complete("onboarding")], None, []),
        ([*week(200)], complete("onboarding", "2026-03-07"), ["onboarding", "all"]),
        (
            [complete("onboarding", "2026-03-01"), *week(200, 6)],
            week(1)[6],
            ["week", "all"],
        ),
        (
            [complete("onboarding", "2026-03-01"), *week(1)],
            event(993, "2026-03-07", metric="flashcards"),
            ["thousand", "all"],
        ),
    ],
)
def test_d1_23_the_composite_is_completed_with_the_last_of_its_parts(story, last, expected):
    if last is None:
        assert "all" in play(ALL, *story)[-1].own.achievements
    else:
        given(ALL, *story).when(last).then_of("achievement", *done(*expected))


def test_a_part_of_it_is_not_enough():
    given(ALL, complete("onboarding", "2026-03-01"), *week(1, 6)).when(week(1)[6]).then_of(
        "achievement", *done("week")
    )


def test_composites_of_composites_are_completed_at_once_whatever_their_order():
    nested = game(
        achievements=[
            {"key": "c", "achievements": ["b"]},
            {"key": "b", "achievements": ["a"]},
            {"key": "a"},
        ]
    )
    given(nested).when(complete("a")).then_of("achievement", *done("a", "b", "c"))


def test_a_composite_is_completed_once():
    two = game(achievements=[{"key": "both", "achievements": ["a"]}, {"key": "a"}, {"key": "b"}])
    given(two, complete("a")).when(complete("b")).then_of("achievement", *done("b"))


def test_a_composite_is_for_users_with_its_attributes():
    red = game(
        user=["team"],
        achievements=[
            {"key": "both", "achievements": ["a"], "userAttributes": {"team": "red"}},
            {"key": "a"},
        ],
    )
    given(red).when(complete("a")).then_of("achievement", *done("a"))
    given(red).when(complete("a", attributes={"team": "red"})).then_of(
        "achievement", *done("a", "both")
    )


@pytest.mark.parametrize(
    "fields", [{"status": "inactive"}, {"status": "locked"}, {"archived": True}]
)
def test_a_composite_that_is_not_active_is_not_completed(fields):
    closed = game(achievements=[{"key": "both", "achievements": ["a"], **fields}, {"key": "a"}])
    given(closed).when(complete("a")).then_of("achievement", *done("a"))


def test_what_a_composite_awards_comes_with_its_last_part():
    prize = game(
        achievements=[{"key": "both", "achievements": ["a"]}, {"key": "a", "metricValue": 1}],
        points={"xp": {"triggers": [{"achievement": "both", "points": 50}]}},
    )
    given(prize).when(event()).then(created(), total(1, 1), *done("a", "both"), points(50, 50))


# By the past

PLAIN = game(event=["kind"], user=["team"], streak=daily())


def later(*achievements, **parts):
    """Return the same game with these achievements."""
    return game(event=["kind"], user=["team"], streak=daily(), achievements=achievements, **parts)


def test_a_new_achievement_is_completed_for_those_who_qualify_and_nobody_is_told():
    five = later({"key": "five", "metricValue": 5})
    given(PLAIN, event(5), five).when(backfill(2)).then(backfilled(2), *quietly("five"))
    given(PLAIN, event(4), five).when(backfill(2)).then(backfilled(2))


def test_one_that_is_activated_is_completed_for_those_who_qualify():
    asleep = later({"key": "five", "metricValue": 5, "status": "inactive"})
    awake = later({"key": "five", "metricValue": 5})
    given(asleep, event(5), awake).when(backfill(2)).then(backfilled(2), *quietly("five"))


def test_one_that_was_made_easier_is_completed_for_those_who_qualify_now():
    ten, five = (later({"key": "a", "metricValue": value}) for value in (10, 5))
    given(ten, event(5), five).when(backfill(2)).then(backfilled(2), *quietly("a"))


def test_who_has_it_already_gets_it_no_second_time():
    five = later({"key": "five", "metricValue": 5})
    given(five, event(5), PLAIN, five).when(backfill(3)).then(backfilled(3))


def test_it_may_come_before_the_backfill_by_the_next_event_and_is_then_told():
    five = later({"key": "five", "metricValue": 5})
    given(PLAIN, event(5), five).when(event(0)).then_of("achievement", *done("five"))
    given(PLAIN, event(5), five, event(0)).when(backfill(2)).then(backfilled(2))


def test_achievements_of_others_attributes_and_of_requests_are_not_completed():
    some = later(
        {"key": "red", "metricValue": 1, "userAttributes": {"team": "red"}},
        {"key": "tour"},
        {"key": "asleep", "metricValue": 1, "status": "inactive"},
        {"key": "locked", "metricValue": 1, "status": "locked"},
    )
    given(PLAIN, event(5), some).when(backfill(2)).then(backfilled(2))


def test_for_a_streak_the_greatest_length_ever_counts():
    three = later({"key": "three", "streakLength": 3})
    given(PLAIN, *days(2, 3, 4, 6), three).when(backfill(2, "2026-03-06")).then(
        backfilled(2), *quietly("three")
    )
    given(PLAIN, *days(2, 3, 5, 6), three).when(backfill(2, "2026-03-06")).then(backfilled(2))


def test_a_step_towards_a_streak_is_no_streak():
    one = game(streak=daily(5), achievements=[{"key": "one", "streakLength": 1}])
    given(game(streak=daily(5)), event(4), one).when(backfill(2)).then(backfilled(2))


def test_that_streak_is_the_one_of_the_games_frequency():
    one = {"key": "one", "streakLength": 2}
    weekly = game(event=["kind"], streak=daily(frequency="weekly"), achievements=[one])
    given(PLAIN, *days(2, 3), weekly).when(backfill(2, "2026-03-03")).then(backfilled(2))
    given(PLAIN, *days(2, 9), weekly).when(backfill(2, "2026-03-09")).then_of(
        "achievement", *quietly("one")
    )


def test_composites_follow_also_where_all_parts_were_held_before():
    parts = {"key": "a", "metricValue": 1}, {"key": "b", "metricValue": 5}
    both = {"key": "both", "achievements": ["a", "b"]}
    given(later(*parts), event(5), later(*parts, both)).when(backfill(2)).then(
        backfilled(2), *quietly("both")
    )
    given(PLAIN, event(5), later(both, *parts)).when(backfill(2)).then(
        backfilled(2), *quietly("a", "b", "both")
    )
    given(PLAIN, event(4), later(both, *parts)).when(backfill(2)).then(backfilled(2), *quietly("a"))


def test_od_9_what_it_awards_is_awarded_and_levels_follow_and_nobody_is_told():
    prize = later(
        {"key": "five", "metricValue": 5},
        points={
            "xp": {"triggers": [{"achievement": "five", "points": 60}], "levels": {"silver": 50}}
        },
    )
    given(PLAIN, event(5), prize).when(backfill(2)).then(
        backfilled(2),
        *quietly("five"),
        points(60, 60, quiet=True),
        level(None, "silver", 60, quiet=True),
    )


def test_what_time_has_done_until_then_is_told_all_the_same():
    five = later({"key": "five", "metricValue": 1})
    found = play(PLAIN, *days(2), five, backfill(2, "2026-03-09"))[-1].entries
    lost = [it for it in found if kind_of(it) == "streak" and it.frequency == "daily"]
    assert [it.quiet for it in lost] == [False]


def test_a_backfill_is_for_users_who_exist():
    given(PLAIN).when(backfill(2)).then_refused("not_found", "User does not exist")


def test_a_backfill_of_a_version_comes_once_and_not_after_that_of_a_later_one():
    five = later({"key": "five", "metricValue": 5})
    story = [event(4), five, backfill(2)]
    given(PLAIN, *story).when(backfill(2)).then_nothing()
    given(PLAIN, *story, PLAIN, backfill(3)).when(backfill(2)).then_nothing()


def test_the_first_version_asks_nothing_of_the_past():
    given(PLAIN, event()).when(backfill(1)).then_nothing()


def test_one_who_comes_to_be_under_a_version_has_no_past_before_it():
    five = later({"key": "five", "metricValue": 5})
    given(PLAIN, five).when(event()).then_of("user", created(known=2, day="2026-03-02"))
    given(PLAIN, five, event()).when(backfill(2)).then_nothing()


# Filters that are new

MERGES = later({"key": "three", "metricValue": 3, "eventAttributes": {"kind": "a"}})
MERGE = event(attributes={"kind": "a"})


def test_what_was_before_a_filter_is_added_to_what_came_since():
    story = [event(2, attributes={"kind": "a"}), MERGES, MERGE]
    given(PLAIN, *story).when(backfill(2, kind_a=("2", "2"))).then(
        backfilled(2, kind_a=("3", "3")), *quietly("three")
    )
    given(PLAIN, *story).when(backfill(2, kind_a=("1", "1"))).then(backfilled(2, kind_a=("2", "2")))


def test_before_its_past_is_known_a_filtered_achievement_is_not_completed():
    given(PLAIN, event(), MERGES).when(event(9, attributes={"kind": "a"})).then_of("achievement")
    late = [event(), MERGES, event(9, attributes={"kind": "a"})]
    given(PLAIN, *late).when(backfill(2, kind_a=("-8", "0"))).then(backfilled(2, kind_a=("1", "1")))
    given(PLAIN, *late).when(backfill(2, kind_a=("0", "0"))).then_of(
        "achievement", *quietly("three")
    )


def test_one_without_a_past_completes_it_with_events_alone():
    given(PLAIN, MERGES, event(2, attributes={"kind": "a"})).when(MERGE).then_of(
        "achievement", *done("three")
    )


def test_afterwards_the_next_event_completes_it():
    story = [event(), MERGES, backfill(2, kind_a=("2", "2"))]
    given(PLAIN, *story).when(MERGE).then_of("achievement", *done("three"))


@pytest.mark.parametrize(
    ("past", "since", "expected"),
    [
        (("5", "8"), [], ("5", "8")),
        (("5", "8"), [2], ("7", "8")),
        (("5", "8"), [4], ("9", "9")),
        (("5", "8"), [4, -3], ("6", "9")),
        (("-5", "0"), [4], ("-1", "0")),
        (("0.1", "0.1"), [0.2], ("0.3", "0.3")),
    ],
)
def test_the_highest_value_is_that_of_the_whole_history(past, since, expected):
    came = [event(value, attributes={"kind": "a"}) for value in since]
    last = play(PLAIN, event(0), MERGES, *came, backfill(2, kind_a=past))[-1]
    assert in_words(last.own)["series"]["commits?kind=a"] == expected


def test_a_filter_that_has_always_been_counted_is_left_as_it_is():
    more = later(
        {"key": "three", "metricValue": 3, "eventAttributes": {"kind": "a"}},
        {"key": "five", "metricValue": 5},
    )
    given(MERGES, MERGE, more).when(backfill(2, kind_a=("7", "7"))).then(backfilled(2))


def test_a_filter_that_is_left_out_is_counted_on_and_whole_when_it_is_asked_for_again():
    story = [MERGE, PLAIN, MERGE, MERGES]
    given(MERGES, *story).when(MERGE).then_of("achievement", *done("three"))
    given(MERGES, *story, MERGE).when(backfill(3, kind_a=("7", "7"))).then(backfilled(3))


def test_a_filter_that_was_left_out_meanwhile_gets_its_past_all_the_same():
    story = [event(), MERGES, PLAIN]
    given(PLAIN, *story).when(backfill(3, kind_a=("7", "7"))).then(backfilled(3, kind_a=("7", "7")))


def test_a_filter_that_nobody_asked_for_is_left_out():
    given(PLAIN, event(), MERGES).when(backfill(2, kind_b=("7", "7"))).then(backfilled(2))


def test_a_filter_of_a_version_to_come_is_left_to_its_own_backfill():
    fives = later({"key": "two", "metricValue": 2, "eventAttributes": {"kind": "b"}})
    story = [event(), MERGES, fives]
    given(PLAIN, *story).when(backfill(2, kind_b=("7", "7"))).then(backfilled(2))


def test_two_versions_may_be_known_by_the_backfill_of_the_second():
    both = later(
        {"key": "three", "metricValue": 3, "eventAttributes": {"kind": "a"}},
        {"key": "two", "metricValue": 2, "eventAttributes": {"kind": "b"}},
    )
    given(PLAIN, event(), MERGES, both).when(
        backfill(3, kind_a=("3", "3"), kind_b=("1", "1"))
    ).then(backfilled(3, kind_a=("3", "3"), kind_b=("1", "1")), *quietly("three"))


# When something is due anew


def test_a_backfill_says_when_what_a_version_brought_is_due():
    ticking = game(
        streak=daily(),
        points={
            "xp": {
                "triggers": [{"type": "time", "timeUnit": "hours", "timeInterval": 1, "points": 1}]
            }
        },
    )
    given(PLAIN, identify(), ticking).when(backfill(2)).then_due("2026-03-02T13:00:00Z")
    given(PLAIN, identify(), ticking).when(event(0)).then_due(None)


def test_due_for_nothing_is_nothing():
    given(PLAIN, identify()).when(due("2026-03-09")).then_nothing()
    given(PLAIN, *on("2026-03-02")).when(due("2026-03-03")).then_nothing()


def test_a_composite_waits_for_the_next_achievement_of_one_who_gets_its_attributes_later():
    red = game(
        user=["team"],
        achievements=[
            {"key": "both", "achievements": ["a"], "userAttributes": {"team": "red"}},
            {"key": "a"},
            {"key": "b"},
        ],
    )
    sent = event(3)
    story = given(red, sent, complete("a"), identify(attributes={"team": "red"}))
    story.when(event()).then_of("achievement")
    story.when(correct(5, sent)).then_of("achievement")
    story.when(complete("b")).then_of("achievement", *done("b", "both"))
