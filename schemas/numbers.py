"""Exact numbers: an int where integral and small enough for every JSON reader, else a Decimal.

Each value has one form, on the wire too: a JSON number, or the decimal in a string. No rounding may
happen in here: whatever is inexact raises. Doubles exist only in answers over HTTP.
"""

from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from typing import Final

Number = int | Decimal

# The largest integer that every JSON reader has exactly. Points, balances and all integers of
# definitions lie within it.
WHOLE_MAX: Final = 2**53 - 1
# A value lies below this, and has so many decimal places at most.
VALUE_MAX: Final = 10**15
PLACES_MAX: Final = 18
SUM_DIGITS_MAX: Final = 40

# A value has 33 digits at most; the rest is room for sums of more of them than can ever come.
EXACT: Final = Context(prec=80, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])


def number(value: Number) -> Number:
    """Return the one form of a finite value. Raises Inexact beyond 80 digits."""
    if isinstance(value, int):
        return value if -WHOLE_MAX <= value <= WHOLE_MAX else Decimal(value)
    if not value:
        return 0
    # By the exponent: of 1e999999999 no digit is written out.
    if value.adjusted() >= EXACT.prec:
        raise Inexact(value)
    if value == value.to_integral_value():
        return number(int(value))
    return EXACT.normalize(value)


def read_number(text: str) -> Number:
    """Return the number that a decimal text is; decimal.InvalidOperation when it is none."""
    return number(Decimal(text))


def value_problem(value: Number) -> str | None:
    """Return why a number cannot be an event's value, None if it can."""
    if isinstance(value, int):
        return None if -VALUE_MAX < value < VALUE_MAX else "must be smaller than 10^15"
    if not value.is_finite():
        return "must be a finite number"
    # By the exponent first: the digits of a number such as 1e999999 are never written out.
    if value.adjusted() >= len(str(VALUE_MAX)) - 1 and value:
        return "must be smaller than 10^15"
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -PLACES_MAX and _places(value) > PLACES_MAX:
        return f"must have at most {PLACES_MAX} decimal places"
    return None


def sum_problem(value: Number) -> str | None:
    """Return why a number cannot be a sum of values, None if it can."""
    decimal = Decimal(value)
    if not decimal.is_finite():
        return "must be a finite number"
    if (decimal.adjusted() >= SUM_DIGITS_MAX and decimal) or _places(decimal) > PLACES_MAX:
        return f"must have at most {SUM_DIGITS_MAX} digits and {PLACES_MAX} decimal places"
    return None


def _places(value: Decimal) -> int:
    """Return how many decimal places a value has, zeros at the end not counted."""
    _sign, digits, exponent = value.as_tuple()
    if not value or not isinstance(exponent, int):
        return 0
    zeros = 0
    for digit in reversed(digits):
        if digit:
            break
        zeros += 1
    return -exponent - zeros


def add(left: Number, right: Number) -> Number:
    """Add exactly. Raises Inexact beyond 80 digits."""
    if isinstance(left, int) and isinstance(right, int):
        total = left + right
        return total if -WHOLE_MAX <= total <= WHOLE_MAX else Decimal(total)
    return number(EXACT.add(Decimal(left), Decimal(right)))


def negated(value: Number) -> Number:
    """Return the value with the other sign."""
    if isinstance(value, int):
        return -value
    return value.copy_negate()


def multiples(value: Number, step: int) -> int:
    """How many whole steps fit into a value that is not negative: its floor division."""
    found = value // step
    return found if isinstance(found, int) else int(found)


def write(value: Number) -> str:
    """Write a number as people do: no exponent, no zeros at the end, no minus zero."""
    value = number(value)
    return str(value) if isinstance(value, int) else format(value, "f")


def as_double(value: Number) -> int | float:
    """Return the JSON number of an HTTP answer: exact up to what a double holds."""
    return value if isinstance(value, int) else float(value)
