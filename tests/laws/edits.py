"""Random edits of a game's definitions: what the next version of them has in another way."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime
from random import Random

from laws.games import (
    METRICS,
    Raw,
    draw_achievement,
    draw_boost,
    draw_streak,
    draw_trigger,
)


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
    changed = draw_streak(rng)
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
        item = draw_achievement(rng, key, [*keys, key])
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
        changed = draw_achievement(rng, item["key"], keys)
        if changed["trigger"] == item["trigger"]:
            item.update(changed)


def _edit_triggers(rng: Random, triggers: list[Raw], keys: list[str]) -> None:
    chosen = rng.randrange(len(triggers) + 1)
    if chosen == len(triggers):
        # A key that was used before and left out may come back.
        unused = next(f"t{it}" for it in range(9) if f"t{it}" not in {t["key"] for t in triggers})
        triggers.append(draw_trigger(rng, unused, keys))
    elif rng.random() < 0.4 and len(triggers) > 1:
        del triggers[chosen]
    else:
        triggers[chosen] = draw_trigger(rng, triggers[chosen]["key"], keys)


def _edit_system(rng: Random, system: Raw, now: datetime) -> None:
    system["maxPoints"] = rng.choice((None, rng.randint(1, 40)))
    if rng.random() < 0.5:
        system["boosts"] = [draw_boost(rng, f"b{index}", now) for index in range(rng.randint(0, 2))]
    if rng.random() < 0.5:
        levels = rng.sample(range(61), rng.randint(0, 3))
        system["levels"] = [{"key": f"l{it}", "name": "level", "points": it} for it in levels]
