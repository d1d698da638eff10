"""Changes of definitions, as an operator makes them: drawn from dice, each on a game of its own.

A game is the dictionary of a definition file. What F10 and F13 count on stays as it is: one commit
keeps a streak, and the system of the time trigger is nobody's to change.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from faults.game import GAME

Game = dict[str, Any]
Edit = Callable[[Random, Game, str], str]

# A metric that comes and goes, and items that rounds have added.
EXTRA: Final = "extra"
ADDED: Final = "added-"
ADDED_MAX: Final = 6


def edited(dice: Random, game: Game, mark: str) -> list[str]:
    """Change a game in one to three ways; return what was done, for people."""
    edits = dice.sample(EDITS, dice.randint(1, 3))
    return [edit(dice, game, f"{mark}-{place}") for place, edit in enumerate(edits)]


def _system(game: Game, key: str) -> Game:
    return next(it for it in game["points"] if it["key"] == key)


def _trigger(game: Game, key: str) -> Game:
    return next(it for it in _system(game, "xp")["triggers"] if it["key"] == key)


def _points(dice: Random, game: Game, _mark: str) -> str:
    trigger = _trigger(game, "fix")
    trigger["points"], trigger["metricThreshold"] = dice.randint(5, 20), dice.randint(1, 3)
    return f"{trigger['points']} points for {trigger['metricThreshold']} fixes"


def _cap(dice: Random, game: Game, _mark: str) -> str:
    cap = _system(game, "energy")["maxPoints"] = dice.choice((None, 8, 15, 25, 30, 60))
    return f"a cap of {cap}"


def _levels(dice: Random, game: Game, _mark: str) -> str:
    least = sorted(dice.sample(range(0, 500, 10), dice.randint(1, 8)))
    _system(game, "xp")["levels"] = [
        {"key": f"l{points}", "name": f"From {points}", "points": points} for points in least
    ]
    return f"levels from {least}"


def _metric(_dice: Random, game: Game, _mark: str) -> str:
    triggers = _system(game, "xp")["triggers"]
    if any(it["key"] == EXTRA for it in game["metrics"]):
        game["metrics"] = [it for it in game["metrics"] if it["key"] != EXTRA]
        triggers[:] = [it for it in triggers if it["key"] != EXTRA]
        return f"metric {EXTRA} archived"
    game["metrics"].append({"key": EXTRA, "name": EXTRA})
    triggers.append(
        {"key": EXTRA, "type": "metric", "metric": EXTRA, "metricThreshold": 2, "points": 3}
    )
    return f"metric {EXTRA} added"


def _keep_some(items: list[Game]) -> None:
    """Leave the oldest of what was added out of the file: it is archived."""
    added = [it for it in items if it["key"].startswith(ADDED)]
    for it in added[: max(0, len(added) - ADDED_MAX)]:
        items.remove(it)


def _filtered_achievement(dice: Random, game: Game, mark: str) -> str:
    item: Game = {
        "key": f"{ADDED}{mark}",
        "name": "added",
        "trigger": "metric",
        "metric": dice.choice(("commits", "lines", "reviews")),
        "metricValue": dice.choice((1, 2, 2.5, 5, 12)),
        "eventAttributes": {"kind": dice.choice(("fix", "docs"))},
    }
    if dice.random() < 0.3:
        item["userAttributes"] = {"team": dice.choice(("red", "blue"))}
    game["achievements"].append(item)
    _keep_some(game["achievements"])
    return f"an achievement for {item['metricValue']} {item['metric']} of a kind"


def _other_achievement(dice: Random, game: Game, mark: str) -> str:
    item: Game = {"key": f"{ADDED}{mark}", "name": "added"}
    kind = dice.choice(("metric", "streak", "achievement"))
    if kind == "metric":
        item |= {"metric": "lines", "metricValue": dice.choice((1, 3, 20))}
    if kind == "streak":
        item |= {"streakLength": dice.randint(1, 3)}
    if kind == "achievement":
        item |= {"achievements": dice.choice((["first", "prose"], ["first"], ["ten", "fixer"]))}
    game["achievements"].append({**item, "trigger": kind})
    _keep_some(game["achievements"])
    return f"an achievement by {kind}"


def _filtered_trigger(dice: Random, game: Game, mark: str) -> str:
    triggers = _system(game, "xp")["triggers"]
    triggers.append(
        {
            "key": f"{ADDED}{mark}",
            "type": "metric",
            "metric": dice.choice(("lines", "reviews")),
            "metricThreshold": dice.randint(1, 4),
            "points": dice.choice((-3, 2, 6)),
            "eventAttributes": {"kind": dice.choice(("fix", "docs"))},
        }
    )
    _keep_some(triggers)
    return "a trigger with a filter"


def _status(dice: Random, game: Game, _mark: str) -> str:
    item = dice.choice((_trigger(game, "fix"), _trigger(game, "days"), game["achievements"][2]))
    item["status"] = "inactive" if item.get("status", "active") == "active" else "active"
    return f"{item['key']} {item['status']}"


def _boost(dice: Random, game: Game, mark: str) -> str:
    boosts, today = _system(game, "xp")["boosts"], datetime.now(UTC).date()
    lasting = [it for it in boosts if it["key"].startswith(ADDED) and "end" not in it]
    if lasting and dice.random() < 0.5:
        lasting[0]["end"] = (today - timedelta(days=2)).isoformat()
        return "a boost ended"
    boost: Game = {
        "key": f"{ADDED}{mark}",
        "name": "added",
        "start": (today - timedelta(days=dice.randint(3, 20))).isoformat(),
        "multiplier": dice.choice((0.5, 1.2, 1.5, 2, 3.3)),
        "rounding": dice.choice(("down", "up", "nearest")),
    }
    if dice.random() < 0.5:
        boost["userAttributes"] = {"team": dice.choice(("red", "blue"))}
    boosts.append(boost)
    _keep_some(boosts)
    return f"a boost of {boost['multiplier']}"


def _left_out(dice: Random, game: Game, _mark: str) -> str:
    """Leave something out that the first version has, or bring it back as it was."""
    kind, key = dice.choice((("triggers", "review"), ("triggers", "commit"), ("boosts", "reds")))
    items = _system(game, "xp")[kind]
    if any(it["key"] == key for it in items):
        items[:] = [it for it in items if it["key"] != key]
        return f"{key} left out"
    items.append(next(copy.deepcopy(it) for it in _system(GAME, "xp")[kind] if it["key"] == key))
    return f"{key} back"


def _streak(dice: Random, game: Game, _mark: str) -> str:
    streak = game["streak"]
    streak["metrics"][1]["threshold"] = dice.choice((5, 10, 12))
    streak["maxFreezes"] = dice.randint(1, 3)
    streak["freezeAutoEarnInterval"] = dice.randint(4, 9)
    return f"{streak['maxFreezes']} freezes, one every {streak['freezeAutoEarnInterval']} days"


EDITS: Final[tuple[Edit, ...]] = (
    _points,
    _cap,
    _levels,
    _metric,
    _filtered_achievement,
    _filtered_achievement,
    _other_achievement,
    _filtered_trigger,
    _status,
    _boost,
    _streak,
    _left_out,
    _left_out,
)
