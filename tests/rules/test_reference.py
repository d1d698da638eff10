"""The reference implementation against the test vectors of the rules.

All numbers are typed out: an expectation that is computed would repeat the mistake it looks for.
The engine may not be imported here.
"""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from reference.game import Award, Game, LevelChange

START = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def a_game(**definitions):
    metrics = [{"key": key} for key in ("m", "n")]
    return Game({"metrics": metrics} | definitions)


def a_system(*triggers, **fields):
    keyed = [{"key": f"t{number}"} | trigger for number, trigger in enumerate(triggers)]
    return {"key": "xp", "triggers": keyed} | fields


def per(threshold, points, **fields):
    rule = {"type": "metric", "metric": "m", "metricThreshold": threshold, "points": points}
    return rule | fields


def send(game, value=1, at=START, user="u1", metric="m", **fields):
    event = {"user": user, "metric": metric, "occurredAt": at.isoformat(), **fields}
    if value is not None:
        event["value"] = value if isinstance(value, int) else Decimal(value)
    return game.play(event, at)


def awarded(game, *values):
    """What each of these events adds to the points."""
    outcomes = [send(game, value) for value in values]
    return [sum(award.awarded for award in outcome.awards) for outcome in outcomes]


def the_user(game, user="u1"):
    return game.users["default", user]


LEVELS = [
    {"key": "bronze", "points": 0},
    {"key": "silver", "points": 50},
    {"key": "gold", "points": 200},
]

DAILY = {"frequency": "daily", "metrics": [{"metric": "m", "threshold": 1}]}


# D1: vectors from the documentation


def test_d1_4_a_total_of_900_at_50_points_per_100_makes_450():
    game = a_game(points=[a_system(per(100, 50))])
    assert awarded(game, 850, 50) == [400, 50]
    assert the_user(game).points == {"xp": 450}


def test_d1_5_a_flashcard_costs_one_of_ten_energy():
    system = a_system({"type": "user_creation", "points": 10}, per(1, -1))
    game = a_game(points=[system])
    assert send(game).awards == [Award("xp", "t0", 10, 10), Award("xp", "t1", -1, 9)]


def test_d1_7_a_value_of_750_completes_the_achievement_at_500_once():
    rule = {"key": "a", "trigger": "metric", "metric": "m", "metricValue": 500}
    game = a_game(achievements=[rule])
    first, second = send(game, 750), send(game, 1)
    assert (first.total, first.achievements) == (750, ["a"])
    assert (second.total, second.achievements) == (751, [])


def test_d1_9_a_total_of_100_raises_the_level_from_bronze_to_silver():
    game = a_game(points=[a_system(per(1, 1), levels=LEVELS)])
    assert send(game, 40).levels == [LevelChange("xp", None, "bronze")]
    assert send(game, 60).levels == [LevelChange("xp", "bronze", "silver")]
    assert the_user(game).points == {"xp": 100}


def test_d1_17_and_18_a_streak_starts_and_the_next_day_extends_it():
    game = a_game(streak=DAILY)
    second = datetime(2025, 4, 2, 9, 0, tzinfo=UTC)
    assert send(game, at=second).streak == (1, True)
    assert send(game, at=second + timedelta(hours=1)).streak == (1, False)
    assert send(game, at=second + timedelta(days=1)).streak == (2, True)
    assert str(the_user(game).streaks["daily"].started) == "2025-04-02"


def test_d1_20_weeks_from_sunday_to_saturday_make_a_weekly_streak():
    streak = DAILY | {"frequency": "weekly"}
    game = a_game(streak=streak, settings={"weekStart": "sunday"})
    # Nine weeks that end with the week of Sunday 2025-03-02, two left out, then four more.
    sundays = [datetime(2025, 1, 5, 0, 0, tzinfo=UTC) + timedelta(days=7 * n) for n in range(15)]
    weeks = [sunday for n, sunday in enumerate(sundays) if n not in (9, 10)]
    lengths = [send(game, at=sunday).streak.length for sunday in weeks]
    assert lengths == [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4]
    saturday = datetime(2025, 4, 19, 23, 59, tzinfo=UTC)
    assert send(game, at=saturday).streak == (4, False)
    assert the_user(game).streaks["weekly"].longest == 9


