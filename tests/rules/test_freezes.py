"""Freezes: granted at first, earned with time, given by operators, used for missed periods."""

from datetime import date, timedelta

import pytest
from given import (
    created,
    daily,
    days,
    due,
    event,
    freeze,
    freezes,
    game,
    given,
    identify,
    kind_of,
    lengths,
    of_kind,
    on,
    play,
    streak,
)
from msgspec.json import encode

ONE = game(streak=daily(initialFreezes=1, maxFreezes=3))
TWO = game(streak=daily(initialFreezes=2, maxFreezes=3))


def interval(days, most, **fields):
    """Return a game in which one freeze is earned every so many days."""
    earning = {"maxFreezes": most, "freezeAutoEarnInterval": days, "freezeAutoEarnAmount": 1}
    return game(streak=daily(**{"initialFreezes": 1, **earning, **fields}))


EACH_DAY = interval(1, 1)
EARNING = interval(2, 2, initialFreezes=0)


def frozen(length, period, started, left, *, consumed=1, since=None, frequency="daily"):
    """Return the entry of consumed freezes; `since` is the first period of several."""
    kept = {"since": since or period, "consumed": consumed, "freezes": left}
    return streak("frozen", length, period, started, frequency=frequency, **kept)


def lost(length, period, **fields):
    """Return the entry of a lost streak."""
    return streak("lost", 0, period, None, lost=length, **fields)


# Granted


def test_a_user_begins_with_the_initial_freezes():
    given(TWO).when(identify()).then(created(), freezes("granted", 2, 2))


def test_the_first_freezes_are_granted_once():
    given(TWO, identify()).when(identify(tz="Asia/Tokyo")).then_of("freezes")


def test_a_game_without_freezes_grants_none():
    given(game(streak=daily())).when(identify()).then(created())


def test_the_first_freezes_are_of_the_users_own_date():
    late = identify("2026-03-02T23:00:00Z", tz="Asia/Tokyo")
    given(TWO).when(late).then_of("freezes", freezes("granted", 2, 2, "2026-03-03"))


def test_an_operator_grants_one_at_a_time_up_to_the_ceiling():
    given(TWO, identify()).when(freeze()).then(freezes("granted", 1, 3))
    given(TWO, identify(), freeze()).when(freeze()).then_refused(
        "invalid", "Would exceed maximum freeze limit"
    )


def test_where_there_are_no_freezes_none_can_be_granted():
    given(game(streak=daily()), identify()).when(freeze()).then_refused(
        "invalid", "Would exceed maximum freeze limit"
    )


def test_a_freeze_is_for_users_who_exist():
    given(TWO).when(freeze()).then_refused("not_found", "User does not exist")


# Consumed


def test_a_missed_day_consumes_a_freeze_and_the_length_stays():
    given(ONE, *days(2, 3)).when(due("2026-03-05T00:00:00Z")).then_notified(
        frozen(2, "2026-03-04", "2026-03-02", 0)
    )


def test_nothing_is_consumed_before_the_day_is_over():
    given(ONE, *days(2, 3)).when(event(0, at="2026-03-04T23:59:59Z")).then_notified()


def test_every_missed_day_consumes_one_and_they_are_told_together():
    given(TWO, *days(2)).when(event(0, at="2026-03-05")).then_notified(
        frozen(1, "2026-03-04", "2026-03-02", 0, consumed=2, since="2026-03-03")
    )


def test_where_the_freezes_do_not_reach_they_are_used_up_and_the_streak_is_lost():
    given(TWO, *days(2)).when(event(0, at="2026-03-09")).then_notified(
        frozen(1, "2026-03-04", "2026-03-02", 0, consumed=2, since="2026-03-03"),
        lost(1, "2026-03-05"),
    )


def test_without_a_streak_no_freeze_is_consumed():
    given(TWO, identify()).when(event(0, at="2026-03-09")).then_state(freezes=2)
    gone = [*days(2), event(0, at="2026-03-09"), freeze("2026-03-09")]
    given(TWO, *gone).when(event(0, at="2026-03-20")).then_state(freezes=1)


def test_a_freeze_that_came_too_late_saves_nothing():
    given(game(streak=daily(maxFreezes=3)), *days(2)).when(freeze("2026-03-04")).then_notified(
        lost(1, "2026-03-03"), freezes("granted", 1, 1, "2026-03-04")
    )


def test_the_day_after_a_frozen_one_extends_the_streak():
    given(ONE, *days(2, 3)).when(event(at="2026-03-05")).then_notified(
        frozen(2, "2026-03-04", "2026-03-02", 0),
        streak("extended", 3, "2026-03-05", "2026-03-02"),
    )


