"""Exact arithmetic for the reference implementation.

Python's default decimal context rounds to 28 digits. This one refuses to round at all, so that a
sum is either exact or an error. Nothing may be imported here but the standard library.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow
from fractions import Fraction
from math import ceil, floor

EXACT = Context(prec=10_000, traps=[Inexact, InvalidOperation, Overflow])


def add(left: Decimal, right: Decimal) -> Decimal:
    """The exact sum."""
    return EXACT.add(left, right)


def to_decimal(number: float | Decimal | str) -> Decimal:
    """The decimal that is written the same way: 0.1 becomes exactly one tenth."""
    return Decimal(str(number))


def multiples(total: Decimal, threshold: Decimal) -> int:
    """How many whole times the threshold goes into the total, rounded down even below zero."""
    return floor(Fraction(total) / Fraction(threshold))


def boosted(points: int, boosts: list[dict]) -> int:
    """Points times all the multipliers, rounded once; points are not negative."""
    product = Fraction(points)
    for boost in boosts:
        product *= Fraction(to_decimal(boost["multiplier"]))
    modes = {boost.get("rounding", "down") for boost in boosts}
    if not boosts or "down" in modes:
        return floor(product)
    if "nearest" in modes:
        return floor(product + Fraction(1, 2))
    return ceil(product)