def test_d1_20_a_missed_day_starts_a_daily_streak_over():
    game = a_game(streak=DAILY)
    days = [datetime(2025, 3, 30, 9, 0, tzinfo=UTC) + timedelta(days=n) for n in range(7)]
    lengths = [send(game, at=day).streak.length for n, day in enumerate(days) if n != 3]
    assert lengths == [1, 2, 3, 1, 2, 3]


def test_d1_25_ten_points_per_kilometre_run_and_ten_per_hundred_metres_swum():
    swim = {"type": "metric", "metric": "n", "metricThreshold": 100, "points": 10}
    game = a_game(points=[a_system(per(1, 10), swim)])
    assert awarded(game, "21.1") == [210]
    assert send(game, 1050, metric="n").awards == [Award("xp", "t1", 100, 310)]


def test_d1_26_an_event_with_a_used_key_is_counted_once():
    game = a_game()
    first = send(game, idempotencyKey="lesson-123")
    second = send(game, idempotencyKey="lesson-123")
    assert (first.status, first.total) == ("applied", 1)
    assert (second.status, second.total) == ("replayed", 1)


def test_d1_27_five_lessons_in_one_event_count_as_five():
    assert send(a_game(), 5).total == 5


def test_d1_28_a_total_of_1500_completes_500_and_1000_but_not_2000():
    rules = [
        {"key": str(value), "trigger": "metric", "metric": "m", "metricValue": value}
        for value in (500, 1000, 2000)
    ]
    assert send(a_game(achievements=rules), 1500).achievements == ["500", "1000"]


# D2: vectors derived from the rules

MASTER = {"key": "master", "trigger": "metric", "metric": "m", "metricValue": 1000}


def test_d2_a_the_badge_at_1000_comes_with_the_twentieth_fifty_and_once():
    game = a_game(achievements=[MASTER])
    outcomes = [send(game, 50) for _ in range(21)]
    assert outcomes[18].total == 950
    assert [n for n, outcome in enumerate(outcomes, 1) if outcome.achievements] == [20]


def test_d2_b_a_value_left_out_is_the_default_increment():
    game = Game({"metrics": [{"key": "m", "defaultIncrementValue": 10}], "achievements": [MASTER]})
    outcomes = [send(game, None) for _ in range(100)]
    assert outcomes[-1].total == 1000
    assert outcomes[-1].achievements == ["master"]


def test_d2_c_ten_points_per_three_tasks_carry_the_remainder_on():
    game = a_game(points=[a_system(per(3, 10))])
    assert awarded(game, 1, 1, 1, 4, 2) == [0, 0, 10, 10, 10]
    assert the_user(game).points == {"xp": 30}


def test_d2_d_several_multiples_in_one_event_make_one_award():
    game = a_game(points=[a_system(per(3, 10))])
    assert send(game, 9).awards == [Award("xp", "t0", 30, 30)]


def test_d2_e_fractions_of_a_kilometre_add_up():
    game = a_game(points=[a_system(per(1, 10))])
    assert awarded(game, "0.6", "0.6", "1.9") == [0, 10, 20]


def test_d2_f_a_ride_of_ten_and_a_half_kilometres_makes_thirty_points():
    assert awarded(a_game(points=[a_system(per(1, 3))]), "10.5") == [30]


def test_d2_j_an_award_is_cut_at_the_maximum_and_then_there_are_none():
    game = a_game(points=[a_system(per(1, 1), maxPoints=100)])
    assert awarded(game, 95, 10, 10) == [95, 5, 0]
    assert the_user(game).points == {"xp": 100}
    assert len(the_user(game).awards) == 2


