"""A user's own streak settings (semantics 4): off, other conditions, another evaluation."""

from decimal import Decimal

from processor.rules.game import Game, StreakRule, streak_rule
from processor.rules.standing import Standing
from schemas.entries import Entry, PreferencesEntry, StreakEntry, StreakPreferences
from schemas.events import StreakPreference
from schemas.numbers import write


def rule_for(standing: Standing, game: Game) -> StreakRule | None:
    """Return the conditions of a user's streak, None where there can be none."""
    own = standing.get("preferences")
    if own is None:
        return game.streak
    if not game.streak_enabled or not own.get("enabled", True):
        return None
    if not game.personalization or not ("metrics" in own or "evaluationMode" in own):
        return game.streak
    conditions = list(game.streak.conditions) if game.streak else []
    if "metrics" in own:
        conditions = [
            (it["metric"], Decimal(it["threshold"]))
            for it in own["metrics"]
            if it["metric"] in game.metrics
        ]
    every = game.streak_every
    if "evaluationMode" in own:
        every = own["evaluationMode"] == "AND"
    return streak_rule(conditions, every=every) if conditions else None


def problem(given: StreakPreference, game: Game) -> str | None:
    """Return why a user cannot have these settings, None if they can."""
    if given.evaluationMode is None and given.metrics is None:
        return None
    if not game.personalization:
        return "personalization of streaks is not enabled: only `enabled` may be set"
    seen: set[str] = set()
    for it in given.metrics or ():
        if it.metric not in game.metrics:
            known = ", ".join(sorted(game.metrics)) or "none"
            return f"there is no metric {it.metric!r} (known: {known})"
        if it.metric in seen:
            return f"the metric {it.metric!r} is a condition already"
        if it.threshold <= 0:
            return "a threshold must be greater than 0"
        seen.add(it.metric)
    return None


def changed(standing: Standing, given: StreakPreference) -> list[Entry]:
    """Return what setting them leads to: nothing where they are set already.

    A streak that is turned off is gone, and nobody is told.
    """
    before = standing.get("preferences", {})
    merged: StreakPreferences = {**before}
    if given.enabled is not None:
        merged["enabled"] = given.enabled
    if given.evaluationMode is not None:
        merged["evaluationMode"] = given.evaluationMode
    if given.metrics is not None:
        merged["metrics"] = [
            {"metric": it.metric, "threshold": write(it.threshold)} for it in given.metrics
        ]
    if merged == before:
        return []
    entry: PreferencesEntry = {"kind": "preferences", "streak": merged}
    found: list[Entry] = [entry]
    if not merged.get("enabled", True):
        found += _ended(standing)
    return found


def _ended(standing: Standing) -> list[StreakEntry]:
    return [
        {
            "kind": "streak",
            "frequency": frequency,
            "change": "lost",
            "length": 0,
            "started": None,
            "period": track["through"],
            "through": None,
            "lost": track["length"],
            "quiet": True,
        }
        for frequency, track in standing["streaks"].items()
        if track["length"] and track["through"] is not None
    ]
