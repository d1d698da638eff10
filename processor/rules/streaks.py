"""Streaks (semantics 6): daily, weekly and monthly at once, in the user's time zone.

A track is alive in a period if it is kept up to the period before it. `through` says up to where
it is kept: a satisfied period moves it, and so does whatever protects a period that was missed.
What time alone does to a streak is in rolling.
"""

from datetime import date
from decimal import Decimal

from processor.rules.freezes import held
from processor.rules.game import Game, StreakRule
from processor.rules.preferences import rule_for
from processor.rules.standing import Standing, Track
from schemas.entries import FREQUENCIES, Entry, Frequency, StreakEntry, StreakState
from schemas.numbers import ZERO, add, write
from schemas.periods import Period, Today, period_of, streak_state


def zone_of(standing: Standing, game: Game) -> str:
    """Return the time zone that a user's periods follow (OD-13)."""
    return standing["tz"] or game.tz


def carry(standing: Standing, today: Today) -> list[Entry]:
    """Return what a new time zone asks for: dates that it skipped never break a streak (OD-38).

    `standing` has been rolled forward under the old zone; `today` is that of the new one.
    """
    carried: list[Entry] = []
    for frequency, track in standing["streaks"].items():
        if not track["length"] or track["through"] is None or track["period"] is None:
            continue
        # Anew with every move: what was skipped on the way out is not skipped after the way back.
        # What was protected stays so: a second freeze for the same date would be one too many.
        protected = track.get("kept", "")
        kept = max(track["period"], protected, today.periods[frequency].previous)
        if track["through"] != kept:
            carried.append(
                {
                    "kind": "streak",
                    "frequency": frequency,
                    "change": "carried",
                    "length": track["length"],
                    "started": track["started"],
                    "period": track["period"],
                    "through": kept,
                    "quiet": True,
                }
            )
    return carried


def count(
    standing: Standing, game: Game, metric: str, value: Decimal, day: date, today: Today
) -> list[Entry]:
    """Return what an event does to the streaks: extended, started, or a step towards it.

    `standing` has been rolled forward to `today`, the user's time; `day` is the event's own: a late
    event counts only where the period that it belongs to is the period that is open (OD-1).
    """
    found: list[Entry] = []
    rule = rule_for(standing, game)
    if rule is None:
        return found
    streaks = standing["streaks"]
    unsatisfied: dict[Frequency, tuple[str, str]] = {}
    for frequency in FREQUENCIES:
        track = streaks.get(frequency)
        current = today.periods[frequency]
        period = current.text
        changes: dict[str, str] = {}
        if track is not None:
            if track["period"] is not None and period <= track["period"]:
                # Neither a period twice, nor one before it after a move to the west.
                continue
            changes = track["changes"].get(period, changes)
        if not changes and metric not in rule.metrics:
            # Neither does this event move it, nor did one before.
            continue
        if day != today.day and period_of(day, frequency, game.week_start) != current.first:
            continue
        change = write(add(Decimal(changes.get(metric, ZERO)), value))
        if _holds(rule, {**changes, metric: change}):
            found.append(_told(_extension(track, frequency, current, day), game))
        elif metric in rule.metrics:
            unsatisfied[frequency] = (period, change)
    if unsatisfied:
        found.append({"kind": "progress", "metric": metric, "periods": unsatisfied})
    return found


def _holds(rule: StreakRule, changes: dict[str, str]) -> bool:
    for metric, least in rule.conditions:
        if (Decimal(changes.get(metric, ZERO)) >= least) != rule.every:
            # All are needed and one is missing, or one is enough and here it is.
            return not rule.every
    return rule.every


def _extension(
    track: Track | None, frequency: Frequency, current: Period, day: date
) -> StreakEntry:
    if (
        track is None
        or not track["length"]
        or track["through"] is None
        or track["through"] < current.previous
    ):
        return {
            "kind": "streak",
            "frequency": frequency,
            "change": "started",
            "length": 1,
            "started": day.isoformat(),
            "period": current.text,
            "through": current.text,
        }
    return {
        "kind": "streak",
        "frequency": frequency,
        "change": "extended",
        "length": track["length"] + 1,
        "started": track["started"],
        "period": current.text,
        "through": max(track["through"], current.text),
    }


def _told(entry: StreakEntry, game: Game) -> StreakEntry:
    if entry["frequency"] != game.frequency:
        entry["quiet"] = True
    return entry


def state_of_streak(standing: Standing, game: Game, today: Today) -> StreakState:
    """Return the streak of the game's frequency as an answer shows it, at the user's time."""
    track = standing["streaks"].get(game.frequency)
    freezes = held(standing, game)
    if track is None or rule_for(standing, game) is None:
        state = streak_state(game.frequency, 0, None, None, today)
    else:
        state = streak_state(
            game.frequency,
            track["length"],
            track["started"],
            track["through"],
            today,
            standing.get("pauses", ()),
            freezes,
        )
    if game.freezes.most:
        state["freezes"] = freezes
    return state
