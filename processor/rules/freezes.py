"""Streak freezes (semantics 6): granted at first, earned with time, consumed for missed periods.

Consuming them is a part of what happens as time goes by: see rolling.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from processor.rules.game import Game
from processor.rules.standing import Standing
from schemas.entries import FreezesEntry


def held(standing: Standing, game: Game) -> int:
    """Return how many freezes a user can use; none where the game has none."""
    return standing.get("freezes", 0) if game.freezes.most else 0


def initial(game: Game, day: date) -> list[FreezesEntry]:
    """Return what a user is granted on coming to be, on a local date."""
    count = game.freezes.initial
    return [_entry("granted", count, count, day)] if count else []


def granted(standing: Standing, game: Game, day: date) -> FreezesEntry | None:
    """Return one freeze that an operator grants, None where that would exceed the ceiling."""
    before = standing.get("freezes", 0)
    return _entry("granted", 1, before + 1, day) if before < game.freezes.most else None


def earned(before: int, game: Game, day: date) -> FreezesEntry | None:
    """Return what is earned on a local date; the ceiling clips it, and the excess is lost."""
    amount = min(game.freezes.amount, game.freezes.most - before)
    return _entry("earned", amount, before + amount, day) if amount > 0 else None


def earning_days(standing: Standing, game: Game, after: date, until: date) -> Iterator[date]:
    """Yield the local dates on which freezes are earned: after one date, up to another (OD-47)."""
    interval = game.freezes.interval
    born = standing.get("born")
    if interval is None or born is None:
        return
    anchor = date.fromisoformat(born)
    gone = max(0, (after - anchor).days // interval)
    day = anchor + timedelta(days=interval) * (gone + 1)
    earned_on = standing.get("earned", "")
    while day <= until:
        # One who flew back over the date line comes to a date again.
        if day.isoformat() > earned_on:
            yield day
        day += timedelta(days=interval)


def next_earning_day(standing: Standing, game: Game, after: date) -> date | None:
    """Return the next local date on which freezes are earned, None while that is of no use."""
    rule = game.freezes
    if rule.interval is None or standing.get("freezes", 0) >= rule.most:
        return None
    # The next one may be a date that the user has been to before.
    far = after + timedelta(days=2 * rule.interval + 2)
    return next(earning_days(standing, game, after, far), None)


def _entry(change: str, amount: int, freezes: int, day: date) -> FreezesEntry:
    return {
        "kind": "freezes",
        "change": "earned" if change == "earned" else "granted",
        "amount": amount,
        "freezes": freezes,
        "day": day.isoformat(),
    }
