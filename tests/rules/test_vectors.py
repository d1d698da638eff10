"""The test vectors of the specification (semantics, appendix D), row by row, numbers as printed.

Each test bears the name of its row. Rows about what a read shows of many users are tests of the
gateway, and those about leaderboards and whole years are not the rules' at all; rows that
contradict others are left out, as the specification says.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from given import (
    achievement,
    awarded,
    complete,
    created,
    daily,
    due,
    event,
    every,
    freeze,
    freezes,
    gained,
    game,
    given,
    grant,
    identify,
    lengths,
    level,
    of_kind,
    on,
    per,
    play,
    points,
    restore,
    streak,
    total,
)
from laws.log import Log
from pydantic import ValidationError

from gateway.summaries import summed
from schemas.versions import succeed

# D1. From the docs


def boosted(base, *boosts, **fields):
    """Return a game that awards `base` points for a commit, with boosts since 2024."""
    told = [{"start": "2024-01-01", **it} for it in boosts]
    return game(points={"xp": {**per(1, base), "boosts": told, **fields}})


def multipliers(*numbers, rounding="down"):
    """Return boosts of these multipliers."""
    return [{"multiplier": it, "rounding": rounding} for it in numbers]


def test_d1_1_boosts_of_2_and_1_5_and_3_multiply_by_9():
    assert awarded(boosted(1, *multipliers(2, 1.5, 3)), 1) == [9]


def test_d1_2_nearest_of_1_2_is_1_and_of_1_7_is_2():
    assert awarded(boosted(1, *multipliers(1.2, rounding="nearest")), 1) == [1]
    assert awarded(boosted(1, *multipliers(1.7, rounding="nearest")), 1) == [2]


FOUR = game(
    ["tasks"],
    streak={"metrics": [{"metric": "tasks", "threshold": 1}]},
    achievements=[{"key": "profile-completed"}],
    points={
        "xp": {
            "triggers": [
                {"metricThreshold": 3, "points": 10, "metric": "tasks"},
                {"streakLength": 7, "points": 50},
                {"achievement": "profile-completed", "points": 100},
            ]
        },
        "energy": {"triggers": [every(10, hours=3)]},
    },
)


def test_d1_3_10_points_for_3_tasks():
    assert gained(FOUR, event(3, metric="tasks")) == [10]


def test_d1_3_50_points_for_a_streak_of_7_days():
    days = [event(1, f"2026-03-0{day}", metric="tasks") for day in range(1, 8)]
    assert [it for it in of_kind("points", play(FOUR, *days)[-1]) if it["trigger"] == "t1"] == [
        points(50, 70, "t1")
    ]


def test_d1_3_100_points_for_profile_completed():
    assert gained(FOUR, complete("profile-completed")) == [100]


def test_d1_3_10_points_every_3_hours():
    assert gained(FOUR, identify(), due("2026-03-02T15:00:00Z")) == [0, 10]
    assert gained(FOUR, identify(), due("2026-03-02T21:00:00Z")) == [0, 30]


def test_d1_4_a_total_of_900_at_50_per_100_is_450():
    fifties = game(points={"xp": per(100, 50)})
    assert sum(awarded(fifties, *[9] * 100)) == 450
    assert awarded(fifties, 850, 50) == [400, 50]


ENERGY = game(
    ["flashcards"],
    points={
        "energy": {
            "triggers": [
                {"points": 10},
                {"metricThreshold": 1, "points": -1, "metric": "flashcards"},
                every(1, days=1),
            ],
        }
    },
)


def test_d1_5_a_flashcard_costs_1_of_10_energy():
    given(ENERGY, identify()).when(event(metric="flashcards")).then(
        total(1, 1, metric="flashcards"), points(-1, 9, "t1", "energy")
    )


def test_d1_6_energy_falls_to_9_and_is_10_again_after_a_day():
    story = [identify(), event(metric="flashcards"), due("2026-03-03")]
    found = [it for verdict in play(ENERGY, *story) for it in of_kind("points", verdict)]
    assert [(it["awarded"], it["total"]) for it in reversed(found)] == [(1, 10), (-1, 9), (10, 10)]


def test_d1_7_an_event_of_750_completes_the_achievement_at_500_once():
    half = game(achievements=[{"key": "half", "metricValue": 500}])
    given(half).when(event(750)).then(created(), total(750, 750), achievement("half"))
    given(half, event(750)).when(event(1)).then(total(1, 751))


METALS = {"bronze": 0, "silver": 50, "gold": 200}


def test_d1_9_a_total_of_100_is_silver():
    given(game(points={"xp": {"levels": METALS}}), points(40, 40)).when(grant(60)).then_of(
        "level", level("bronze", "silver", 100)
    )


def test_d1_12_the_points_of_three_days_are_100_then_300_then_600():
    hundreds = game(points={"xp": per(1, 100)})
    dates = ["2024-01-01", "2024-01-02", "2024-01-03"]
    verdicts = play(hundreds, *(event(at + 1, at=day) for at, day in enumerate(dates)))
    assert [of_kind("points", it)[0]["total"] for it in verdicts] == [100, 300, 600]
    days = [date.fromisoformat(it) for it in dates]
    changes = [Decimal(of_kind("points", it)[0]["awarded"]) for it in verdicts]
    rows = summed([(it, it) for it in days], Decimal(0), zip(days, changes, strict=True))
    assert [tuple(it.values()) for it in rows] == [
        ("2024-01-01", 100, 100),
        ("2024-01-02", 300, 200),
        ("2024-01-03", 600, 300),
    ]


EARNING = daily(maxFreezes=3, freezeAutoEarnInterval=7, freezeAutoEarnAmount=1)


def test_d1_17_a_streak_starts_with_length_1_and_expires_the_next_day():
    first = given(game(streak=EARNING)).when(event(at="2025-04-02"))
    first.then_told(streak("started", 1, "2025-04-02", "2025-04-02"))
    first.then_streak(
        length=1,
        frequency="daily",
        started="2025-04-02",
        periodStart="2025-04-02",
        periodEnd="2025-04-02",
        expires="2025-04-03",
        freezes=0,
    )
    given(game(streak=EARNING), event(at="2025-04-02")).when(event(at="2025-04-09")).then_of(
        "freezes", freezes("earned", 1, 1, "2025-04-09")
    )


def test_d1_18_it_is_extended_to_length_2_and_expires_on_the_4th_as_od_14_has_it():
    second = given(game(streak=daily()), event(at="2025-04-02")).when(event(at="2025-04-03"))
    second.then_told(streak("extended", 2, "2025-04-03", "2025-04-02"))
    second.then_streak(length=2, started="2025-04-02", expires="2025-04-04")


SUNDAYS = game(streak=daily(frequency="weekly"), settings={"weekStart": "sunday"})


def test_d1_19_a_week_ends_on_the_5th_and_the_streak_expires_on_the_12th():
    given(SUNDAYS).when(event(at="2025-04-02")).then_streak(
        started="2025-04-02", periodEnd="2025-04-05", expires="2025-04-12"
    )


@pytest.mark.parametrize(
    ("active", "weeks", "history"),
    [
        (
            ["2025-01-05", "2025-01-12", "2025-01-19", "2025-01-26", "2025-02-02", "2025-02-09",
             "2025-02-16", "2025-02-23", "2025-03-02", "2025-03-23", "2025-03-30", "2025-04-06",
             "2025-04-13"],
            ["2025-03-02", "2025-03-09", "2025-03-16", "2025-03-23", "2025-03-30", "2025-04-06",
             "2025-04-13"],
            [9, 0, 0, 1, 2, 3, 4],
        ),
        (
            ["2025-03-30", "2025-04-06", "2025-04-13", "2025-04-27", "2025-05-04", "2025-05-11"],
            ["2025-03-30", "2025-04-06", "2025-04-13", "2025-04-20", "2025-04-27", "2025-05-04",
             "2025-05-11"],
            [1, 2, 3, 0, 1, 2, 3],
        ),
    ],
)  # fmt: skip
def test_d1_20_the_weekly_history_from_sunday_to_saturday(active, weeks, history):
    # The length of a week is the one it ends with: a week without activity ends the streak.
    verdicts = play(SUNDAYS, *on(*active))
    at_end = dict.fromkeys(weeks, 0)
    for day, verdict in zip(active, verdicts, strict=True):
        if day in at_end:
            at_end[day] = verdict.state["streak"]["length"]
    assert list(at_end.values()) == history


ALL = game(
    ["flashcards"],
    streak={"metrics": [{"metric": "flashcards", "threshold": 1}]},
    achievements=[
        {"key": "thousand", "metricValue": 1000, "metric": "flashcards"},
        {"key": "week", "streakLength": 7},
        {"key": "onboarding"},
        {"key": "all", "achievements": ["thousand", "week", "onboarding"]},
    ],
)


def test_d1_23_1000_flashcards_and_7_days_and_onboarding_unlock_the_composite_with_the_last():
    week = [event(150, f"2026-03-0{day}", metric="flashcards") for day in range(1, 8)]
    given(ALL, *week).when(complete("onboarding", "2026-03-08")).then_of(
        "achievement", achievement("onboarding"), achievement("all")
    )
    given(ALL, complete("onboarding", "2026-03-01"), *week[:6]).when(week[6]).then_of(
        "achievement", achievement("thousand"), achievement("week"), achievement("all")
    )


@pytest.mark.parametrize(
    "ladder",
    [[1000, 2500, 5000, 10000, 25000, 50000], [10, 50, 100, 250], [10, 50, 100, 250, 1000]],
)
def test_d1_24_every_rung_of_a_ladder_is_completed_at_its_own_number(ladder):
    rungs = game(achievements=[{"key": f"at-{it}", "metricValue": it} for it in ladder])
    for rung in ladder:
        given(rungs, event(rung - 1)).when(event(1)).then_of(
            "achievement", achievement(f"at-{rung}")
        )


RUNS = {"run-5": 5, "half-marathon": 21.1, "marathon": 42.2}


def fitness():
    """Return the fitness guide's game."""
    return game(
        ["run", "ride", "swim"],
        achievements=[
            *({"key": key, "metricValue": it, "metric": "run"} for key, it in RUNS.items()),
            *({"key": f"ride-{it}", "metricValue": it, "metric": "ride"} for it in (100, 200)),
            *({"key": f"swim-{it}", "metricValue": it, "metric": "swim"} for it in (1000, 5000)),
        ],
        points={
            "xp": {
                "triggers": [
                    {"metricThreshold": 1, "points": 10, "metric": "run"},
                    {"metricThreshold": 1, "points": 3, "metric": "ride"},
                    {"metricThreshold": 100, "points": 10, "metric": "swim"},
                ],
                "levels": {
                    "rookie": 0, "active": 100, "mover": 500, "athlete": 2500, "pro": 10000
                },
            }
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "value", "expected", "done"),
    [
        ("run", 5, 50, ["run-5"]),
        ("run", 21.1, 210, ["run-5", "half-marathon"]),
        ("run", 42.2, 420, ["run-5", "half-marathon", "marathon"]),
        ("run", 42.1, 420, ["run-5", "half-marathon"]),
        ("ride", 100, 300, ["ride-100"]),
        ("ride", 200, 600, ["ride-100", "ride-200"]),
        ("swim", 1000, 100, ["swim-1000"]),
        ("swim", 5000, 500, ["swim-1000", "swim-5000"]),
    ],
)
def test_d1_25_fitness_points_and_achievements(metric, value, expected, done):
    verdict = play(fitness(), event(value, metric=metric))[-1]
    assert verdict.standing["points"] == {"xp": expected}
    assert [it["achievement"] for it in of_kind("achievement", verdict)] == done