def test_a_late_event_of_a_frozen_day_gives_the_freeze_not_back():
    late = event(at="2026-03-04", appended="2026-03-05")
    given(ONE, *days(2, 3), event(0, at="2026-03-05")).when(late).then_notified()


def test_freezes_protect_the_streak_of_the_games_frequency_alone():
    weekly = game(streak=daily(frequency="weekly", initialFreezes=1, maxFreezes=1))
    decided = play(weekly, *days(2), event(0, at="2026-03-16"))[-1]
    assert [(it.frequency, it.change) for it in of_kind("streak", decided)] == [
        ("daily", "lost"),
        ("weekly", "frozen"),
    ]


def test_a_frozen_week_is_one_freeze():
    weekly = game(streak=daily(frequency="weekly", initialFreezes=2, maxFreezes=2))
    given(weekly, *days(2)).when(event(0, at="2026-03-16")).then_notified(
        frozen(1, "2026-03-09", "2026-03-02", 1, frequency="weekly")
    )


def test_a_frozen_month_is_one_freeze():
    monthly = game(streak=daily(frequency="monthly", initialFreezes=2, maxFreezes=2))
    given(monthly, *days(2)).when(event(0, at="2026-06-01")).then_notified(
        frozen(
            1, "2026-05-01", "2026-03-02", 0, consumed=2, since="2026-04-01", frequency="monthly"
        )
    )


def test_a_game_that_gives_up_freezes_uses_those_that_are_left_no_more():
    without = game(streak=daily())
    given(TWO, *days(2), without).when(event(0, at="2026-03-04")).then_notified(
        lost(1, "2026-03-03")
    )


def test_the_answer_shows_how_many_are_left():
    given(ONE, *days(2)).when(event(at="2026-03-03")).then_streak(freezes=1)
    given(ONE, *days(2)).when(event(at="2026-03-04")).then_streak(freezes=0, length=2)
    plain = play(game(streak=daily()), event())[-1]
    assert plain.state.streak.freezes is None
    assert b"freezes" not in encode(plain.state)


def test_expires_is_the_end_of_the_next_period_whatever_freezes_there_are():
    given(TWO).when(event(at="2026-03-02")).then_streak(expires="2026-03-03")
    given(TWO, *days(2)).when(event(0, at="2026-03-04")).then_streak(expires="2026-03-04")


# Earned


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-03-03T23:59:59Z", []),
        ("2026-03-04T00:00:00Z", [freezes("earned", 1, 1, "2026-03-04")]),
        (
            "2026-03-06T00:00:00Z",
            [freezes("earned", 1, 1, "2026-03-04"), freezes("earned", 1, 2, "2026-03-06")],
        ),
    ],
)
def test_freezes_are_earned_with_every_interval_since_the_users_first_date(at, expected):
    given(EARNING, identify()).when(event(0, at=at)).then_of("freezes", *expected)


def test_what_exceeds_the_ceiling_is_lost_and_makes_no_entry():
    given(EARNING, identify()).when(event(0, at="2026-03-12")).then_state(
        freezes=2, earned="2026-03-06"
    )


def test_what_is_earned_is_clipped_to_the_ceiling():
    three = interval(1, 4, initialFreezes=0, freezeAutoEarnAmount=3)
    given(three, identify()).when(event(0, at="2026-03-05")).then_of(
        "freezes",
        freezes("earned", 3, 3, "2026-03-03"),
        freezes("earned", 1, 4, "2026-03-04"),
    )


def test_what_was_earned_before_is_not_earned_again():
    given(EARNING, identify(), event(0, at="2026-03-04")).when(event(0, at="2026-03-05")).then_of(
        "freezes"
    )


def test_the_day_a_user_came_to_be_is_the_local_one():
    tokyo = identify("2026-03-02T23:00:00Z", tz="Asia/Tokyo")  # the 3rd
    given(EARNING, tokyo).when(due("2026-03-04T14:59:59Z")).then_nothing()
    given(EARNING, tokyo).when(due("2026-03-04T15:00:00Z")).then(
        freezes("earned", 1, 1, "2026-03-05")
    )


def test_at_one_midnight_a_freeze_is_consumed_before_one_is_earned():
    # The 3rd is missed. Were the freeze of the 4th earned first, it would save the streak.
    given(EARNING, *days(2)).when(due("2026-03-04T00:00:00Z")).then_notified(
        lost(1, "2026-03-03"), freezes("earned", 1, 1, "2026-03-04")
    )
    given(interval(2, 1), *days(2)).when(due("2026-03-04T00:00:00Z")).then_notified(
        frozen(1, "2026-03-03", "2026-03-02", 0), freezes("earned", 1, 1, "2026-03-04")
    )


