"""The types of single fields, and what several nouns have in common: an item, a badge.

Nothing is taken for what it is not: a number is no text, a text is no number but for decimals,
which are texts in JSON, and neither is true or false. Nothing in here knows what a field is for.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from schemas import strict
from schemas.definitions.limits import (
    DECIMAL_DIGITS,
    DECIMAL_PLACES,
    FILTER_ATTRIBUTES_MAX,
    NAME_MAX,
    POINTS_MAX,
    TEXT_MAX,
    URL_MAX,
    WHOLE_MAX,
)
from schemas.strict import Strict

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# The context in which a version that is in force already is read.
STORED: Final = "stored"
# As Python writes a decimal, and people do: no underscores, no leading zeros, no other digits.
_DECIMAL: Final = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?")
_ZERO: Final = Decimal(0)


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("must be a text: put it in quotes")  # noqa: TRY004  pydantic collects ValueErrors only
    # Postgres keeps no text with a NUL in it, and a lone surrogate cannot be written as UTF-8.
    if "\0" in value:
        raise ValueError("must not contain the character U+0000")
    if not value.isascii() and any("\ud800" <= it <= "\udfff" for it in value):
        raise ValueError("must not contain a lone surrogate")
    return value


def _flag(value: object) -> object:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004  as above
    return value


def _whole(value: object) -> object:
    if type(value) is not int:
        raise ValueError("must be a whole number such as 10")
    return value


def _no_text(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("must be a number such as 0.5")  # noqa: TRY004  as above
    return value


def _decimal(value: object) -> object:
    # Those of texts are exact, those of a float are what its shortest form says.
    if not (isinstance(value, str) and _DECIMAL.fullmatch(value)):
        _no_text(value)
    if isinstance(value, int) and abs(value) >= 10**DECIMAL_DIGITS:
        raise ValueError(f"must be smaller than 10^{DECIMAL_DIGITS}")
    return value


def _bounded(value: Decimal) -> Decimal:
    if not value:
        # Whatever exponent it was written with.
        return _ZERO
    if value.adjusted() >= DECIMAL_DIGITS:
        raise ValueError(f"must be smaller than 10^{DECIMAL_DIGITS}")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -DECIMAL_PLACES:
        raise ValueError(f"must have at most {DECIMAL_PLACES} decimal places")
    return value


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("must not be 0")
    return value


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("must be greater than 0")
    return value


def at_entry(check: Callable[[Any], str | None]) -> AfterValidator:
    """Return a check of what comes in: a version that was put in force before it was made stays.

    It says what is wrong. What would harm others than its own tenant is no matter of this: that no
    version may have, however old.
    """

    def checked(value: object, info: ValidationInfo) -> object:
        problem = None if info.context == STORED else check(value)
        if problem is not None:
            raise ValueError(problem)
        return value

    return AfterValidator(checked)


def at_most(most: int, what: str) -> AfterValidator:
    """Return the check that a text, list or mapping that comes in has no more than so many."""
    return at_entry(lambda value: f"must have at most {most} {what}" if len(value) > most else None)


def no_more_than(most: int) -> AfterValidator:
    """Return the check that a number that comes in is no greater."""
    return at_entry(lambda value: f"must be {most} at most" if value > most else None)


def _day(value: object) -> object:
    # Neither an instant, whose date depends on a zone, nor a number, which would be one.
    if type(value) is date or (isinstance(value, str) and _DATE.fullmatch(value)):
        return value
    raise ValueError("must be a date such as 2026-01-31")


# Last in its line: it sees what was given before anything else does.
IsText: Final = BeforeValidator(_text)
IsWhole: Final = BeforeValidator(_whole)

Key = Annotated[strict.Key, IsText]
UserId = Annotated[strict.UserId, IsText]
AttributeValue = Annotated[strict.AttributeValue, IsText]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX), IsText]
Units = Annotated[str, at_most(NAME_MAX, "characters"), IsText]
Text = Annotated[str, at_most(TEXT_MAX, "characters"), IsText]
Url = Annotated[str, Field(min_length=1), at_most(URL_MAX, "characters"), IsText]
AnyText = Annotated[str, IsText]

Flag = Annotated[bool, BeforeValidator(_flag)]
Ratio = Annotated[float, Field(ge=0, le=100), BeforeValidator(_no_text)]
AtLeastOne = Annotated[int, Field(ge=1, le=WHOLE_MAX), IsWhole]
NotNegative = Annotated[int, Field(ge=0, le=WHOLE_MAX), IsWhole]
Points = Annotated[int, Field(ge=-POINTS_MAX, le=POINTS_MAX), AfterValidator(_not_zero), IsWhole]
# Exact, and therefore a string in JSON: a stored version reads back as what it was.
Number = Annotated[Decimal, BeforeValidator(_decimal), AfterValidator(_bounded)]
Multiplier = Annotated[
    Decimal, Field(gt=0, lt=100), BeforeValidator(_decimal), AfterValidator(_bounded)
]
Threshold = Annotated[Number, AfterValidator(_positive)]
Day = Annotated[date, BeforeValidator(_day), strict.InCalendar]
Filter = Annotated[dict[Key, AttributeValue], at_most(FILTER_ATTRIBUTES_MAX, "attributes")]

_Of = TypeVar("_Of")
# A set has no order, and an order is what most lists are about.
Listed = Annotated[list[_Of], Field(strict=True)]


class Item(Strict):
    """Something with a key. `archived` marks what a newer version left out; no file says it."""

    key: Key
    archived: Flag = False


class Badge(Strict):
    """A picture."""

    url: Url
