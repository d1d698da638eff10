"""The bulk convention of the Admin API: a list in, item by item, issues out.

See docs/reference/admin.md.

A body that is no list of 1 to 100 items is an error as a whole; what is wrong with one item is an
issue, and the others are done.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from gateway.admin_contract import ITEMS_MAX
from gateway.errors import ApiError
from schemas.inputs import explaining

BODY_BYTES_MAX: Final = 1024 * 1024

Answer = dict[str, Any]
Item = dict[str, Any]


class RefusedItemError(Exception):
    """An item cannot be done; the message says what to change."""


class Parsed(NamedTuple):
    """An item of a request that has the right shape, and its place in the request."""

    place: int
    item: Item


Where = Mapping[str, str | int]


def issue(message: str, where: Where, severity: str = "error") -> Answer:
    """Return an issue; `where` has id, userId, boostId or index."""
    return {**where, "severity": severity, "message": message}


async def read_json(request: Request) -> object:
    """Return what a body says; ApiError 400 when it is not JSON, 413 when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise ApiError(413, f"A request may have {BODY_BYTES_MAX} bytes: send it in parts.")
    try:
        return explaining.read_json(bytes(body))
    except explaining.NotJsonError as error:
        raise ApiError(400, f"The body is {error}") from error


def items_of(body: object, field: str | None = None) -> list[object]:
    """Return the items of a body: the body itself, or what it has under a field.

    Raises ApiError 422 when they are no list of 1 to 100.
    """
    what = f"an object with {field}, an array" if field else "an array"
    if field is not None:
        body = body.get(field) if isinstance(body, dict) else None
    if not isinstance(body, list):
        raise ApiError(422, f"The body must be {what} of 1 to {ITEMS_MAX} items.")
    if not 1 <= len(body) <= ITEMS_MAX:
        raise ApiError(422, f"Send 1 to {ITEMS_MAX} items, not {len(body)}.")
    return body


def parse_items(
    shape: TypeAdapter[Any], raw: Sequence[object]
) -> tuple[list[Parsed], list[Answer]]:
    """Return the items that have the right shape, and an issue for each of the others."""
    found, issues = [], []
    for index, item in enumerate(raw):
        try:
            found.append(Parsed(index, read_item(shape, item)))
        except RefusedItemError as refused:
            issues.append(issue(str(refused), _where(index, item)))
    return found, issues


def _where(index: int, item: object) -> Where:
    # An item is named by its id as soon as it has one.
    item_id = item.get("id") if isinstance(item, dict) else None
    return {"id": item_id} if isinstance(item_id, str) else {"index": index}


def read_item(shape: TypeAdapter[Any], raw: object) -> Item:
    """Return an item in the types of its shape; RefusedItemError says what is wrong with it."""
    try:
        item: Item = shape.validate_python(raw)
    except ValidationError as error:
        raise RefusedItemError(sentence(error)) from error
    return item


def read_object(shape: TypeAdapter[Any], raw: object) -> Item:
    """Return a body that is one item; ApiError 422 says what is wrong with it."""
    try:
        return read_item(shape, raw)
    except RefusedItemError as error:
        raise ApiError(422, str(error)) from error


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


def split_ids(given: Iterable[str]) -> list[str]:
    """Return the ids of a query, repeated or separated by commas, each once and in order.

    Raises ApiError 422 when there are none, or more than 100.
    """
    found = list(dict.fromkeys(part for text in given for part in text.split(",") if part))
    if not 1 <= len(found) <= ITEMS_MAX:
        raise ApiError(422, f"ids: send 1 to {ITEMS_MAX} of them, not {len(found)}.")
    return found


def canonical(text: str) -> str:
    """Return an id in its one form; RefusedItemError when it is none."""
    try:
        return str(UUID(text))
    except ValueError as error:
        raise RefusedItemError("id must be a valid UUID") from error