def test_d2_l_a_deduction_from_nothing_is_no_award():
    game = a_game(points=[a_system(per(1, -1), levels=LEVELS)])
    assert send(game).awards == []
    assert the_user(game).points == {}
    assert send(game).levels == []


def test_d2_m_levels_skip_upwards_in_one_change_and_fall_again():
    lose = {"type": "metric", "metric": "n", "metricThreshold": 1, "points": -60}
    game = a_game(points=[a_system(per(1, 1), lose, levels=LEVELS)])
    send(game, 40)
    assert send(game, 200).levels == [LevelChange("xp", "bronze", "gold")]
    assert send(game, 1, metric="n").levels == [LevelChange("xp", "gold", "silver")]
    assert the_user(game).points == {"xp": 180}


def test_d2_n_ground_won_back_is_not_awarded_again():
    assert awarded(a_game(points=[a_system(per(5, 10))]), 5, -5, 5) == [10, 0, 0]


def test_d2_o_fifty_points_come_on_the_7th_14th_and_21st_day():
    weekly = {"type": "streak", "streakLength": 7, "points": 50}
    game = a_game(streak=DAILY, points=[a_system(weekly)])
    outcomes = [send(game, at=START + timedelta(days=n)) for n in range(21)]
    assert [n for n, outcome in enumerate(outcomes, 1) if outcome.awards] == [7, 14, 21]
    assert the_user(game).points == {"xp": 150}


def test_d2_p_a_key_belongs_to_one_user_and_one_metric():
    game = a_game()
    who = [("u1", "m"), ("u1", "n"), ("u2", "m"), ("u2", "n")]
    outcomes = [send(game, user=u, metric=m, idempotencyKey="k") for u, m in who]
    assert [outcome.status for outcome in outcomes] == ["applied"] * 4


# Boosts


def boost(multiplier, rounding="down", start="2025-03-03", end="2025-03-03", **fields):
    days = {"start": date.fromisoformat(start), "end": end and date.fromisoformat(end)}
    key = f"x{multiplier}"
    return {"key": key, "multiplier": multiplier, "rounding": rounding, **days, **fields}


def boosted(points, *boosts, at=START, user="u1"):
    """What an event awards whose trigger gives these points, with these boosts."""
    game = a_game(points=[a_system(per(1, points), boosts=list(boosts))])
    return sum(award.awarded for award in send(game, at=at, user=user).awards)


def test_d1_1_and_d2_h_boosts_of_2_and_1_5_and_3_make_ninefold():
    assert boosted(10, boost("2"), boost("1.5"), boost("3")) == 90


def test_d1_2_to_the_nearest_is_down_from_1_2_and_up_from_1_7():
    assert boosted(1, boost("1.2", "nearest")) == 1
    assert boosted(1, boost("1.7", "nearest")) == 2


def test_d2_g_half_of_fifteen_is_seven_or_eight():
    assert boosted(5, boost("1.5", "down")) == 7
    assert boosted(5, boost("1.5", "up")) == 8
    assert boosted(5, boost("1.5", "nearest")) == 8


def test_d2_i_rounding_is_done_once_for_all_boosts():
    assert boosted(1, boost("1.5"), boost("1.5")) == 2


def test_d2_s_a_boost_ends_with_the_local_date():
    double = boost("2", start="2024-01-01", end="2024-01-03")
    west = {"id": "u1", "tz": "America/Los_Angeles"}
    at = datetime.fromisoformat("2024-01-04T05:00:00+00:00")
    assert boosted(10, double, at=at, user=west) == 20
    assert boosted(10, double, at=at + timedelta(hours=3), user=west) == 10
    assert boosted(10, double, at=at) == 10


def test_d2_u_half_of_ten_is_five():
    assert boosted(10, boost("0.5")) == 5