def test_days_missed_and_freezes_earned_alternate_in_their_own_order():
    given(EACH_DAY, *days(2)).when(event(0, at="2026-03-05")).then_notified(
        frozen(1, "2026-03-03", "2026-03-02", 0),
        freezes("earned", 1, 1, "2026-03-04"),
        frozen(1, "2026-03-04", "2026-03-02", 0),
        freezes("earned", 1, 1, "2026-03-05"),
    )


def test_a_week_with_freezes_earned_within_it():
    weekly = interval(10, 1, initialFreezes=0, frequency="weekly")
    # Earned on Thursday the 12th, in the midst of the week that is missed.
    given(weekly, *days(2)).when(event(0, at="2026-03-16")).then_notified(
        freezes("earned", 1, 1, "2026-03-12"),
        frozen(1, "2026-03-09", "2026-03-02", 0, frequency="weekly"),
    )


def test_freezes_are_earned_without_a_streak_too():
    given(EARNING, event(0)).when(event(0, at="2026-03-04")).then_of(
        "freezes", freezes("earned", 1, 1, "2026-03-04")
    )


def test_a_user_of_two_years_is_told_of_in_few_entries():
    story = [*on("2024-01-01"), event(0, at="2026-01-01")]
    decided = play(EACH_DAY, *story)[-1]
    found = [
        it
        for it in decided.entries
        if kind_of(it) == "freezes" or (kind_of(it) == "streak" and it.frequency == "daily")
    ]
    consumed = sum(it.consumed or 0 for it in found if kind_of(it) == "streak")
    amount = sum(it.amount for it in found if kind_of(it) == "freezes")
    assert len(found) == 1001
    # 730 days were missed, and of as many dates each earned one: all were consumed but the last.
    assert (consumed, amount, decided.own.freezes) == (730, 730, 1)
    # What is told as one says how many there are in the end.
    assert [it.freezes for it in found[-2:]] == [1, 1]
    assert decided.own.streaks["daily"].through.isoformat() == "2025-12-31"
    assert lengths(EACH_DAY, *story)[-1] == 1


@pytest.mark.parametrize(
    ("definitions", "away"),
    [
        # The last entry is the thousandth, of a freeze that is earned.
        pytest.param(EACH_DAY, 501, id="exactly a thousand"),
        # And here the last thing that happens is that one is consumed.
        pytest.param(
            interval(2, 2, initialFreezes=2, freezeAutoEarnAmount=2), 1201, id="more than that"
        ),
    ],
)
def test_few_entries_come_to_the_same_as_many(definitions, away):
    first, day = date(2022, 1, 1), timedelta(days=1)
    stops = [first + day * it for it in (*range(0, away, 100), away)]
    begun = event(at=first.isoformat())
    at_once = play(definitions, begun, identify(stops[-1].isoformat()))[-1].own
    by_and_by = play(definitions, begun, *(identify(it.isoformat()) for it in stops[1:]))
    assert at_once == by_and_by[-1].own
    assert at_once.freezes == 1


def test_where_what_is_told_has_an_end_the_streak_of_two_years_may_still_be_lost():
    assert lengths(interval(3, 1), *on("2024-01-01"), event(0, at="2026-01-01"))[-1] == 0


# Flights


def test_who_flies_back_over_the_date_line_earns_nothing_twice():
    # The 4th in Kiritimati, where a freeze is earned, the 3rd again in Pago Pago, then the 4th.
    there = identify("2026-03-03T10:30:00Z", tz="Pacific/Kiritimati")
    back = identify("2026-03-03T10:40:00Z", tz="Pacific/Pago_Pago")
    story = [identify(), there, back]
    given(EARNING, identify()).when(there).then_of("freezes", freezes("earned", 1, 1, "2026-03-04"))
    given(EARNING, *story).when(event(0, at="2026-03-05T02:00:00Z")).then_of("freezes")


def test_a_date_that_was_frozen_in_the_east_stays_so_when_the_one_before_it_is_kept_in_the_west():
    # The 4th in Kiritimati, with the 2nd and the 3rd frozen; in Pago Pago it is still the 2nd.
    here = event(at="2026-03-01T09:00:00Z", user={"tz": "Pacific/Kiritimati"})
    frozen_ = event(0, at="2026-03-03T10:15:00Z")
    west = event(at="2026-03-03T10:30:00Z", user={"tz": "Pacific/Pago_Pago"})
    back = event(0, at="2026-03-03T11:00:00Z", user={"tz": "UTC"})
    story = [here, frozen_, west, back, event(at="2026-03-04")]
    assert lengths(TWO, *story) == [1, 1, 2, 2, 3]
