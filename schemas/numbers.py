"""Exact decimals: how values, totals and subtotals are added and written (semantics 20, OD-43).

Doubles exist only on the HTTP wire; what is kept and compared is the exact decimal of a double's
shortest form. No rounding may happen in here: whatever is inexact raises.
"""

from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

# 10^18 with 30 decimal places is 48 digits; the rest is room for sums of a trillion such values.
EXACT = Context(prec=80, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])

VALUE_MAX = Decimal("1e18")
PLACES_MAX = 30
ZERO = Decimal(0)


def check_value(value: Decimal) -> Decimal:
    """Return an event's value; ValueError when it is too large or too fine to be added exactly."""
    if not value.is_finite():
        raise ValueError("must be a finite number")
    if abs(value) >= VALUE_MAX:
        raise ValueError("must be smaller than 10^18")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -PLACES_MAX:
        raise ValueError(f"must have at most {PLACES_MAX} decimal places")
    return value


def add(left: Decimal, right: Decimal) -> Decimal:
    """Add exactly."""
    return EXACT.add(left, right)


def write(value: Decimal) -> str:
    """Write a decimal in its one canonical form: no exponent, no trailing zeros, no minus zero."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def multiples(value: Decimal, step: int) -> int:
    """How many whole steps fit into a value that is not negative: its floor division."""
    return int(value // step)


def as_number(value: Decimal) -> int | float:
    """Return the JSON number for a decimal: exact up to what a double holds."""
    return int(value) if value == value.to_integral_value() else float(value)