def test_od_24_a_deduction_is_not_boosted():
    system = a_system({"type": "user_creation", "points": 10}, per(1, -3), boosts=[boost("2")])
    game = a_game(points=[system])
    assert [(it.awarded, it.boosts) for it in send(game).awards] == [(20, ("x2",)), (-3, ())]


def test_od_25_down_wins_over_nearest_and_nearest_over_up():
    assert boosted(5, boost("1.1", "up"), boost("1.3", "nearest")) == 7
    assert boosted(5, boost("1.1", "up"), boost("1.3", "nearest"), boost("1.01", "down")) == 7
    assert boosted(5, boost("1.1", "up"), boost("1.01", "up")) == 6


# Time triggers


def test_d1_6_a_point_a_day_comes_by_itself():
    daily = {"type": "time", "timeUnit": "days", "timeInterval": 1, "points": 1}
    game = a_game(points=[a_system(per(1, -1), daily, {"type": "user_creation", "points": 10})])
    assert send(game).awards[-1].total == 9
    (tick,) = game.play({"type": "due", "user": "u1", "at": later(1)}, START + DAY).awards
    assert (tick.trigger, tick.awarded, tick.total, tick.at) == ("t1", 1, 10, START + DAY)


def test_od_22_ten_points_every_three_hours_from_creation_on():
    hourly = {"type": "time", "timeUnit": "hours", "timeInterval": 3, "points": 10}
    game = a_game(points=[a_system(hourly)])
    send(game)
    ticks = send(game, at=START + timedelta(hours=9)).awards
    assert [(it.at - START, it.total) for it in ticks] == [
        (timedelta(hours=3), 10),
        (timedelta(hours=6), 20),
        (timedelta(hours=9), 30),
    ]


def test_od_22_a_trigger_counts_from_when_it_was_activated():
    hourly = {"type": "time", "timeUnit": "hours", "timeInterval": 3, "points": 10}
    game = a_game()
    send(game)
    definitions = {"metrics": [{"key": "m"}], "points": [a_system(hourly)]}
    game.define(definitions, START + timedelta(hours=2))
    assert len(send(game, at=START + timedelta(hours=9)).awards) == 2


# Running out of points


def out_of_points(*, block):
    game = a_game(points=[a_system(per(1, -1, blockIfOutOfPoints=block))])
    return game, send(game, idempotencyKey="k")


def test_d2_k_an_event_that_would_cost_too_much_is_refused_and_its_key_is_free():
    game, refused = out_of_points(block=True)
    assert (refused.status, refused.code) == ("refused", "blocked")
    assert game.users == {}
    assert out_of_points(block=False)[1].awards == []


# Freezes, pauses, restoring


def frozen(**fields):
    return a_game(streak={**DAILY, "maxFreezes": 3, "initialFreezes": 1, **fields})


def later(days):
    return (START + timedelta(days=days)).isoformat()


def on_days(game, *days):
    """The length of the streak after an event on each of these days."""
    return [send(game, at=START + timedelta(days=day)).streak.length for day in days]


def test_d2_q_one_freeze_saves_one_missed_day():
    game = frozen()
    assert on_days(game, 0, 1, 3) == [1, 2, 3]
    assert the_user(game).freezes == 0


def test_d2_r_two_missed_days_are_one_too_many():
    game = frozen()
    assert on_days(game, 0, 1, 4) == [1, 2, 1]
    # The freeze that was used before stays used.
    assert the_user(game).freezes == 0


def test_d1_17_one_freeze_a_week_is_earned_up_to_the_limit():
    game = frozen(freezeAutoEarnInterval=7, freezeAutoEarnAmount=1)
    assert send(game).streaks[0] == ("granted", 1, 1, date(2025, 3, 3))
    on_days(game, *range(1, 29))
    assert the_user(game).freezes == 3


def test_a_freeze_is_consumed_before_one_is_earned():
    game = frozen(maxFreezes=1, freezeAutoEarnInterval=2, freezeAutoEarnAmount=1)
    outcomes = [send(game, at=START + timedelta(days=day)) for day in (0, 2)]
    assert [type(it).__name__ for it in outcomes[1].streaks[:2]] == ["Frozen", "Freezes"]
    assert the_user(game).freezes == 1


