"""Random games for the laws: definitions with every rule in them, and edits of definitions.

Everything is drawn from small sets: what is rare in nature (a total exactly at a threshold, two
boosts on one day) is what the laws are about. Hypothesis draws one number for each part of a game,
and the part is made of that number: that is quick, and an example shrinks by leaving parts out.
"""

import os
from collections.abc import Sequence
from copy import deepcopy
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


def game_of(parts: Parts, start: datetime) -> Raw:
    """Return the definitions of a game that begins about then, as a file has them."""
    rng = Random(parts.head)
    keys = [f"a{index}" for index in range(len(parts.achievements))]
    made = [
        _achievement(Random(it), key, keys)
        for key, it in zip(keys, parts.achievements, strict=True)
    ]
    return {
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
        "streak": _streak(rng),
        "achievements": made,
        "points": [
            {
                **_system(Random(seed), key, triggers, keys),
                "boosts": [
                    _boost(Random(it), f"b{index}", start) for index, it in enumerate(boosts)
                ],
            }
            for key, (seed, triggers, boosts) in zip(("xp", "care"), parts.systems, strict=False)
        ],
    }


def _some(rng: Random, keys: Sequence[str], texts: Sequence[str]) -> dict[str, str]:
    return {key: rng.choice(texts) for key in rng.sample(keys, rng.choice((0, 0, 1, len(keys))))}


def _streak(rng: Random) -> Raw:
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


def _achievement(rng: Random, key: str, keys: list[str]) -> Raw:
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


def _trigger(rng: Random, key: str, achievements: list[str]) -> Raw:
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


def _boost(rng: Random, key: str, about: datetime) -> Raw:
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
            _trigger(Random(it), f"t{index}", achievements) for index, it in enumerate(triggers)
        ],
        "levels": [{"key": f"l{least}", "name": "level", "points": least} for least in levels],
    }


# Edits


def edited(game: Raw, rng: Random, now: datetime) -> Raw:
    """Return what a game becomes by an edit of its file: one part is changed, added or left out."""
    new = deepcopy(game)
    system = rng.choice(new["points"])
    what = rng.choice(("streak", "metric", *["achievement"] * 2, *["trigger"] * 2, "system"))
    if what == "streak":
        _edit_streak(rng, new)
    elif what == "metric":
        _edit_metrics(new)
    elif what == "achievement":
        _edit_achievement(rng, new)
    elif what == "trigger":
        _edit_triggers(rng, system["triggers"], [it["key"] for it in new["achievements"]])
    elif rng.random() < 0.2 and len(new["points"]) > 1:
        new["points"].remove(system)
    else:
        _edit_system(rng, system, now)
    _take_in_metrics(new)
    return new


def _edit_streak(rng: Random, new: Raw) -> None:
    changed = _streak(rng)
    changed["personalization"] = not new["streak"]["personalization"]
    # What has to do with freezes belongs together.
    rest = ["enabled", "personalization", "frequency", "evaluationMode", "metrics"]
    freezes = [name for name in changed if name not in rest]
    names = rng.choice((rng.sample(rest, 2), ["personalization"], freezes))
    new["streak"] |= {name: changed[name] for name in names}


def _edit_metrics(new: Raw) -> None:
    """Leave out a metric that no rule asks for, or take all in again."""
    unwanted = [it for it in new["metrics"] if it["key"] not in _wanted(new)]
    if unwanted and len(new["metrics"]) == len(METRICS):
        new["metrics"].remove(unwanted[0])
    else:
        _take_in_metrics(new, METRICS)


def _take_in_metrics(new: Raw, keys: Sequence[str] = ()) -> None:
    """Take in again the metrics that rules ask for, and others of these keys."""
    known = {it["key"] for it in new["metrics"]}
    for key in METRICS:
        if key not in known and (key in keys or key in _wanted(new)):
            new["metrics"].append({"key": key, "name": key})


def _wanted(new: Raw) -> set[str]:
    rules = [*new["achievements"], *new["streak"]["metrics"]]
    rules += [trigger for system in new["points"] for trigger in system["triggers"]]
    return {it["metric"] for it in rules if "metric" in it}


def _edit_achievement(rng: Random, new: Raw) -> None:
    keys = [it["key"] for it in new["achievements"]]
    if not keys or rng.random() < 0.4:
        key = f"b{len(keys)}"
        item = _achievement(rng, key, [*keys, key])
        if rng.random() < 0.7:
            # One that somebody may well qualify for already.
            easy: dict[str, Raw] = {
                "metric": {"metricValue": "0.3"},
                "streak": {"streakLength": 1},
            }
            item |= {"status": "active", "userAttributes": {}, **easy.get(item["trigger"], {})}
        new["achievements"].append(item)
        return
    item = rng.choice(new["achievements"])
    if rng.random() < 0.5:
        item["status"] = "active" if item["status"] != "active" else "locked"
    else:
        changed = _achievement(rng, item["key"], keys)
        if changed["trigger"] == item["trigger"]:
            item.update(changed)


def _edit_triggers(rng: Random, triggers: list[Raw], keys: list[str]) -> None:
    chosen = rng.randrange(len(triggers) + 1)
    if chosen == len(triggers):
        # A key that was used before and left out may come back.
        unused = next(f"t{it}" for it in range(9) if f"t{it}" not in {t["key"] for t in triggers})
        triggers.append(_trigger(rng, unused, keys))
    elif rng.random() < 0.4 and len(triggers) > 1:
        del triggers[chosen]
    else:
        triggers[chosen] = _trigger(rng, triggers[chosen]["key"], keys)


def _edit_system(rng: Random, system: Raw, now: datetime) -> None:
    system["maxPoints"] = rng.choice((None, rng.randint(1, 40)))
    if rng.random() < 0.5:
        system["boosts"] = [_boost(rng, f"b{index}", now) for index in range(rng.randint(0, 2))]
    if rng.random() < 0.5:
        levels = rng.sample(range(61), rng.randint(0, 3))
        system["levels"] = [{"key": f"l{it}", "name": "level", "points": it} for it in levels]
