"""Definitions and rows to the shapes of the HTTP contract: what no read of a world shows."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from msgspec import convert
from msgspec.structs import replace
from pydantic import TypeAdapter

from contract.application.awards import Given, PointsAward, award
from contract.application.boosts import boost
from contract.application.levels import PointsLevel, levels
from contract.application.points import PointsSystemResponse, points_system_with_triggers
from contract.application.streaks import BaseStreakResponse, base_streak
from contract.application.triggers import trigger
from contract.errors import MissingItemError
from schemas.definitions import Definitions, id_of
from schemas.streak_state import StreakState
from schemas.versions import succeed

GAME: dict[str, Any] = {
    "metrics": [{"key": "commits", "name": "Commits"}],
    "attributes": [
        {"type": "user", "key": "plan", "name": "Plan"},
        {"type": "event", "key": "lang", "name": "Language"},
    ],
    "streak": {"metrics": [{"metric": "commits", "threshold": 1}]},
    "achievements": [
        {"key": "ten", "name": "Ten", "trigger": "metric", "metric": "commits", "metricValue": 10}
    ],
    "points": [
        {
            "key": "xp",
            "name": "XP",
            "description": "What is earned.",
            "maxPoints": 1000,
            "triggers": [
                {
                    "key": "commit",
                    "type": "metric",
                    "metric": "commits",
                    "metricThreshold": 2,
                    "points": 5,
                    "eventAttributes": {"lang": "de"},
                },
                {"key": "ten", "type": "achievement", "achievement": "ten", "points": 50},
                {"key": "week", "type": "streak", "streakLength": 7, "points": 7},
                {"key": "hourly", "type": "time", "timeUnit": "hours", "timeInterval": 6}
                | {"points": -1, "userAttributes": {"plan": "free"}},
                {"key": "daily", "type": "time", "timeUnit": "days", "timeInterval": 1}
                | {"points": 2},
                {"key": "welcome", "type": "user_creation", "points": 3},
                {"key": "off", "type": "user_creation", "points": 3, "status": "inactive"},
            ],
            "boosts": [
                {"key": "spring", "name": "Spring", "start": "2026-03-20", "end": "2026-06-20"}
                | {"multiplier": 1.5, "rounding": "nearest"},
                {"key": "ever", "name": "For ever", "start": "2026-01-01", "multiplier": 0.5},
            ],
            "levels": [
                {"key": "gold", "name": "Gold", "points": 100, "badge": {"url": "https://a.b/g"}},
                {"key": "bronze", "name": "Bronze", "points": 0},
            ],
        }
    ],
}
AT = datetime(2026, 1, 1, tzinfo=UTC)


def version(**streak):
    game = {**GAME, "streak": {**GAME["streak"], **streak}}
    return succeed(None, Definitions.model_validate(game), "default", AT)


VERSION = version()
STREAK = {
    "frequency": "daily",
    "length": 3,
    "started": "2026-03-01",
    "periodStart": "2026-03-03",
    "periodEnd": "2026-03-03",
    "expires": "2026-03-04",
}
STATE = convert(STREAK, StreakState)


def given(trigger, boosts=None):
    return Given("0-0-1:2", 5, 25, "2026-03-20T12:00:00Z", trigger, boosts)


# -- triggers and systems -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "details"),
    [
        (
            "commit",
            {
                "metricName": "Commits",
                "metricThreshold": 2,
                "eventAttribute": {"key": "lang", "value": "de"},
                "eventAttributes": [{"key": "lang", "value": "de"}],
            },
        ),
        ("ten", {"achievementName": "Ten"}),
        ("week", {"streakLengthThreshold": 7}),
        ("hourly", {"timeUnit": "hour", "timeInterval": 6}),
        ("daily", {"timeUnit": "day", "timeInterval": 1}),
        ("welcome", {}),
    ],
)
def test_each_type_of_trigger_has_its_own_fields(key, details):
    answer = trigger(VERSION, "xp", key)
    common = ("id", "type", "points", "status", "userAttributes", "created", "updated")
    left = {name: it for name, it in answer.items() if name not in {*common, "metricId"}}
    left.pop("achievementId", None)
    assert left == details
    assert set(common) <= answer.keys()


def test_a_system_is_shown_without_its_key_and_with_its_active_triggers():
    answer = points_system_with_triggers(VERSION, "xp")
    assert [it["type"] for it in answer["triggers"]] == [
        "metric",
        "achievement",
        "streak",
        "time",
        "time",
        "user_creation",
    ]
    assert answer["triggers"][3]["userAttributes"] == [{"key": "plan", "value": "free"}]
    assert {**answer, "triggers": []} == {
        "id": answer["id"],
        "name": "XP",
        "description": "What is earned.",
        "badgeUrl": None,
        "maxPoints": 1000,
        "triggers": [],
    }


def test_levels_are_shown_from_the_lowest_to_the_highest():
    found = levels(VERSION, "xp")
    assert [(it["key"], it["points"], it["badgeUrl"]) for it in found] == [
        ("bronze", 0, None),
        ("gold", 100, "https://a.b/g"),
    ]


def test_what_a_newer_version_left_out_is_neither_a_level_nor_a_trigger_any_more():
    game = {**GAME, "points": [{**GAME["points"][0], "levels": [], "triggers": [], "boosts": []}]}
    newer = succeed(VERSION, Definitions.model_validate(game), "default", AT)
    assert levels(newer, "xp") == []
    assert points_system_with_triggers(newer, "xp")["triggers"] == []
    # But an award of the past still names them.
    shown = award(newer, "xp", given("commit", ["ever"]))
    assert shown["trigger"]["status"] == "archived"
    assert shown["boosts"][0]["status"] == "finished"


# -- awards and boosts --------------------------------------------------------------------------


def test_an_award_names_its_boosts_as_they_stood_on_its_day():
    shown = award(VERSION, "xp", given("commit", ["spring", "ever"]))
    assert shown["boosts"] == [
        {
            "id": id_of("default", "points", "xp", "boosts", "spring"),
            "name": "Spring",
            "status": "active",
            "start": "2026-03-20",
            "end": "2026-06-20",
            "multiplier": 1.5,
            "rounding": "nearest",
        },
        {
            "id": id_of("default", "points", "xp", "boosts", "ever"),
            "name": "For ever",
            "status": "active",
            "start": "2026-01-01",
            "end": None,
            "multiplier": 0.5,
            "rounding": "down",
        },
    ]
    later = award(VERSION, "xp", given("commit", ["spring"]), today=date(2026, 7, 1))
    assert later["boosts"][0]["status"] == "finished"


def test_an_award_of_nobodys_trigger_has_none():
    shown = award(VERSION, "xp", given(None))
    assert shown == {
        "id": "0-0-1:2",
        "awarded": 5,
        "total": 25,
        "date": "2026-03-20T12:00:00Z",
        "boosts": [],
    }


@pytest.mark.parametrize(
    ("today", "status"),
    [
        (date(2026, 3, 19), "scheduled"),
        (date(2026, 3, 20), "active"),
        (date(2026, 6, 20), "active"),
        (date(2026, 6, 21), "finished"),
    ],
)
def test_a_boost_is_active_from_its_first_date_to_its_last(today, status):
    assert boost(VERSION, "xp", "spring", today)["status"] == status


def test_a_boost_that_the_definitions_lack_is_missing_in_them():
    with pytest.raises(MissingItemError, match="winter"):
        boost(VERSION, "xp", "winter", date(2026, 1, 1))


# -- streaks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "more"),
    [
        ({}, {}),
        ({"maxFreezes": 3}, {"freezes": 2, "maxFreezes": 3}),
        (
            {"maxFreezes": 3, "freezeAutoEarnInterval": 7, "freezeAutoEarnAmount": 1},
            {
                "freezes": 2,
                "maxFreezes": 3,
                "freezeAutoEarnInterval": 7,
                "freezeAutoEarnAmount": 1,
            },
        ),
    ],
)
def test_a_streak_shows_freezes_only_where_the_game_has_them(settings, more):
    game = version(**settings).definitions.streak
    assert base_streak(replace(STATE, freezes=2), game) == {**STREAK, **more}


def test_who_has_no_freezes_has_0_of_them():
    game = version(maxFreezes=3).definitions.streak
    assert base_streak(STATE, game)["freezes"] == 0


@pytest.mark.parametrize(
    ("shape", "answer"),
    [
        (PointsAward, award(VERSION, "xp", given("commit", ["ever"]))),
        (PointsAward, award(VERSION, "xp", given(None))),
        (PointsSystemResponse, points_system_with_triggers(VERSION, "xp")),
        (list[PointsLevel], levels(VERSION, "xp")),
        (
            BaseStreakResponse,
            base_streak(STATE, version(maxFreezes=2).definitions.streak),
        ),
    ],
)
def test_what_is_answered_is_what_the_contract_says(shape, answer):
    words = TypeAdapter(shape)
    # Whatever the contract does not know would be missing.
    assert words.dump_python(words.validate_python(answer), mode="json") == answer