@pytest.mark.parametrize(
    ("balance", "key"),
    [
        (1, "rookie"), (99, "rookie"), (100, "active"), (499, "active"), (500, "mover"),
        (2499, "mover"), (2500, "athlete"), (9999, "athlete"), (10000, "pro"),
    ],
)  # fmt: skip
def test_d1_25_fitness_levels(balance, key):
    given(fitness(), identify()).when(grant(balance)).then_of("level", level(None, key, balance))


def judged(definitions, *inputs):
    """Return the records of inputs that are judged one after the other, keys and all."""
    version = succeed(None, definitions, "default", datetime(2026, 1, 1, tzinfo=UTC))
    log = Log([version])
    log.tell({"type": "definitions", "version": 1}, datetime(2026, 3, 2, tzinfo=UTC))
    return log, [log.tell(it, datetime(2026, 3, 2, 12, tzinfo=UTC)) for it in inputs]


def keyed(key, *, user="u1", metric="commits", value=1):
    """Return an event with an idempotency key as it stands in the log."""
    return {"user": user, "metric": metric, "value": value, "idempotencyKey": key}


def test_d1_26_lesson_123_twice_is_counted_once():
    log, records = judged(game(), keyed("lesson-123"), keyed("lesson-123"))
    assert [it["outcome"] for it in records] == ["applied", "replayed"]
    assert records[1]["first"] == records[0]["id"]
    assert log.standing("u1")["series"] == {"commits": ("1", "1")}


