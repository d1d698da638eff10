"""Items of requests against their types, and what is wrong with them in the contract's words."""

from collections.abc import Mapping, Sequence
from typing import Final, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from contract.admin.values import AdminIssue, Place, issue
from contract.errors import RefusedItemError

ShapeT = TypeVar("ShapeT")


class Parsed(NamedTuple, Generic[ShapeT]):
    """An item of a request that has the right shape, and its place in the request."""

    place: int
    item: ShapeT


def parse_items(
    shape: TypeAdapter[ShapeT], raw: Sequence[object]
) -> tuple[list[Parsed[ShapeT]], list[AdminIssue]]:
    """Return the items that have the right shape, and an issue for each of the others."""
    found: list[Parsed[ShapeT]] = []
    issues: list[AdminIssue] = []
    for index, item in enumerate(raw):
        try:
            found.append(Parsed(index, checked(shape, item)))
        except RefusedItemError as refused:
            issues.append(issue(str(refused), _place(index, item)))
    return found, issues


def _place(index: int, item: object) -> Place:
    # An item is named by its id as soon as it has one.
    item_id = item.get("id") if isinstance(item, dict) else None
    return {"id": item_id} if isinstance(item_id, str) else {"index": index}


def checked(shape: TypeAdapter[ShapeT], raw: object) -> ShapeT:
    """Return something in the types of its shape; RefusedItemError says what is wrong with it."""
    try:
        return shape.validate_python(dict(raw) if isinstance(raw, Mapping) else raw)
    except ValidationError as error:
        raise RefusedItemError(sentence(error)) from error


def canonical(text: str) -> str:
    """Return an id in its one form; RefusedItemError when it is none."""
    try:
        return str(UUID(text))
    except ValueError as error:
        raise RefusedItemError("id must be a valid UUID") from error


_WORDS: Final = {
    "missing": "is required",
    "string_type": "must be a string",
    "uuid_parsing": "must be a valid UUID",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "list_type": "must be an array",
    "dict_type": "must be an object",
    "date_from_datetime_parsing": "must be a date such as 2026-01-31",
    "extra_forbidden": "is not a field of this request",
}


def sentence(error: ValidationError) -> str:
    """Return what is wrong with an item, in the words of the contract where it has some."""
    parts = []
    for problem in error.errors(include_url=False, include_input=False)[:3]:
        field = ".".join(str(part) for part in problem["loc"]) or "The item"
        words = _WORDS.get(problem["type"])
        if words is None and problem["type"] == "literal_error":
            words = f"must be {problem['ctx']['expected']}"
        if words is None:
            words = problem["msg"].removeprefix("Value error, ")
            words = words.replace("Input should", "should").replace("String should", "should")
        parts.append(f"{field} {words}".replace("\0", "\\0"))
    return "; ".join(parts)
