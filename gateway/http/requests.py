"""Reading what is sent: bytes, JSON, and the types of a body; and how a body is described.

No more bytes are read than may be. What is wrong is said by field; no rule of a resource in here.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Request
from msgspec import Struct, convert
from pydantic import BaseModel, ValidationError
from starlette.types import Receive

from gateway.http.errors import ApiError
from schemas.inputs.explaining import (
    NotJsonError,
    read_json,
    sentence,
    shape_problems,
    text_problems,
)
from schemas.strict import explain
from schemas.topics import EVENT_BYTES_MAX

ModelT = TypeVar("ModelT", bound=BaseModel)
StructT = TypeVar("StructT", bound=Struct)


def too_large() -> ApiError:
    """Return the error for a body that is too large."""
    return ApiError(413, f"An event may have {EVENT_BYTES_MAX} bytes: send less with it.")


class ClientGoneError(ApiError):
    """The client went before it had sent all: nobody is left to be answered."""

    def __init__(self) -> None:
        """Say so, to the log of answers."""
        super().__init__(400, "The client went before it had sent all.")


async def read_body(
    request: Request, *, bytes_max: int = EVENT_BYTES_MAX, error: Callable[[], ApiError] = too_large
) -> bytes:
    """Return the body; `error` as soon as it is known to be too large, without the rest."""
    announced = request.headers.get("content-length")
    return await read_chunks(request.receive, announced, bytes_max=bytes_max, error=error)


async def read_chunks(
    receive: Receive,
    announced: str | None,
    *,
    bytes_max: int = EVENT_BYTES_MAX,
    error: Callable[[], ApiError] = too_large,
) -> bytes:
    """Return a body as the server hands it out; `announced` is the header Content-Length.

    Raises `error`, a 413, as soon as it is known to be too large, and ClientGoneError.
    """
    if announced and announced.isdecimal() and int(announced[:20]) > bytes_max:
        raise error()
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        if len(body) > bytes_max:
            raise error()
        more = message.get("more_body", False)
    return bytes(body)


def parsed(raw: bytes) -> object:
    """Return what a body says; ApiError 400 when it is not JSON."""
    try:
        return read_json(raw)
    except NotJsonError as error:
        raise ApiError(400, f"The body is {error}") from error


def read_object(raw: bytes, what: str) -> dict[str, Any]:
    """Return a body that is a JSON object; `what` names what is to be in it.

    Raises ApiError: 400 when it is not JSON, 422 when it is no object.
    """
    body = parsed(raw)
    if not isinstance(body, dict):
        raise ApiError(422, f"The body must be an object with {what}.")
    return body


def read_model(model: type[ModelT], body: dict[str, Any]) -> ModelT:
    """Return a body as a model; ApiError 422 with the fields that have to be changed."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise ApiError(422, explain(error)) from error


def read_struct(struct: type[StructT], body: dict[str, Any]) -> StructT:
    """Return a body as a Struct; ApiError 422 with the fields that have to be changed."""
    problems = [*text_problems(body), *shape_problems(body, struct)]
    if problems:
        raise ApiError(422, sentence(problems))
    return convert(body, struct)


def body_of(schema: str) -> dict[str, Any]:
    """Return how the description of an operation names the schema of its body.

    Bodies are read by hand, to tell what is wrong with them.
    """
    shape = {"$ref": f"#/components/schemas/{schema}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": shape}}}}