def test_d1_27_five_lessons_are_one_event_of_5():
    tens = game(points={"xp": per(1, 10)})
    one, five = play(tens, event(5))[-1].standing, play(tens, *[event(1)] * 5)[-1].standing
    assert one == five
    assert (one["series"], one["points"]) == ({"commits": ("5", "5")}, {"xp": 50})


def test_d1_28_a_total_of_1500_has_done_500_and_1000_and_not_2000():
    ladder = game(achievements=[{"key": str(at), "metricValue": at} for at in (500, 1000, 2000)])
    standing = play(ladder, event(700), event(800))[-1].standing
    assert standing["series"]["commits"][0] == "1500"
    assert sorted(standing["achievements"]) == ["1000", "500"]


TRACKER = game(
    [{"key": "xp", "defaultIncrementValue": 10}],
    achievements=[{"key": "master-badge", "metricValue": 1000, "metric": "xp"}],
)


def test_d1_29_the_xp_metric_grows_by_10_by_50_and_has_its_badge_at_1000():
    given(TRACKER).when(event(None, metric="xp")).then_of("total", total(10, 10, metric="xp"))
    given(TRACKER).when(event(50, metric="xp")).then_of("total", total(50, 50, metric="xp"))
    given(TRACKER, event(990, metric="xp")).when(event(None, metric="xp")).then_of(
        "achievement", achievement("master-badge")
    )


