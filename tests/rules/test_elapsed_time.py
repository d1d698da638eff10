"""What time alone does: when it is due, in which order, and that late is the same as in time."""

from itertools import pairwise

import pytest
from given import (
    boost_turn,
    complete,
    created,
    daily,
    days,
    due,
    due_at,
    event,
    every,
    freeze,
    freezes,
    game,
    given,
    grant,
    identify,
    in_words,
    kind_of,
    of_kind,
    pause,
    play,
    points,
    prefer,
    restore,
    streak,
    total,
    unpause,
)

from processor.rules.decide import event_time
from schemas.instants import micros, write_micros

DAILY = game(streak=daily())
# All that time does at once: freezes, ticks, and a boost of this user.
FULL = game(
    streak=daily(initialFreezes=1, maxFreezes=2, freezeAutoEarnInterval=3, freezeAutoEarnAmount=1),
    points={
        "xp": {
            "triggers": [every(1, hours=5)],
            "boosts": [
                {"start": "2026-03-05", "end": "2026-03-07", "multiplier": 2, "userId": "ada"}
            ],
        }
    },
)


# When


@pytest.mark.parametrize(
    ("frequency", "at"),
    [
        ("daily", "2026-03-04T00:00:00Z"),
        ("weekly", "2026-03-16T00:00:00Z"),
        ("monthly", "2026-05-01T00:00:00Z"),
    ],
)
def test_a_streak_is_due_at_the_end_of_the_period_that_it_must_be_kept_in(frequency, at):
    given(game(streak=daily(frequency=frequency))).when(event()).then_due(at)


def test_of_the_three_frequencies_only_the_games_own_is_due():
    given(DAILY).when(event()).then_of("due", due_at("2026-03-04T00:00:00Z"))
    monthly = game(streak=daily(frequency="monthly"))
    found = play(monthly, *days(2), event(0, at="2026-03-20"))[-1]
    assert of_kind("due", found) == []


def test_midnight_is_the_users():
    given(DAILY).when(event(user={"tz": "Asia/Tokyo"})).then_due("2026-03-03T15:00:00Z")
    given(DAILY).when(event(user={"tz": "America/New_York"})).then_due("2026-03-04T05:00:00Z")


def test_with_every_extension_it_is_due_a_day_later():
    given(DAILY, *days(2)).when(event(at="2026-03-03")).then_due("2026-03-05T00:00:00Z")
    given(DAILY, *days(2)).when(event(at="2026-03-02T20:00:00Z")).then_of("due")


def test_without_a_streak_nothing_is_due():
    given(DAILY).when(identify()).then_due(None)
    given(game(streak=daily(5))).when(event(4)).then_due(None)


def test_after_a_loss_nothing_is_due():
    given(DAILY, *days(2)).when(due("2026-03-04T00:00:00Z")).then_of("due", due_at(None))


def test_after_a_loss_it_is_due_by_the_definitions_that_are_now_in_force():
    monthly = game(streak=daily(frequency="monthly"))
    given(monthly, *days(2), DAILY).when(event(0, at="2026-03-20")).then_of("due", due_at(None))


def test_a_frozen_day_is_due_again_with_the_next_one():
    frozen = game(streak=daily(initialFreezes=1, maxFreezes=1))
    given(frozen, *days(2)).when(due("2026-03-04T00:00:00Z")).then_due("2026-03-05T00:00:00Z")


def test_freezes_are_due_while_there_is_room_for_more():
    earning = game(streak=daily(maxFreezes=1, freezeAutoEarnInterval=3, freezeAutoEarnAmount=1))
    given(earning).when(identify()).then_due("2026-03-05T00:00:00Z")
    given(earning, identify()).when(due("2026-03-05T00:00:00Z")).then_due(None)
    given(earning, identify()).when(freeze()).then_due(None)
    given(game(streak=daily(maxFreezes=1, initialFreezes=1))).when(identify()).then_due(None)


def test_freezes_are_due_again_when_there_is_room_again():
    earning = game(
        streak=daily(
            initialFreezes=1, maxFreezes=1, freezeAutoEarnInterval=10, freezeAutoEarnAmount=1
        )
    )
    story = [*days(2), due("2026-03-04T00:00:00Z")]
    given(earning, *story).when(due("2026-03-05T00:00:00Z")).then_due("2026-03-12T00:00:00Z")


def test_what_comes_first_is_due_first():
    given(FULL).when(event()).then_due("2026-03-02T17:00:00Z")
    given(FULL, event()).when(event(0, at="2026-03-03T23:30:00Z")).then_due("2026-03-04T00:00:00Z")
    given(FULL, event()).when(event(0, at="2026-03-04T23:30:00Z")).then_due("2026-03-05T00:00:00Z")


