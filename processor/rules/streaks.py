"""Streaks (semantics 6): daily, weekly and monthly at once, in the user's time zone.

A track is alive in a period if it is kept up to the period before it. `through` says up to where
it is kept: a satisfied period moves it, and so does whatever protects a period that was missed.
"""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from processor.rules.game import Game, StreakRule
from processor.rules.standing import Standing, Track, new_track
from schemas.entries import FREQUENCIES, Frequency, ProgressEntry, StreakEntry, StreakState
from schemas.numbers import ZERO, add, write
from schemas.periods import Today, next_period, period_of, previous_period, streak_state


def zone_of(standing: Standing, game: Game) -> str:
    """Return the time zone that a user's periods follow (OD-13)."""
    return standing["tz"] or game.tz


def roll(standing: Standing, game: Game, today: Today) -> Iterator[StreakEntry]:
    """Return the streaks that ended by today: a whole period went by unsatisfied."""
    for frequency, track in standing["streaks"].items():
        current, text = today.periods[frequency]
        # Dates as text are in the order of dates: the common case needs no calendar.
        if not track["length"] or track["through"] is None or track["through"] >= text:
            continue
        through = date.fromisoformat(track["through"])
        if through < previous_period(current, frequency, today.tz):
            entry: StreakEntry = {
                "kind": "streak",
                "frequency": frequency,
                "change": "lost",
                "length": 0,
                "started": None,
                "period": next_period(through, frequency, today.tz).isoformat(),
                "through": None,
                "lost": track["length"],
            }
            yield _told(entry, game)


def carry(standing: Standing, today: Today) -> Iterator[StreakEntry]:
    """Return what a new time zone asks for: dates that it skipped never break a streak (OD-38).

    `standing` has been rolled forward under the old zone; `today` is that of the new one.
    """
    for frequency, track in standing["streaks"].items():
        if not track["length"] or track["through"] is None or track["period"] is None:
            continue
        needed = previous_period(today.periods[frequency][0], frequency, today.tz)
        # Anew with every move: what was skipped on the way out is not skipped after the way back.
        kept = max(date.fromisoformat(track["period"]), needed)
        if date.fromisoformat(track["through"]) != kept:
            yield {
                "kind": "streak",
                "frequency": frequency,
                "change": "carried",
                "length": track["length"],
                "started": track["started"],
                "period": track["period"],
                "through": kept.isoformat(),
                "quiet": True,
            }


def count(
    standing: Standing, game: Game, metric: str, value: Decimal, day: date, today: Today
) -> Iterator[StreakEntry | ProgressEntry]:
    """Return what an event does to the streaks: extended, started, or a step towards it.

    `standing` has been rolled forward to `today`, the user's time; `day` is the event's own: a late
    event counts only where the period that it belongs to is the period that is open (OD-1).
    """
    rule = game.streak
    if rule is None:
        return
    unsatisfied: dict[Frequency, tuple[str, str]] = {}
    for frequency in FREQUENCIES:
        track = standing["streaks"].get(frequency) or new_track()
        current, text = today.periods[frequency]
        if track["period"] is not None and text <= track["period"]:
            # Neither a period twice, nor one before it after a move to the west.
            continue
        if day != today.day and period_of(day, frequency, game.week_start) != current:
            continue
        changes = dict(track["changes"].get(text, {}))
        change = write(add(Decimal(changes.get(metric, ZERO)), value))
        changes[metric] = change
        if _holds(rule, changes):
            yield _told(_extension(track, frequency, current, day, today.tz), game)
        elif any(metric == wanted for wanted, _ in rule.conditions):
            unsatisfied[frequency] = (text, change)
    if unsatisfied:
        yield {"kind": "progress", "metric": metric, "periods": unsatisfied}


def _holds(rule: StreakRule, changes: dict[str, str]) -> bool:
    met = (Decimal(changes.get(metric, ZERO)) >= least for metric, least in rule.conditions)
    return all(met) if rule.every else any(met)


def _extension(
    track: Track, frequency: Frequency, current: date, day: date, tz: str
) -> StreakEntry:
    through = date.fromisoformat(track["through"]) if track["through"] else None
    alive = (
        track["length"] > 0
        and through is not None
        and through >= previous_period(current, frequency, tz)
    )
    kept = max(through, current) if alive and through else current
    return {
        "kind": "streak",
        "frequency": frequency,
        "change": "extended" if alive else "started",
        "length": track["length"] + 1 if alive else 1,
        "started": track["started"] if alive else day.isoformat(),
        "period": current.isoformat(),
        "through": kept.isoformat(),
    }


def _told(entry: StreakEntry, game: Game) -> StreakEntry:
    if entry["frequency"] != game.frequency or game.streak is None:
        entry["quiet"] = True
    return entry


def state_of_streak(standing: Standing, game: Game, today: Today) -> StreakState:
    """Return the streak of the game's frequency as an answer shows it, at the user's time."""
    track = standing["streaks"].get(game.frequency) or new_track()
    length = track["length"] if game.streak is not None else 0
    through = date.fromisoformat(track["through"]) if track["through"] else None
    return streak_state(game.frequency, length, track["started"], through, today)
