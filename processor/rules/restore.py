"""Restoring a lost streak (semantics 6, OD-17): the greatest length lost within a window."""

from datetime import date, timedelta
from typing import Final

from processor.rules.game import Game
from processor.rules.preferences import rule_for
from processor.rules.standing import Standing
from schemas.entries import FREQUENCIES, Frequency, StreakEntry
from schemas.periods import Today, period_of

DAYS_BACK: Final = 90


def restored(standing: Standing, game: Game, today: Today) -> list[StreakEntry]:
    """Return the streaks that are given back, of each frequency; none if the game's has none.

    A restored streak goes on as if the current period were open; it awards nothing.
    """
    found: list[StreakEntry] = []
    if rule_for(standing, game) is None:
        # One who has turned the streak off has none, and is told of none.
        return found
    for frequency in FREQUENCIES:
        track = standing["streaks"].get(frequency)
        if track is None:
            continue
        since = _window(frequency, game, today).isoformat()
        length, started = track["length"], ""
        for lost in track.get("past", ()):
            if lost["period"] >= since and lost["length"] > length:
                length, started = lost["length"], lost["started"]
        if not started or track["period"] is None:
            continue
        entry: StreakEntry = {
            "kind": "streak",
            "frequency": frequency,
            "change": "restored",
            "length": length,
            "started": started,
            "period": track["period"],
            "through": max(track["through"] or "", today.periods[frequency].previous),
        }
        if frequency != game.frequency:
            entry["quiet"] = True
        found.append(entry)
    return found if any(it["frequency"] == game.frequency for it in found) else []


def _window(frequency: Frequency, game: Game, today: Today) -> date:
    """Return the first date whose period a streak may have been kept in."""
    if frequency == "daily":
        return today.day - timedelta(days=DAYS_BACK)
    if frequency == "weekly":
        return period_of(date(today.day.year, 1, 1), "weekly", game.week_start)
    return date(today.day.year - 1, 1, 1)