@pytest.mark.parametrize(
    ("sent", "at"),
    [
        (identify(tz="Asia/Tokyo"), "2026-03-03T15:00:00Z"),
        (prefer(enabled=False), None),
        (prefer(enabled=True), "2026-03-04T00:00:00Z"),
        (pause("2026-03-03", "2026-03-05"), "2026-03-04T00:00:00Z"),
        (event(at="2026-03-03"), "2026-03-05T00:00:00Z"),
        (event(at="2026-03-02T23:00:00Z"), "2026-03-04T00:00:00Z"),
    ],
)
def test_whatever_moves_it_says_so(sent, at):
    story = given(DAILY, *days(2))
    story.when(sent).then_due(at)
    story.when(sent).then_of("due", *([] if at == "2026-03-04T00:00:00Z" else [due_at(at)]))


def test_what_is_due_always_lies_ahead():
    story = [
        *days(2, 3, 5),
        identify("2026-03-05T10:00:00Z", tz="Pacific/Kiritimati"),
        freeze("2026-03-05T11:00:00Z"),
        identify("2026-03-06T10:30:00Z", tz="Pacific/Pago_Pago"),
        pause("2026-03-07", "2026-03-09", "2026-03-06T11:00:00Z"),
        event(at="2026-03-12T00:00:00Z"),
        event(at="2026-03-09", appended="2026-03-12T00:00:00Z"),
        restore("2026-03-20T00:00:00Z"),
        unpause("2026-03-20T00:00:00Z"),
        identify("2026-03-20T00:00:00Z", tz="UTC"),
    ]
    for decided in play(FULL, *story):
        assert decided.own.due > decided.own.time


# The clock's own input


def test_the_clock_concludes_what_is_due():
    given(DAILY, *days(2)).when(due("2026-03-04T00:00:00Z")).then_notified(
        streak("lost", 0, "2026-03-03", None, lost=1)
    )


def test_a_second_word_of_the_same_instant_is_nothing():
    story = [*days(2), due("2026-03-04T00:00:00Z")]
    given(DAILY, *story).when(due("2026-03-04T00:00:00Z")).then_nothing()
    given(FULL, *story).when(due("2026-03-04T00:00:00Z")).then_nothing()


def test_what_an_event_has_concluded_before_is_nothing():
    story = [*days(2), event(at="2026-03-04T00:00:01Z")]
    given(DAILY, *story).when(due("2026-03-04T00:00:00Z")).then_nothing()


def test_the_word_of_an_instant_before_what_is_due_is_nothing():
    given(DAILY, *days(2)).when(due("2026-03-03T23:59:59Z")).then_nothing()


def test_the_clocks_word_is_of_the_instant_that_fell_due_however_late_it_comes():
    late = due("2026-03-04T00:00:00Z", appended="2026-03-11T00:00:00Z")
    given(DAILY, *days(2)).when(late).then_state(time="2026-03-04T00:00:00Z")


def test_the_clock_does_not_know_the_future():
    early = due("2026-03-04T00:00:00Z", appended="2026-03-03T23:54:59Z")
    given(DAILY, *days(2)).when(early).then_refused("invalid", "at is more than 5 minutes")
    nearly = due("2026-03-04T00:00:00Z", appended="2026-03-03T23:55:00Z")
    given(DAILY, *days(2)).when(nearly).then_state(time="2026-03-04T00:00:00Z")


def test_the_clock_speaks_of_users_who_exist():
    given(DAILY).when(due("2026-03-04")).then_refused("not_found", "User does not exist")


# The order


def test_everything_that_time_does_is_in_one_order():
    given(FULL, event()).when(event(at="2026-03-05T02:00:00Z")).then_notified(
        streak("frozen", 1, "2026-03-03", "2026-03-02", since="2026-03-03", consumed=1, freezes=0),
        streak("lost", 0, "2026-03-04", None, lost=1),
        freezes("earned", 1, 1, "2026-03-05"),
        points(11, 11, at="2026-03-04T19:00:00Z", count=11),
        points(2, 13, at="2026-03-05T00:00:00Z", boosts=["b0"]),
        boost_turn("started"),
        streak("started", 1, "2026-03-05", "2026-03-05"),
    )


