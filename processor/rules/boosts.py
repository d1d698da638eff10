"""Boosts: multipliers on what is earned within local dates (docs/reference/rules.md#boosts)."""

from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction

from processor.rules.attributes import matches
from processor.rules.ruleset import BoostRule, Ruleset, SystemRule
from processor.rules.user_state import UserState
from schemas.calendar import Calendar
from schemas.entries import BoostEntry
from schemas.instants import Micros
from schemas.text import UserId
from schemas.zones import ONE_DAY


def boosts_for(system: SystemRule, user: UserId, own: UserState, day: date) -> Sequence[BoostRule]:
    """Return the boosts of a system that hold for a user on a local date, in file order."""
    if not system.boosts:
        return ()
    return [
        boost
        for boost in system.boosts
        if boost.start <= day
        and (boost.end is None or day <= boost.end)
        and (boost.user is None or boost.user == user)
        and matches(boost.attributes, own.attributes)
    ]


def boosted(points: int, boosts: Sequence[BoostRule]) -> int:
    """Return points times the exact product of all multipliers, rounded once.

    Down if any boost says so, else to the nearest (half away from zero) if any does, else up. What
    is deducted is not boosted.
    """
    if points < 0 or not boosts:
        return points
    product = Fraction(points)
    for boost in boosts:
        product *= boost.multiplier
    above, below = product.numerator, product.denominator
    modes = {boost.rounding for boost in boosts}
    if "down" in modes:
        return above // below
    return (2 * above + below) // (2 * below) if "nearest" in modes else -(-above // below)


def changes_of_user(
    rules: Ruleset, user: UserId, calendar: Calendar
) -> Iterator[tuple[Micros, BoostEntry]]:
    """Yield when the boosts of this very user begin and end, in the user's time."""
    for system in rules.systems:
        for boost in system.boosts:
            if boost.user != user:
                continue
            start = BoostEntry(system.key, boost.key, "started")
            yield calendar.midnight(boost.start), start
            if boost.end is not None:
                end = BoostEntry(system.key, boost.key, "finished")
                yield calendar.midnight(boost.end + ONE_DAY), end
