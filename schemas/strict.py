"""What pydantic models have in common, and how their errors are told: definitions, HTTP bodies.

What crosses Kafka is made of msgspec Structs instead (`inputs`, `records`, `notices`).
"""

from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from schemas.instants import date_problem
from schemas.numbers import value_problem
from schemas.text import (
    ATTRIBUTE_LENGTH_MAX,
    KEY_LENGTH_MAX,
    REASON_LENGTH_MAX,
    USER_ID_LENGTH_MAX,
    is_key,
    text_problem,
)

PROBLEMS_MAX = 5
# Of the characters of one problem: what is wrong may be as long as what was sent.
PROBLEM_MAX = 500


class Strict(BaseModel):
    """Frozen, and an unknown field is an error: a misspelt name must not lose data silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


def _storable(text: str) -> str:
    problem = text_problem(text)
    if problem is not None:
        raise ValueError(problem)
    return text


def _in_calendar(day: date) -> date:
    problem = date_problem(day)
    if problem is not None:
        raise ValueError(problem)
    return day


def _key(text: str) -> str:
    if not is_key(text):
        raise ValueError("must have letters, digits, _ and - only, and at least one")
    return text


# A text that every door takes.
Storable = AfterValidator(_storable)
Text = Annotated[str, Storable]
# A date so far from the ends of the calendar that no period reaches over them.
InCalendar = AfterValidator(_in_calendar)
Key = Annotated[
    str,
    AfterValidator(_key),
    Field(max_length=KEY_LENGTH_MAX, json_schema_extra={"pattern": "^[a-zA-Z0-9_-]+$"}),
]
UserId = Annotated[str, Field(min_length=1, max_length=USER_ID_LENGTH_MAX), Storable]
AttributeValue = Annotated[str, Field(max_length=ATTRIBUTE_LENGTH_MAX), Storable]


def _no_text(value: object) -> object:
    # Numbers only: neither true nor "1", which a lax reading would take for a 1.
    if isinstance(value, bool | str):
        raise ValueError("must be a number")  # noqa: TRY004  pydantic collects ValueErrors only
    return value


def _bounded(value: Decimal) -> Decimal:
    problem = value_problem(value)
    if problem is not None:
        raise ValueError(problem)
    return value


# A value as events have it.
Value = Annotated[
    Decimal,
    BeforeValidator(_no_text, json_schema_input_type=int | float),
    AfterValidator(_bounded),
]
Reason = Annotated[str, Field(min_length=1, max_length=REASON_LENGTH_MAX), Storable]


def explain(error: ValidationError) -> str:
    """Return one sentence on the first few problems, naming the fields."""
    parts = []
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    for problem in problems[:PROBLEMS_MAX]:
        path = ".".join(str(part) for part in problem["loc"] if part != "function-before")
        where = path.replace("\0", "\\0")
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = "unknown field"
        if problem["type"] == "missing":
            message = "is required"
        part = f"{where}: {message}" if where else message
        parts.append(part if len(part) <= PROBLEM_MAX else f"{part[: PROBLEM_MAX - 1]}…")
    if len(problems) > len(parts):
        parts.append(f"and {len(problems) - len(parts)} more")
    return "; ".join(parts)