def test_what_time_has_done_comes_before_what_the_input_says_of_its_user():
    moves = identify("2026-03-04", tz="Asia/Tokyo")
    kinds = [kind_of(it) for it in play(DAILY, *days(2), moves)[-1].entries]
    assert kinds == ["streak", "user", "due"]


def test_all_other_frequencies_come_before_the_one_that_freezes_protect():
    frozen = game(streak=daily(initialFreezes=1, maxFreezes=1))
    found = play(frozen, *days(2), due("2026-03-04"), event(0, at="2026-03-30"))[-1].entries
    assert [(it.frequency, it.change) for it in found if kind_of(it) == "streak"] == [
        ("weekly", "lost"),
        ("daily", "lost"),
    ]


# Late is the same as in time


def punctual(definitions, *story):
    """Return the decisions of a story with a clock that is never late."""
    own = given(definitions)
    for sent in story:
        at = event_time(sent.input, micros(sent.appended))
        while own.own and own.own.due is not None and own.own.due <= at:
            own.play(due(write_micros(own.own.due)))
        own.play(sent)
    return own.decisions


def sums(decisions):
    """Return what is told in all decisions together: points, freezes, losses."""
    entries = [it for decided in decisions for it in decided.entries]
    return {
        "points": sum(it.awarded for it in entries if kind_of(it) == "points"),
        "earned": sum(it.amount for it in entries if kind_of(it) == "freezes"),
        "consumed": sum(it.consumed or 0 for it in entries if kind_of(it) == "streak"),
        "lost": [
            (it.period, it.lost)
            for it in entries
            if kind_of(it) == "streak" and it.change == "lost" and it.frequency == "daily"
        ],
        "boosts": [it.change for it in entries if kind_of(it) == "boost"],
    }


@pytest.mark.parametrize(
    "story",
    [
        pytest.param([*days(2), event(0, at="2026-03-30")], id="four weeks"),
        pytest.param([*days(2, 3, 5), event(at="2026-03-20")], id="an event at the end"),
        pytest.param(
            [*days(2), pause("2026-03-04", "2026-03-06"), event(at="2026-03-20")], id="a pause"
        ),
        pytest.param(
            [identify(tz="Europe/Berlin"), *days(28), event(at="2026-04-20")], id="summer time"
        ),
        pytest.param([*days(2), grant(5), event(0, at="2026-03-20")], id="a grant"),
    ],
)
def test_a_clock_that_was_down_concludes_what_a_punctual_one_would_have(story):
    late, in_time = play(FULL, *story), punctual(FULL, *story)
    assert len(in_time) > len(late)
    assert late[-1].own == in_time[-1].own
    assert sums(late) == sums(in_time)


def test_a_punctual_clock_takes_its_steps_in_the_order_of_time():
    decisions = punctual(FULL, *days(2), event(0, at="2026-03-09"))
    times = [it.own.time for it in decisions]
    assert all(before <= after for before, after in pairwise(times))


# What every input has in common


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(event(0, at="2026-03-04"), id="event"),
        pytest.param(complete("tour", "2026-03-04"), id="completion"),
        pytest.param(identify("2026-03-04"), id="identification"),
        pytest.param(grant(1, "2026-03-04"), id="grant"),
        pytest.param(freeze("2026-03-04"), id="freeze"),
        pytest.param(pause("2026-03-05", "2026-03-05", "2026-03-04"), id="pause"),
        pytest.param(prefer("2026-03-04", enabled=True), id="preferences"),
        pytest.param(restore("2026-03-04"), id="restoration"),
        pytest.param(due("2026-03-04"), id="clock"),
    ],
)
def test_every_input_rolls_its_user_forward_first(sent):
    all_ = game(streak=daily(maxFreezes=1), achievements=[{"key": "tour"}], points={"xp": {}})
    decided = given(all_, *days(2), sent).decisions[-1]
    assert decided.entries[0] == streak("lost", 0, "2026-03-03", None, lost=1)
    assert in_words(decided.own)["time"] == "2026-03-04T12:00:00Z"


def test_a_new_user_has_no_past_to_roll():
    given(FULL).when(event(at="2026-03-09")).then_notified(
        freezes("granted", 1, 1, "2026-03-09"), streak("started", 1, "2026-03-09", "2026-03-09")
    )


def test_an_identification_alone_starts_nothing():
    given(DAILY).when(identify()).then(created())
    given(DAILY, identify()).when(identify("2026-03-03", name="Ada")).then()


def test_a_late_event_rolls_nothing_back():
    given(DAILY, *days(2, 5)).when(event(0, at="2026-03-03", appended="2026-03-05")).then(
        total(0, 2, day="2026-03-03")
    )
