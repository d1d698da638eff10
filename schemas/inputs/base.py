"""What all inputs have in common."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

from schemas.instants import date_problem
from schemas.text import IdempotencyKeyIn, KeyIn, UserIdIn

DEFAULT_TENANT = "default"

# A JSON number, and none in a text. Our own parts may write exact numbers as texts (`Number`).
NumberIn = Annotated[int | Decimal, Meta(extra_json_schema={"type": "number"})]


class Problem(NamedTuple):
    """Something that is wrong with an input: where, and what to change.

    Both may quote the input, which whoever sent it knows and nobody else need: `place` is the path
    as far as its names are ours, and `kind` what is wrong, where they differ.
    """

    path: str
    message: str
    place: str | None = None
    kind: str | None = None


class Input(Struct, tag_field="type", forbid_unknown_fields=True, gc=False, kw_only=True):
    """An input: an unknown field is an error, for a misspelt name must not lose data silently."""

    tenant: KeyIn = DEFAULT_TENANT

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with it beyond its types."""
        yield from ()


def date_problems(path: str, day: date | None) -> Iterator[Problem]:
    """Yield why a date cannot be worked with; None is fine."""
    problem = None if day is None else date_problem(day)
    if problem is not None:
        yield Problem(path, problem)


class KnownUserInput(Input, kw_only=True):
    """An input about one user that says nothing else of them."""

    user: UserIdIn
    idempotencyKey: IdempotencyKeyIn | None = None


class RecordedBase(Struct, tag_field="type", omit_defaults=True, gc=False):
    """An input as its record has it, enough to judge it again.

    Without tenant, user and key, which the record says itself, and without personal fields.
    """