def test_d1_30_an_award_of_10_makes_2450_and_the_double_xp_weekend_doubles_it():
    weekend = {"key": "double", "start": "2024-01-01", "end": "2024-01-03", "multiplier": 2}
    double = game(points={"xp": {**per(1, 10), "boosts": [weekend]}})
    story = given(double, points(2440, 2440))
    story.when(event(at="2026-03-02")).then_of("points", points(10, 2450))
    assert gained(double, *on("2023-12-31", "2024-01-01", "2024-01-03", "2024-01-04")) == [
        10, 20, 20, 10
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("boost", "dates", "expected"),
    [
        pytest.param(
            {"start": "2025-01-01", "end": "2025-01-03", "multiplier": 2, "rounding": "down"},
            ["2024-12-31", "2025-01-01", "2025-01-03", "2025-01-04"],
            [5, 10, 10, 5],
            id="2 from 2025-01-01 to 01-03",
        ),
        pytest.param(
            {"start": "2025-01-01", "multiplier": 1.5, "rounding": "nearest"},
            ["2024-12-31", "2025-01-01", "2035-01-01"],
            [5, 8, 8],
            id="1.5 to the nearest without end",
        ),
        pytest.param(
            {"start": "2024-12-25", "multiplier": 1.5, "rounding": "up"},
            ["2024-12-24", "2024-12-25"],
            [5, 8],
            id="Global Holiday, 1.5 up from 2024-12-25",
        ),
    ],
)
def test_d1_31_the_boosts_of_the_docs(boost, dates, expected):
    assert gained(game(points={"xp": {**per(1, 5), "boosts": [boost]}}), *on(*dates)) == expected


def test_d1_32_a_user_who_is_named_twice_gets_two_freezes_and_at_the_cap_none():
    three = game(streak=daily(maxFreezes=2))
    given(three, identify(), freeze(), freeze()).when(event(0)).then_standing(freezes=2)
    given(three, identify(), freeze(), freeze()).when(freeze()).then_refused(
        "invalid", "Would exceed maximum freeze limit"
    )


