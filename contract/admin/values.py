"""What the types of the Admin API are made of: fields, filters, issues (docs/reference/admin.md).

Requests are checked by types, item by item (`contract.admin.reading`). A field of a request that is
left out is absent, which is not the same as null. What is given is checked; what is answered is
text already (`contract.application.values`).
"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, NotRequired
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, with_config
from typing_extensions import TypedDict

from schemas.definitions import limits
from schemas.strict import AttributeValue, InCalendar, Storable, Value

ITEMS_MAX: Final = 100

_DATE: Final = re.compile(r"^\d{4}-\d\d-\d\d$")


def _uuid_text(value: object) -> object:
    if isinstance(value, str):
        return value
    raise ValueError("must be a valid UUID")


def _an_id(text: str) -> str:
    return str(UUID(text))


def _date_text(value: object) -> object:
    # A number would be read as seconds since 1970.
    if isinstance(value, str) and _DATE.fullmatch(value):
        return value
    raise ValueError("must be a date such as 2026-01-31")


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("must not be 0")
    return value


def _not_one(value: Decimal) -> Decimal:
    if value == 1:
        raise ValueError("must not be 1")
    return value


# As it is answered.
Id = Annotated[str, AfterValidator(_an_id), Field(json_schema_extra={"format": "uuid"})]
# As they are sent.
GivenId = Annotated[UUID, BeforeValidator(_uuid_text, json_schema_input_type=UUID)]
GivenDate = Annotated[
    date,
    BeforeValidator(_date_text, json_schema_input_type=date),
    InCalendar,
]
Name = Annotated[str, Field(min_length=1, max_length=255), Storable]
Description = Annotated[str, Field(max_length=4096), Storable]
AtLeastOne = Annotated[int, Field(strict=True, ge=1, le=10**9)]
Points = Annotated[
    int, Field(strict=True, ge=-limits.POINTS_MAX, le=limits.POINTS_MAX), AfterValidator(_not_zero)
]
Multiplier = Annotated[
    Value,
    Field(gt=0, lt=100),
    AfterValidator(_not_one),
    WithJsonSchema(
        {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 100,
            "description": "Not 1, which would change nothing.",
        }
    ),
]
Flag = Annotated[bool, Field(strict=True)]

STRICT: Final = with_config(ConfigDict(extra="forbid"))


class Place(TypedDict):
    """What an issue is about."""

    id: NotRequired[str]
    userId: NotRequired[str]
    boostId: NotRequired[str]
    index: NotRequired[Annotated[int, Field(description="Place in the request, from 0.")]]


Severity = Literal["error", "warning"]


class AdminIssue(Place):
    """Why an item was not done, or not wholly."""

    severity: Severity
    message: str


def issue(message: str, place: Place, severity: Severity = "error") -> AdminIssue:
    """Return an issue."""
    return {**place, "severity": severity, "message": message}


def by_index(issues: list[AdminIssue]) -> list[AdminIssue]:
    """Return issues in the order of the request."""
    return sorted(issues, key=lambda it: it.get("index", -1))


class DeletedResource(TypedDict):
    """What is archived now."""

    id: Id


class Deleted(TypedDict):
    """The answer to a DELETE."""

    deleted: list[DeletedResource]
    issues: list[AdminIssue]


@with_config(ConfigDict(extra="forbid", title="Filter"))
class GivenFilter(TypedDict):
    """An attribute and the value that it must have."""

    attributeId: GivenId
    attributeValue: AttributeValue


GivenFilters = Annotated[list[GivenFilter], Field(max_length=ITEMS_MAX)]


@STRICT
class Filter(TypedDict):
    """An attribute and the value that it must have."""

    attributeId: Id
    attributeValue: AttributeValue


@STRICT
class Badge(TypedDict):
    """A picture."""

    url: Annotated[str, Field(min_length=1, max_length=2048), Storable]


class Identified(TypedDict):
    """An item of a request that changes one that is there."""

    id: GivenId
