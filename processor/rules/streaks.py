"""Streaks (semantics 6): daily, weekly and monthly at once, in the user's time zone.

A track is alive in a period if it is kept up to the period before it. `through` says up to where
it is kept: a satisfied period moves it, and so does whatever protects a period that was missed.
"""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal

from processor.rules.game import Game, StreakRule
from processor.rules.standing import Standing, Track, new_track
from schemas.entries import FREQUENCIES, Frequency, ProgressEntry, StreakEntry, StreakState
from schemas.numbers import ZERO, add, write
from schemas.periods import last_date, local_date, next_period, period_of, previous_period


def zone_of(standing: Standing, game: Game) -> str:
    """Return the time zone that a user's periods follow (OD-13)."""
    return standing["tz"] or game.tz


def roll(standing: Standing, game: Game, now: datetime) -> Iterator[StreakEntry]:
    """Return the streaks that ended by `now`: a whole period went by unsatisfied."""
    tz = zone_of(standing, game)
    today = local_date(now, tz)
    for frequency, track in standing["streaks"].items():
        if not track["length"] or track["through"] is None:
            continue
        through = date.fromisoformat(track["through"])
        current = period_of(today, frequency, game.week_start)
        if through < previous_period(current, frequency, tz):
            entry: StreakEntry = {
                "kind": "streak",
                "frequency": frequency,
                "change": "lost",
                "length": 0,
                "started": None,
                "period": next_period(through, frequency, tz).isoformat(),
                "through": None,
                "lost": track["length"],
            }
            yield _told(entry, game)


def carry(standing: Standing, game: Game, now: datetime) -> Iterator[StreakEntry]:
    """Return what a new time zone asks for: dates that it skipped never break a streak (OD-38).

    `standing` has been rolled forward under the old zone and holds the new one.
    """
    tz = zone_of(standing, game)
    today = local_date(now, tz)
    for frequency, track in standing["streaks"].items():
        if not track["length"] or track["through"] is None or track["period"] is None:
            continue
        needed = previous_period(period_of(today, frequency, game.week_start), frequency, tz)
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
    standing: Standing, game: Game, metric: str, value: Decimal, at: datetime
) -> Iterator[StreakEntry | ProgressEntry]:
    """Return what an event does to the streaks: extended, started, or a step towards it.

    `standing` has been rolled forward, and its time is the latest instant seen: a late event counts
    only where the period that it belongs to is the period that is open (OD-1).
    """
    rule = game.streak
    if rule is None:
        return
    tz = zone_of(standing, game)
    day = local_date(at, tz)
    today = local_date(datetime.fromisoformat(standing["time"]), tz)
    unsatisfied: dict[Frequency, tuple[str, str]] = {}
    for frequency in FREQUENCIES:
        track = standing["streaks"].get(frequency) or new_track()
        current = period_of(today, frequency, game.week_start)
        if period_of(day, frequency, game.week_start) != current or _satisfied(track, current):
            continue
        changes = dict(track["changes"].get(current.isoformat(), {}))
        change = write(add(Decimal(changes.get(metric, ZERO)), value))
        changes[metric] = change
        if _holds(rule, changes):
            yield _told(_extension(track, frequency, current, day, tz), game)
        elif any(metric == wanted for wanted, _ in rule.conditions):
            unsatisfied[frequency] = (current.isoformat(), change)
    if unsatisfied:
        yield {"kind": "progress", "metric": metric, "periods": unsatisfied}


def _satisfied(track: Track, current: date) -> bool:
    # Neither a period twice, nor one before it after a move to the west.
    return track["period"] is not None and current <= date.fromisoformat(track["period"])


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


def streak_state(standing: Standing, game: Game) -> StreakState:
    """Return the streak of the game's frequency as an answer shows it, at the user's time."""
    track = standing["streaks"].get(game.frequency)
    if game.streak is None or track is None or not track["length"] or track["through"] is None:
        return {
            "frequency": game.frequency,
            "length": 0,
            "started": None,
            "periodStart": None,
            "periodEnd": None,
            "expires": None,
        }
    tz = zone_of(standing, game)
    today = local_date(datetime.fromisoformat(standing["time"]), tz)
    current = period_of(today, game.frequency, game.week_start)
    through = date.fromisoformat(track["through"])
    # After a move to the west the last period that was kept may lie ahead of the current one.
    last = next_period(through, game.frequency, tz) if through >= current else current
    return {
        "frequency": game.frequency,
        "length": track["length"],
        "started": track["started"],
        "periodStart": current.isoformat(),
        "periodEnd": last_date(current, game.frequency).isoformat(),
        "expires": last_date(last, game.frequency).isoformat(),
    }
