"""The game of all plans, and its first version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.definitions import Definitions
from schemas.topics import DEFAULT_TENANT
from schemas.versions import Version, succeed

METRICS = ("commits", "lines", "reviews")

# The system of a time trigger that no class may change, and its interval.
AGE, AGE_DAYS = "age", 5
# When the first version came into force: before all that any plan tells of.
FOUNDED = datetime(2010, 1, 1, tzinfo=UTC)

GAME: dict[str, Any] = {
    "settings": {"weekStart": "monday", "defaultTimeZone": "UTC"},
    "metrics": [{"key": key, "name": key} for key in METRICS],
    "attributes": [
        {"type": "event", "key": "kind", "name": "kind"},
        # Every event of a plan bears a mark, by which it is known again wherever it turns up.
        {"type": "event", "key": "mark", "name": "mark"},
        {"type": "user", "key": "team", "name": "team"},
    ],
    "streak": {
        "frequency": "daily",
        "evaluationMode": "OR",
        "metrics": [{"metric": "commits", "threshold": 1}, {"metric": "lines", "threshold": 10}],
        "initialFreezes": 1,
        "maxFreezes": 2,
        "freezeAutoEarnInterval": 6,
        "freezeAutoEarnAmount": 1,
    },
    "achievements": [
        {
            "key": "first",
            "name": "first",
            "trigger": "metric",
            "metric": "commits",
            "metricValue": 1,
        },
        {"key": "ten", "name": "ten", "trigger": "metric", "metric": "commits", "metricValue": 10},
        {
            "key": "fixer",
            "name": "fixer",
            "trigger": "metric",
            "metric": "commits",
            "metricValue": 4,
            "eventAttributes": {"kind": "fix"},
        },
        {"key": "prose", "name": "prose", "trigger": "metric", "metric": "lines", "metricValue": 9},
        {"key": "two-days", "name": "two days", "trigger": "streak", "streakLength": 2},
        {
            "key": "red-reviews",
            "name": "reviews of the reds",
            "trigger": "metric",
            "metric": "reviews",
            "metricValue": 3,
            "userAttributes": {"team": "red"},
        },
    ],
    "points": [
        {
            "key": "xp",
            "name": "XP",
            "triggers": [
                {"key": "welcome", "type": "user_creation", "points": 3},
                {
                    "key": "commit",
                    "type": "metric",
                    "metric": "commits",
                    "metricThreshold": 1,
                    "points": 10,
                },
                {
                    "key": "fix",
                    "type": "metric",
                    "metric": "commits",
                    "metricThreshold": 2,
                    "points": 5,
                    "eventAttributes": {"kind": "fix"},
                },
                {
                    "key": "review",
                    "type": "metric",
                    "metric": "reviews",
                    "metricThreshold": 2,
                    "points": -7,
                },
                {"key": "days", "type": "streak", "streakLength": 2, "points": 15},
                {"key": "tenth", "type": "achievement", "achievement": "ten", "points": 40},
            ],
            "levels": [
                {"key": f"l{least}", "name": f"From {least}", "points": least}
                for least in (0, 10, 25, 50, 100, 200, 400)
            ],
            "boosts": [
                {
                    "key": "reds",
                    "name": "The reds",
                    "start": "2020-01-01",
                    "multiplier": 1.5,
                    "rounding": "nearest",
                    "userAttributes": {"team": "red"},
                }
            ],
        },
        {
            "key": "energy",
            "name": "Energy",
            "maxPoints": 30,
            "triggers": [
                {"key": "start", "type": "user_creation", "points": 20},
                {
                    "key": "cost",
                    "type": "metric",
                    "metric": "commits",
                    "metricThreshold": 1,
                    "points": -4,
                },
                {
                    "key": "rest",
                    "type": "metric",
                    "metric": "lines",
                    "metricThreshold": 5,
                    "points": 9,
                },
            ],
        },
        # Nothing but time awards them: a balance says how often a trigger fell due.
        {
            "key": AGE,
            "name": "Age",
            "triggers": [
                {
                    "key": "days",
                    "type": "time",
                    "timeUnit": "days",
                    "timeInterval": AGE_DAYS,
                    "points": 1,
                }
            ],
        },
    ],
}


def founded() -> Version:
    """Return the definitions of all plans as the first version, in force since long ago."""
    return succeed(None, Definitions.model_validate(GAME), DEFAULT_TENANT, FOUNDED)