@pytest.mark.parametrize(
    ("frequency", "kept", "now", "found"),
    [
        ("daily", "2026-03-02", "2026-05-31", 1),
        ("daily", "2026-03-02", "2026-06-01", None),
        ("weekly", "2025-12-29", "2026-12-31", 1),
        ("weekly", "2025-12-28", "2026-12-31", None),
        ("monthly", "2025-01-01", "2026-12-31", 1),
        ("monthly", "2024-12-31", "2026-12-31", None),
    ],
)
def test_d1_34_the_windows_of_restoring(frequency, kept, now, found):
    lost = given(game(streak=daily(frequency=frequency)), *on(kept)).when(restore(now))
    if found:
        lost.then_streak(length=found)
    else:
        lost.then_refused("invalid", "No streak to restore")


@pytest.mark.parametrize(
    ("field", "most", "beyond"), [("maxFreezes", 100, 101), ("initialFreezes", 100, 101)]
)
def test_d1_35_at_most_100_freezes(field, most, beyond):
    assert getattr(game(streak=daily(**{field: most})).streak, field) == most
    with pytest.raises(ValidationError, match=field):
        game(streak=daily(**{field: beyond}))


def test_d1_35_a_multiplier_is_less_than_100():
    assert awarded(boosted(100, *multipliers(99.99)), 1) == [9999]
    with pytest.raises(ValidationError, match="multiplier"):
        boosted(1, *multipliers(100))


# D2. Derived


def test_d2_a_nineteen_times_50_is_950_and_the_twentieth_brings_the_badge_once():
    verdicts = play(TRACKER, *[event(50, metric="xp")] * 21)
    assert verdicts[18].state["total"] == "950"
    assert verdicts[19].state["total"] == "1000"
    assert [len(of_kind("achievement", it)) for it in verdicts] == [0] * 19 + [1, 0]


def test_d2_b_a_hundred_events_without_value_are_1000():
    verdicts = play(TRACKER, *[event(None, metric="xp")] * 100)
    assert verdicts[-1].state["total"] == "1000"
    assert [len(of_kind("achievement", it)) for it in verdicts] == [0] * 99 + [1]


def test_d2_c_10_points_for_3_tasks():
    thirds = game(points={"xp": per(3, 10)})
    verdicts = play(thirds, *map(event, (1, 1, 1, 4, 2)))
    assert awarded(thirds, 1, 1, 1, 4, 2) == [0, 0, 10, 10, 10]
    assert [it.state["total"] for it in verdicts] == ["1", "2", "3", "7", "9"]
    assert verdicts[-1].standing["points"] == {"xp": 30}


def test_d2_d_9_tasks_at_once_are_one_award_of_30():
    given(game(points={"xp": per(3, 10)})).when(event(9)).then_of("points", points(30, 30))


def test_d2_e_10_points_for_a_kilometre():
    assert awarded(game(points={"xp": per(1, 10)}), 0.6, 0.6, 1.9) == [0, 10, 20]


def test_d2_f_3_points_for_a_kilometre_of_10_5():
    assert awarded(game(points={"xp": per(1, 3)}), 10.5) == [30]


@pytest.mark.parametrize(("rounding", "expected"), [("down", 7), ("up", 8), ("nearest", 8)])
def test_d2_g_5_times_1_5(rounding, expected):
    assert awarded(boosted(5, *multipliers(1.5, rounding=rounding)), 1) == [expected]


def test_d2_h_10_times_2_and_1_5_and_3():
    assert awarded(boosted(10, *multipliers(2, 1.5, 3)), 1) == [90]


def test_d2_i_1_times_1_5_times_1_5_is_2():
    assert awarded(boosted(1, *multipliers(1.5, 1.5)), 1) == [2]


def test_d2_j_at_95_of_100_an_award_of_10_is_5_and_the_next_none():
    capped = game(points={"xp": per(1, 10, maxPoints=100)})
    given(capped, points(95, 95)).when(event()).then_of("points", points(5, 100))
    given(capped, points(95, 95), event()).when(event()).then_of("points")


COSTLY = game(
    points={
        "xp": {"triggers": [{"metricThreshold": 1, "points": -1, "blockIfOutOfPoints": True}]},
    }
)