def test_d1_32_a_freeze_can_be_granted_up_to_the_limit():
    game = frozen()
    send(game)
    grants = [game.play({"type": "freeze", "user": "u1"}, START) for _ in range(3)]
    assert [it.status for it in grants] == ["applied", "applied", "refused"]
    assert grants[2].reason == "Would exceed maximum freeze limit"


def test_od_16_a_pause_keeps_the_streak_and_what_is_done_extends_it():
    game = frozen()
    send(game)
    pause = {"type": "pause", "user": "u1", "id": "p", "start": "2025-03-04", "end": "2025-03-07"}
    assert str(game.play(pause, START).shown.expires) == "2025-03-08"
    assert on_days(game, 2, 5) == [2, 3]
    assert the_user(game).freezes == 1


def restored(frequency, lost_on, now):
    """The length after restoring one of two periods, None if there is nothing to restore."""
    game = a_game(streak={**DAILY, "frequency": frequency})
    for day in lost_on:
        send(game, at=datetime.fromisoformat(f"{day}T12:00:00+00:00"))
    at = datetime.fromisoformat(f"{now}T12:00:00+00:00")
    outcome = game.play({"type": "restore", "user": "u1"}, at)
    return outcome.streak.length if outcome.status == "applied" else None


def test_d1_34_how_far_back_a_streak_can_be_restored():
    days = ("2025-03-01", "2025-03-02")
    assert restored("daily", days, "2025-05-31") == 2
    assert restored("daily", days, "2025-06-01") is None
    # The week of the 1st of January 2025 begins on Monday the 30th of December.
    assert restored("weekly", ("2024-12-24", "2024-12-30"), "2025-12-31") == 2
    assert restored("weekly", ("2024-12-17", "2024-12-29"), "2025-12-31") is None
    assert restored("monthly", ("2023-12-15", "2024-01-15"), "2025-12-31") == 2
    assert restored("monthly", ("2023-11-15", "2023-12-15"), "2025-12-31") is None


def test_od_17_the_longest_in_the_window_is_restored_and_goes_on():
    game = a_game(streak=DAILY)
    on_days(game, 0, 1, 2, 5, 8, 9)
    outcome = game.play({"type": "restore", "user": "u1"}, START + timedelta(days=12))
    assert outcome.streak.length == 3
    assert on_days(game, 12, 13) == [4, 5]


# Achievements by request, composite and backdated


def test_d1_23_a_composite_is_unlocked_with_the_last_of_its_parts():
    parts: list[dict] = [
        {"key": "cards", "trigger": "metric", "metric": "m", "metricValue": 1000},
        {"key": "week", "trigger": "streak", "streakLength": 7},
        {"key": "onboarding", "trigger": "api"},
    ]
    keys = [part["key"] for part in parts]
    whole = {"key": "whole", "trigger": "achievement", "achievements": keys}
    game = a_game(streak=DAILY, achievements=[*parts, whole])
    done = {"type": "achievement", "user": "u1", "achievement": "onboarding"}
    assert game.play(done, START).achievements == ["onboarding"]
    assert game.play(done, START).status == "replayed"
    days = [send(game, 150, at=START + timedelta(days=day)) for day in range(7)]
    assert days[6].achievements == ["cards", "week", "whole"]


def test_od_10_what_is_locked_or_inactive_cannot_be_completed():
    for status, code in (("locked", "invalid"), ("inactive", "invalid")):
        game = a_game(achievements=[{"key": "a", "trigger": "api", "status": status}])
        told = {"type": "achievement", "user": "u1", "achievement": "a"}
        assert game.play(told, START).code == code
        assert game.users == {}


