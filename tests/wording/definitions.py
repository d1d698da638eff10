"""Definitions, written short: what is left out has defaults, and there is the metric `commits`."""

from schemas.definitions import Definitions


def game(metrics=("commits",), event=(), user=(), streak=None, settings=None, **parts):
    """Return definitions; `event` and `user` are keys of attributes, points are by system."""
    return Definitions.model_validate(
        {
            "settings": settings or {},
            "metrics": [_named(it if isinstance(it, dict) else {"key": it}) for it in metrics],
            "attributes": [
                *({"type": "event", "key": key, "name": key} for key in event),
                *({"type": "user", "key": key, "name": key} for key in user),
            ],
            "streak": streak or {},
            "achievements": [_achievement(it) for it in parts.pop("achievements", ())],
            "points": [_system(key, it) for key, it in parts.pop("points", {}).items()],
            **parts,
        }
    )


def daily(threshold=1, **fields):
    """Return streak settings with one condition, on commits."""
    return {"metrics": [{"metric": "commits", "threshold": threshold}], **fields}


def per(threshold, points, **fields):
    """Return a system with nothing but points for every so many commits."""
    return {"triggers": [{"metricThreshold": threshold, "points": points}], **fields}


def every(points, **interval):
    """Return a time trigger: every(5, hours=3), every(1, days=1)."""
    ((unit, count),) = interval.items()
    return {"type": "time", "timeUnit": unit, "timeInterval": count, "points": points}


def _named(item):
    return {"name": item["key"], **item}


def _achievement(item):
    if "metricValue" in item:
        return _named({"trigger": "metric", "metric": "commits", **item})
    if "achievements" in item:
        return _named({"trigger": "achievement", **item})
    return _named({"trigger": "streak" if "streakLength" in item else "api", **item})


def _system(key, item):
    levels = [_named({"key": it, "points": least}) for it, least in item.get("levels", {}).items()]
    triggers = [_trigger(index, it) for index, it in enumerate(item.get("triggers", ()))]
    boosts = [_named({"key": f"b{at}", **it}) for at, it in enumerate(item.get("boosts", ()))]
    parts = {"triggers": triggers, "levels": levels, "boosts": boosts}
    return _named({**item, "key": key, **parts})


def _trigger(index, item):
    item = {"key": f"t{index}", **item}
    if "metricThreshold" in item:
        return {"type": "metric", "metric": "commits", **item}
    if "streakLength" in item:
        return {"type": "streak", **item}
    return {"type": "achievement" if "achievement" in item else "user_creation", **item}
