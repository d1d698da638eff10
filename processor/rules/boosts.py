"""Boosts (semantics 8): multipliers on what is earned within local dates."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from processor.rules.game import BoostRule, SystemRule, matches


def boosts_for(
    system: SystemRule, user: str, attributes: Mapping[str, str], day: str
) -> list[BoostRule]:
    """Return the boosts of a system that hold for a user on a local date, in file order."""
    return [
        boost
        for boost in system.boosts
        if boost.start <= day
        and (boost.end is None or day <= boost.end)
        and (boost.user is None or boost.user == user)
        and matches(boost.attributes, attributes)
    ]


def boosted(points: int, boosts: Sequence[BoostRule]) -> int:
    """Return points times the exact product of all multipliers, rounded once.

    Down if any boost says so, else to the nearest (half away from zero) if any does, else up
    (OD-25). What is deducted is not boosted (OD-24).
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
