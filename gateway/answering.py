"""What the routes share: how a read is answered, and which answers an operation may have."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from gateway import contract
from gateway.entry import Door
from gateway.errors import MEANINGS, ApiError, AwayError, Json
from gateway.submit import PENDING
from projections.database import Connection
from schemas.versions import Version

Shown = dict[str, Any] | list[dict[str, Any]]
Read = Callable[[Connection, Version], Awaitable[Shown]]
Responses = dict[int | str, dict[str, Any]]

_PENDING: Final = (
    "with the header XP-Verdict: pending, one that the broker has and whose verdict did not come "
    "in time."
)


async def answer(door: Door, read: Read) -> Json:
    """Answer a GET under the tenant's newest definitions, all of it as of one moment."""
    version = door.parts.head(door.tenant)
    if version is None and await door.parts.refreshed():
        version = door.parts.head(door.tenant)
    if version is None:
        raise ApiError(404, f"The tenant {door.tenant!r} has no definitions: `xp apply` them.")
    try:
        async with door.parts.snapshot() as connection:
            return Json(await read(connection, version))
    except LookupError as error:
        # A row names what our definitions lack: they are behind it.
        if not await door.parts.refreshed():
            raise AwayError("The newest definitions are being read. Try again.") from error
    newer = door.parts.head(door.tenant) or version
    async with door.parts.snapshot() as connection:
        return Json(await read(connection, newer))


def written(body: Shown, status: int, *, pending: bool) -> Json:
    """Answer a write: with `status`, or with 202 when its verdict has not come in time."""
    if pending:
        return Json(body, status_code=202, headers=PENDING)
    return Json(body, status_code=status)


def errors(*statuses: int) -> Responses:
    """Return the error answers of an operation: `statuses`, and those that any may have."""
    return {
        status: {"model": contract.ErrorBody, "description": MEANINGS[status]}
        for status in sorted({401, 403, 422, 503, *statuses})
    }


def ok(model: object, *statuses: int) -> Responses:
    """Return the answers of an operation that finds something."""
    return {200: {"model": model, "description": "Found."}, **errors(*statuses)}


def done(model: object, status: int, *statuses: int, replay: bool = False) -> Responses:
    """Return the answers of an operation that writes; `replay`: a repeat is answered 202."""
    late = f"A repeat, which changes nothing; or, {_PENDING}" if replay else f"A write, {_PENDING}"
    return {
        status: {"model": model, "description": "Judged: what it led to."},
        202: {"model": model, "description": late},
        **errors(*statuses),
    }


def body_of(schema: str) -> dict[str, Any]:
    """Return how the description of an operation names the schema of its body.

    Bodies are read by hand, to tell what is wrong with them.
    """
    shape = {"$ref": f"#/components/schemas/{schema}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": shape}}}}
