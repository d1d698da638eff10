"""What the types of all resources are made of: numbers, instants, dates, pairs, the error body.

An instant and a date are text as soon as they are in an answer: they are written once, in here.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal, overload

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from schemas.instants import write_instant


def _an_instant(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("must have an offset")
    return text


def _a_date(text: str) -> str:
    date.fromisoformat(text)
    return text


Double = Annotated[float, Field(json_schema_extra={"format": "double"})]
Instant = Annotated[
    str, AfterValidator(_an_instant), Field(json_schema_extra={"format": "date-time"})
]
Date = Annotated[str, AfterValidator(_a_date), Field(json_schema_extra={"format": "date"})]
Frequency = Literal["daily", "weekly", "monthly"]
Channel = Literal["email", "push"]


class ErrorBody(TypedDict):
    """Every answer other than 2xx."""

    error: Annotated[str, Field(description="What to change.")]


class Pair(TypedDict):
    """An attribute and its value."""

    key: str
    value: str


def pairs(attributes: Mapping[str, str]) -> list[Pair]:
    """Return attributes as the contract has them."""
    return [{"key": key, "value": text} for key, text in attributes.items()]


@overload
def instant_text(at: datetime | str) -> str: ...


@overload
def instant_text(at: datetime | str | None) -> str | None: ...


def instant_text(at: datetime | str | None) -> str | None:
    """Return an instant as the contract has it; what a record has as text is that already."""
    return write_instant(at) if isinstance(at, datetime) else at


def date_text(day: date | None) -> str | None:
    """Return a date as the contract has it."""
    return day.isoformat() if day else None
