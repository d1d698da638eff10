"""How operations of the Admin API are asked and described: bodies, ids, possible answers.

A body that is no list of 1 to 100 items is an error as a whole; what is wrong with one item is an
issue, and the others are done (docs/reference/admin.md).
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from pydantic import TypeAdapter

from contract.admin.reading import checked
from contract.admin.values import ITEMS_MAX
from contract.application.values import ErrorBody
from contract.errors import RefusedItemError
from gateway.http.errors import ApiError
from gateway.http.requests import parsed, read_body
from gateway.http.responses import MEANINGS, Responses, Route

PREFIX: Final = "/admin/v1"
BODY_BYTES_MAX: Final = 1024 * 1024

TAGS: Final[list[str | Enum]] = ["Admin"]
OURS: Final[list[str | Enum]] = ["Admin, beyond the contract"]

# What the 413 of these operations means, which take more than an event may have.
_TOO_LARGE: Final = "The body is larger than 1 MiB."

ShapeT = TypeVar("ShapeT")
Ids = Annotated[
    list[str],
    Query(description=f"Up to {ITEMS_MAX} ids, repeated or separated by commas.", min_length=1),
]
# As `schemas.text.EventIdIn` has it: of more digits there is no event, nor a number that is read.
_EVENT_ID: Final = re.compile(r"[0-9]{1,9}-[0-9]{1,9}-[0-9]{1,18}")


async def _event_id(
    given: Annotated[
        str,
        Path(
            alias="id",
            description="Id of an event, such as `0-2-1655`.",
            json_schema_extra={"pattern": f"^{_EVENT_ID.pattern}$"},
        ),
    ],
) -> str:
    if not _EVENT_ID.fullmatch(given):
        raise ApiError(404, "There is no such event in the ledger.")
    return given


EventId = Annotated[str, Depends(_event_id)]
IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key")]


def new_router() -> APIRouter:
    """Return a router for operations of the Admin API."""
    return APIRouter(prefix=PREFIX, route_class=Route)


def answers(*statuses: int, ok: tuple[int, ...] = (200,), model: object = None) -> Responses:
    """Return the answers of an operation: its successes, `statuses`, and those that any may have.

    `model` is the type of a success where the annotation of the handler does not say it.
    """
    typed = {} if model is None else {"model": model}
    documented: Responses = {
        status: {**typed, "description": "Done." if status == 200 else "Something was made."}  # noqa: PLR2004  the status itself
        for status in ok
    }
    for status in sorted({401, 403, 422, 503, *statuses}):
        meaning = _TOO_LARGE if status == 413 else MEANINGS[status]  # noqa: PLR2004  the status itself
        documented[status] = {"model": ErrorBody, "description": meaning}
    return documented


def items_body(shape: object, field: str | None = None) -> dict[str, Any]:
    """Return the description of a request: a bare list of items, or one under a field."""
    items = {
        "type": "array",
        "items": _schema(shape),
        "minItems": 1,
        "maxItems": ITEMS_MAX,
    }
    schema: dict[str, Any] = items
    if field is not None:
        schema = {"type": "object", "properties": {field: items}, "required": [field]}
    return _required(schema)


def object_body(shape: object) -> dict[str, Any]:
    """Return the description of a request whose body is one object."""
    return _required(_schema(shape))


def _required(schema: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def _schema(shape: Any) -> dict[str, Any]:  # noqa: ANN401  any type of the contract
    """Return the JSON Schema of a type, with what it refers to put in its place."""
    schema = TypeAdapter(shape).json_schema()
    parts = schema.pop("$defs", {})

    def whole(node: Any) -> Any:  # noqa: ANN401  any part of a JSON document
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                return whole(parts[reference.rpartition("/")[2]])
            return {name: whole(part) for name, part in node.items()}
        return [whole(part) for part in node] if isinstance(node, list) else node

    found: dict[str, Any] = whole(schema)
    return found


async def read_json(request: Request) -> object:
    """Return what a body says; ApiError 400 when it is not JSON, 413 when it is too large."""
    return parsed(await read_body(request, bytes_max=BODY_BYTES_MAX, error=_too_large))


def _too_large() -> ApiError:
    return ApiError(413, f"A request may have {BODY_BYTES_MAX} bytes: send it in parts.")


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


def read_object(shape: TypeAdapter[ShapeT], raw: object) -> ShapeT:
    """Return a body that is one object; ApiError 422 says what is wrong with it."""
    try:
        return checked(shape, raw)
    except RefusedItemError as error:
        raise ApiError(422, str(error)) from error


def split_ids(given: Iterable[str]) -> list[str]:
    """Return the ids of a query, repeated or separated by commas, each once and in order.

    Raises ApiError 422 when there are none, or more than 100.
    """
    found = list(dict.fromkeys(part for text in given for part in text.split(",") if part))
    if not 1 <= len(found) <= ITEMS_MAX:
        raise ApiError(422, f"ids: send 1 to {ITEMS_MAX} of them, not {len(found)}.")
    return found