def test_d2_k_a_blocked_event_changes_nothing_and_its_key_can_be_used_again():
    paid = {"type": "adjustment", "user": "u1", "system": "xp", "points": 1, "reason": "gift"}
    known = {"type": "user", "user": "u1"}
    log, records = judged(COSTLY, known, keyed("k"), paid, keyed("k"), keyed("k"))
    outcomes = [it["outcome"] for it in records]
    assert outcomes == ["applied", "refused", "applied", "applied", "replayed"]
    assert (records[1]["code"], records[1]["entries"]) == ("blocked", [])
    assert log.standing("u1")["series"] == {"commits": ("1", "1")}
    assert log.standing("u1")["points"] == {"xp": 0}


def test_d2_l_without_block_the_total_stays_0_and_there_is_no_award():
    free = game(points={"xp": per(1, -1)})
    given(free).when(event()).then(created(), total(1, 1))
    given(free).when(event()).then_standing(points={})


def test_d2_m_one_change_from_40_to_240_is_gold_and_from_240_to_180_silver():
    metals = game(points={"xp": {"levels": METALS}})
    given(metals, points(40, 40)).when(grant(200)).then_of("level", level("bronze", "gold", 240))
    given(metals, points(240, 240)).when(grant(-60)).then_of("level", level("gold", "silver", 180))


def test_d2_n_what_was_reached_once_is_not_awarded_again():
    assert awarded(game(points={"xp": per(5, 10)}), 5, -5, 5) == [10, 0, 0]


def test_d2_o_50_points_on_the_days_7_and_14_and_21():
    weeks = game(streak=daily(), points={"xp": {"triggers": [{"streakLength": 7, "points": 50}]}})
    days = on(*(f"2026-03-{day:02}" for day in range(1, 22)))
    assert gained(weeks, *days) == [
        50 if day in (7, 14, 21) else 0 for day in range(1, 22)
    ]  # fmt: skip


def test_d2_p_one_key_on_two_metrics_and_for_two_users_is_four_events():
    two = game(["a", "b"])
    told = [keyed("k", user=user, metric=metric) for user in ("u1", "u2") for metric in ("a", "b")]
    log, records = judged(two, *told)
    assert [it["outcome"] for it in records] == ["applied"] * 4
    for user in ("u1", "u2"):
        assert log.standing(user)["series"] == {"a": ("1", "1"), "b": ("1", "1")}


ONE_FREEZE = game(streak=daily(initialFreezes=1, maxFreezes=1))


def test_d2_q_a_freeze_keeps_the_length_of_2_over_the_third_day():
    two = on("2026-03-01", "2026-03-02")
    third = due("2026-03-04T00:00:00Z")
    given(ONE_FREEZE, *two).when(third).then_streak(length=2, freezes=0)
    given(ONE_FREEZE, *two).when(third).then_told(
        streak("frozen", 2, "2026-03-03", "2026-03-01", since="2026-03-03", consumed=1, freezes=0)
    )
    given(ONE_FREEZE, *two, third).when(event(at="2026-03-04")).then_streak(length=3, freezes=0)


def test_d2_r_the_second_missed_day_loses_the_length_of_2():
    two = on("2026-03-01", "2026-03-02")
    lost = streak("lost", 0, "2026-03-04", None, lost=2)
    story = [*two, due("2026-03-04T00:00:00Z")]
    given(ONE_FREEZE, *story).when(due("2026-03-05T00:00:00Z")).then_told(lost)
    assert lengths(ONE_FREEZE, *two, event(0, at="2026-03-05"))[-1] == 0


def test_d2_s_in_utc_minus_8_a_boost_holds_until_8_o_clock_of_the_next_day():
    weekend = boosted(10, {"end": "2024-01-03", "multiplier": 2})
    west = {"tz": "America/Los_Angeles"}
    assert gained(weekend, event(at="2024-01-04T05:00:00Z", user=west)) == [20]
    assert gained(weekend, event(at="2024-01-04T08:00:00Z", user=west)) == [10]


def test_d2_u_10_points_times_one_half_are_5():
    assert awarded(boosted(10, *multipliers(0.5)), 1) == [5]