def test_od_9_a_new_achievement_is_backdated_with_its_points():
    game = a_game()
    send(game, 7)
    five = {"key": "a", "trigger": "metric", "metric": "m", "metricValue": 5}
    bonus = {"type": "achievement", "achievement": "a", "points": 30}
    definitions = {"achievements": [five], "points": [a_system(bonus)]}
    game.define({"metrics": [{"key": "m"}], **definitions}, START)
    outcome = game.play({"type": "backfill", "user": "u1", "version": 2, "series": {}}, START)
    assert outcome.achievements == ["a"]
    assert the_user(game).points == {"xp": 30}


# Corrections and adjustments


def corrected(value, *, was):
    told = {"type": "correction", "user": "u1", "event": "0-0-0", "metric": "m", "reason": "r"}
    return {**told, "was": was, "value": value, "at": START.isoformat()}


def test_a_correction_takes_back_what_was_awarded_for_too_much():
    game = a_game(points=[a_system(per(3, 10), boosts=[boost("1.5")])])
    assert [it.awarded for it in send(game, 10).awards] == [45]
    outcome = game.play(corrected(4, was=10), START + timedelta(days=3))
    assert [it.awarded for it in outcome.awards] == [-30]
    # Not awarded again, as it was taken back; what comes on top is, without the boost of then.
    assert awarded(game, 1) == [0]
    assert game.play(corrected(4, was=10), START).status == "replayed"
    assert game.play(corrected(None, was=10), START).total == 1


def test_points_are_granted_and_deducted_between_zero_and_the_cap():
    game = a_game(points=[a_system(maxPoints=100, boosts=[boost("2")])])
    send(game)
    totals = []
    for points in (70, 70, -120, -1):
        told = {"type": "adjustment", "user": "u1", "system": "xp", "points": points}
        totals.append(game.play(told, START).status)
        totals.append(the_user(game).points["xp"])
    assert totals == ["applied", 70, "applied", 100, "applied", 0, "refused", 0]


# Preferences


def test_a_streak_that_is_turned_off_is_gone_and_counts_nothing():
    game = a_game(streak=DAILY)
    on_days(game, 0, 1)
    told = {"type": "preferences", "user": "u1", "streak": {"enabled": False}}
    assert game.play(told, START + timedelta(days=1)).shown.length == 0
    assert on_days(game, 2) == [0]
    metrics = {"metrics": [{"metric": "m", "threshold": 5}]}
    own = {"type": "preferences", "user": "u1", "streak": metrics}
    assert game.play(own, START + timedelta(days=2)).code == "invalid"


def test_a_user_may_have_conditions_of_their_own_where_the_game_says_so():
    game = a_game(streak={**DAILY, "personalization": True})
    metrics = {"metrics": [{"metric": "m", "threshold": 5}]}
    send(game)
    game.play({"type": "preferences", "user": "u1", "streak": metrics}, START)
    tomorrow = START + timedelta(days=1)
    assert [send(game, 3, at=tomorrow).streak.length for _ in range(2)] == [1, 2]


# Decisions about time


def test_od_1_an_event_up_to_five_minutes_ahead_is_accepted_and_no_more():
    game = a_game()
    event = {"user": "u1", "metric": "m", "idempotencyKey": "k", "occurredAt": START.isoformat()}
    early = START - timedelta(minutes=5, microseconds=1)
    assert game.play(event, early).status == "refused"
    assert game.users == {}
    assert game.play(event, START - timedelta(minutes=5)).status == "applied"


def test_od_1_a_late_event_counts_but_does_not_revive_a_streak():
    game = a_game(streak=DAILY)
    send(game, at=START)
    send(game, at=START + timedelta(days=2))
    late = send(game, at=START + timedelta(days=1))
    assert (late.total, late.streak) == (3, (1, False))


def test_a_streak_shows_as_zero_once_the_day_after_the_last_one_is_over():
    game = a_game(streak=DAILY)
    send(game)
    shown = [
        game.streak_length_at("default", "u1", datetime.fromisoformat(instant))
        for instant in ("2025-03-04T23:59:59+00:00", "2025-03-05T00:00:00+00:00")
    ]
    assert shown == [1, 0]


