"""Random games for the laws: definitions with every rule in them, and edits of definitions.

Everything is drawn from small sets: what is rare in nature (a total exactly at a threshold, two
boosts on one day) is what the laws are about. Hypothesis draws one number for each part of a game,
and the part is made of that number: that is quick, and an example shrinks by leaving parts out.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from schemas.definitions import Definitions, problems

# How many random cases each law is tried on; the engine and the second implementation are compared
# on three times as many, as that looks at everything. LAWS_EXAMPLES=3000 pytest tests/laws
EXAMPLES = int(os.environ.get("LAWS_EXAMPLES", "100"))
law = settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
often = settings(law, max_examples=3 * EXAMPLES)

Raw = dict[str, Any]

# Of few enough bits that Hypothesis draws all of them alike.
SEED = st.integers(0, 2**23 - 1)
USERS = ("ada", "bob", "eve")
METRICS = ("commits", "lines", "reviews")
# The first ones more often, so that what is done meets what is counted.
LIKELY = ("commits", "commits", "commits", "lines", "lines", "reviews")
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Pacific/Pago_Pago",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
)
# Around a skipped date of Apia, both changes of clocks, a leap day, the ends of a year and a week.
STARTS = (
    datetime(2011, 12, 28, 22, tzinfo=UTC),
    datetime(2024, 2, 27, 11, tzinfo=UTC),
    datetime(2025, 3, 28, 23, 30, tzinfo=UTC),
    datetime(2025, 10, 25, 5, tzinfo=UTC),
    datetime(2025, 12, 30, 9, 59, 59, 999000, tzinfo=UTC),
)


# By so much the points of triggers are multiplied in games that refuse, where some are too many.
RICHES = 2 * 10**10
TOLL: Raw = {"key": "toll", "type": "metric", "metric": "lines", "metricThreshold": 1}
TOLL |= {"points": -RICHES, "blockIfOutOfPoints": True}


class Parts(NamedTuple):
    """The numbers that the parts of a game are made of."""

    head: int
    achievements: list[int]
    # Of each points system: itself, its triggers, its boosts.
    systems: list[tuple[int, list[int], list[int]]]


def parts() -> st.SearchStrategy[Parts]:
    """Draw what a game is made of."""
    system = st.tuples(
        SEED,
        st.lists(SEED, min_size=1, max_size=5),
        st.lists(SEED, max_size=3),
    )
    return st.builds(
        Parts, SEED, st.lists(SEED, max_size=5), st.lists(system, min_size=1, max_size=2)
    )


def read(game: Raw) -> Definitions:
    """Return definitions as the engine reads them; they have no problems."""
    definitions = Definitions.model_validate(game)
    assert problems(definitions) == []
    return definitions


def game_of(parts: Parts, start: datetime, *, refuses: bool = False) -> Raw:
    """Return the definitions of a game that begins about then, as a file has them.

    `refuses`: some events cost points, and some great ones award more than a user may have.
    """
    rng = Random(parts.head)
    keys = [f"a{index}" for index in range(len(parts.achievements))]
    made = [
        draw_achievement(Random(it), key, keys)
        for key, it in zip(keys, parts.achievements, strict=True)
    ]
    game: Raw = {
        "settings": {
            "weekStart": rng.choice(("monday", "sunday")),
            "defaultTimeZone": rng.choice(ZONES),
        },
        "metrics": [
            {"key": key, "name": key, "defaultIncrementValue": rng.choice((None, "0.1", "2"))}
            for key in METRICS
        ],
        "attributes": [
            {"type": "event", "key": "kind", "name": "kind"},
            {"type": "event", "key": "size", "name": "size"},
            {"type": "user", "key": "team", "name": "team"},
        ],
        "streak": draw_streak(rng),
        "achievements": made,
        "points": [
            {
                **_system(Random(seed), key, triggers, keys),
                "boosts": [
                    draw_boost(Random(it), f"b{index}", start) for index, it in enumerate(boosts)
                ],
            }
            for key, (seed, triggers, boosts) in zip(("xp", "care"), parts.systems, strict=False)
        ],
    }
    for system in game["points"] if refuses else ():
        system["maxPoints"] = None
        for trigger in system["triggers"]:
            trigger["points"] *= RICHES
        system["triggers"].append(TOLL)
    return game


def _some(rng: Random, keys: Sequence[str], texts: Sequence[str]) -> dict[str, str]:
    return {key: rng.choice(texts) for key in rng.sample(keys, rng.choice((0, 0, 1, len(keys))))}


def draw_streak(rng: Random) -> Raw:
    most = rng.choice((0, 0, 1, 2, 3))
    interval = rng.choice((None, 1, 2, 3, 7)) if most else None
    return {
        "enabled": rng.random() < 0.95,
        "personalization": rng.random() < 0.5,
        "frequency": rng.choice(("daily", "daily", "daily", "weekly", "monthly")),
        "evaluationMode": rng.choice(("AND", "OR")),
        "metrics": [
            {"metric": metric, "threshold": rng.choice(("0.5", "0.5", "1", "1", "2"))}
            for metric in METRICS[: rng.choice((0, 1, 1, 1, 1, 1, 1, 2, 2, 3))]
        ],
        "maxFreezes": most,
        "initialFreezes": rng.randint(0, most),
        "freezeAutoEarnInterval": interval,
        "freezeAutoEarnAmount": rng.choice((1, 1, 2)) if interval else None,
    }


def draw_achievement(rng: Random, key: str, keys: list[str]) -> Raw:
    item: Raw = {
        "key": key,
        "name": key,
        "userAttributes": _some(rng, ("team",), ("x", "y")) if rng.random() < 0.3 else {},
        "status": rng.choice(("active", "active", "active", "active", "inactive", "locked")),
    }
    # Only those before it, so that none waits for itself.
    parts = keys[: keys.index(key)]
    kind = rng.choice(("metric", "metric", "streak", "api", *(["achievement"] * 2 * bool(parts))))
    if kind == "streak":
        item["streakLength"] = rng.randint(1, 4)
    elif kind == "achievement":
        item["achievements"] = rng.sample(parts, rng.randint(1, min(2, len(parts))))
    elif kind == "metric":
        item["metric"] = rng.choice(LIKELY)
        item["metricValue"] = rng.choice(("0.3", "1", "2", "5", "7.5", "20"))
        item["eventAttributes"] = _some(rng, ("kind", "size"), ("a", "b"))
    return {**item, "trigger": kind}


def draw_trigger(rng: Random, key: str, achievements: list[str]) -> Raw:
    item: Raw = {
        "key": key,
        "points": rng.choice((1, 2, 5, 10, 50, -1, -3, -20)),
        "userAttributes": _some(rng, ("team",), ("x", "y")) if rng.random() < 0.3 else {},
        "status": rng.choice(("active", "active", "active", "inactive")),
    }
    kinds = ["metric", "metric", "metric", "streak", "user_creation", "time"]
    kind = rng.choice([*kinds, *(["achievement"] * bool(achievements))])
    if kind == "metric":
        item["metric"] = rng.choice(LIKELY)
        item["metricThreshold"] = rng.randint(1, 5)
        item["eventAttributes"] = _some(rng, ("kind", "size"), ("a", "b"))
        item["blockIfOutOfPoints"] = rng.random() < 0.3
    elif kind == "streak":
        item["streakLength"] = rng.randint(1, 3)
    elif kind == "achievement":
        item["achievement"] = rng.choice(achievements)
    elif kind == "time":
        unit, intervals = rng.choice((("hours", (7, 12, 25)), ("days", (1, 2, 7))))
        item["timeUnit"], item["timeInterval"] = unit, rng.choice(intervals)
    return {**item, "type": kind}


def draw_boost(rng: Random, key: str, about: datetime) -> Raw:
    start = about.date() + timedelta(days=rng.randint(-2, 6))
    item: Raw = {
        "key": key,
        "name": key,
        "start": start.isoformat(),
        "end": rng.choice((None, (start + timedelta(days=rng.randint(0, 9))).isoformat())),
        "multiplier": rng.choice(("0.5", "1.5", "1.5", "2", "3", "0.1", "1.01")),
        "rounding": rng.choice(("down", "up", "nearest")),
    }
    whom = rng.choice(("all", "all", "user", "team"))
    if whom == "user":
        item["userId"] = rng.choice(USERS)
    elif whom == "team":
        item["userAttributes"] = {"team": rng.choice(("x", "y"))}
    return item


def _system(rng: Random, key: str, triggers: list[int], achievements: list[str]) -> Raw:
    levels = rng.sample(range(61), rng.randint(0, 4))
    return {
        "key": key,
        "name": key,
        "maxPoints": rng.choice((None, None, rng.randint(1, 40))),
        "triggers": [
            draw_trigger(Random(it), f"t{index}", achievements) for index, it in enumerate(triggers)
        ],
        "levels": [{"key": f"l{least}", "name": "level", "points": least} for least in levels],
    }