def test_od_38_a_local_date_that_samoa_skipped_does_not_break_a_streak():
    game = a_game(streak=DAILY, settings={"defaultTimeZone": "Pacific/Apia"})
    the_29th = datetime.fromisoformat("2011-12-29T12:00:00-10:00")
    the_31st = datetime.fromisoformat("2011-12-31T12:00:00+14:00")
    assert send(game, at=the_29th).streak == (1, True)
    assert send(game, at=the_31st).streak == (2, True)


def test_od_38_a_flight_over_dates_keeps_a_streak_alive_and_never_extends_twice():
    game = a_game(streak=DAILY)
    noon = datetime(2025, 4, 2, 11, 30, tzinfo=UTC)
    # It is 23:30 on the 1st at the western end and 01:30 on the 3rd at the eastern end.
    west, east = {"id": "u1", "tz": "Etc/GMT+12"}, {"id": "u1", "tz": "Pacific/Kiritimati"}
    assert send(game, at=noon, user=west).streak == (1, True)
    assert send(game, at=noon, user=east).streak == (2, True)
    assert send(game, at=noon, user=west).streak == (2, False)
    assert send(game, at=noon + timedelta(days=1), user=west).streak == (2, False)
    assert send(game, at=noon + timedelta(days=3), user=west).streak == (3, True)


def test_od_38_a_streak_that_ended_in_the_old_time_zone_is_not_saved_by_the_new_one():
    game = a_game(streak=DAILY)
    send(game, at=START, user={"id": "u1", "tz": "Pacific/Kiritimati"})
    # In Kiritimati it is the 6th by now, a day too late. In the west it is still the 4th, which
    # was satisfied already, so that not even a new streak starts.
    later = datetime.fromisoformat("2025-03-06T00:30:00+14:00")
    assert send(game, at=later, user={"id": "u1", "tz": "Etc/GMT+12"}).streak == (0, False)


# Decisions about what an event changes


def test_od_3_a_refused_or_replayed_event_changes_nothing_at_all():
    game = a_game(attributes=[{"type": "user", "key": "plan"}])
    pro = {"id": "u1", "attributes": {"plan": "pro"}}
    assert send(game, user=pro | {"attributes": {"unknown": "x"}}).status == "refused"
    assert send(game, metric="unknown").status == "refused"
    assert send(game, attributes={"unknown": "x"}).status == "refused"
    assert game.users == {}
    send(game, idempotencyKey="k")
    assert send(game, user=pro, idempotencyKey="k").status == "replayed"
    assert the_user(game).attributes == {}


def test_od_7_attributes_merge_by_key_and_null_or_empty_clears_one():
    game = a_game(attributes=[{"type": "user", "key": key} for key in "abc"])
    send(game, user={"id": "u1", "attributes": {"a": "1", "b": "2", "c": "3"}})
    send(game, user={"id": "u1", "attributes": {"a": None, "b": ""}})
    assert the_user(game).attributes == {"c": "3"}


def test_od_12_a_filter_counts_matching_events_only_and_looks_at_the_user_then():
    filtered = per(2, 10, eventAttributes={"a": "x"}, userAttributes={"plan": "pro"})
    attributes = [{"type": "event", "key": "a"}, {"type": "user", "key": "plan"}]
    game = a_game(attributes=attributes, points=[a_system(filtered)])
    assert send(game, 3, attributes={"a": "x"}).awards == []
    pro = {"id": "u1", "attributes": {"plan": "pro"}}
    assert send(game, 9, user=pro, attributes={"a": "y"}).awards == []
    assert send(game, 1, attributes={"a": "x"}).awards == [Award("xp", "t0", 10, 10)]


def test_od_43_one_tenth_ten_times_is_one():
    game = a_game()
    assert [send(game, "0.1").total for _ in range(10)][-1] == Decimal(1)
