"""Answers: JSON of a type of the contract, and which ones an operation may have.

A handler says by its annotation, `Json[User]`, what it answers with: mypy holds it to that, and
/openapi.json says so.
"""

from collections.abc import Mapping
from typing import Any, Final, Generic, TypeVar, get_args, get_type_hints

import orjson
from fastapi.routing import APIRoute
from starlette.responses import Response

from contract.application.values import ErrorBody

MEANINGS: Final[Mapping[int, str]] = {
    400: "The body is not JSON.",
    401: "The header X-API-KEY is missing, or its key is unknown or revoked.",
    403: "The key may not do this, or the game does not let users set it.",
    404: "There is no such user, metric, achievement or points system; or no game of this tenant.",
    413: "The body is larger than 64 KiB.",
    422: "The request is well-formed, but something in it has to be changed.",
    503: "The broker or the database is away, or too many requests wait. Retry-After says when.",
}

# The header of an answer that had to be given before the judge's word came, and its value.
VERDICT: Final = "XP-Verdict"
PENDING: Final[Mapping[str, str]] = {VERDICT: "pending"}

_PENDING: Final = (
    "with the header XP-Verdict: pending, one that the broker has and whose verdict did not come "
    "in time."
)
_ERRORS_FROM: Final = 400

AnswerT = TypeVar("AnswerT")
Responses = dict[int | str, dict[str, Any]]


class Json(Response, Generic[AnswerT]):
    """A JSON answer of plain dictionaries, written by orjson."""

    media_type = "application/json"

    def __init__(
        self, content: AnswerT, status_code: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Take what to answer, with which status and further headers."""
        super().__init__(content, status_code, headers)

    def render(self, content: object) -> bytes:
        """Return the bytes of the content."""
        return orjson.dumps(content)


class Route(APIRoute):
    """A route whose handler returns the answer itself; its annotation is what is documented."""

    def __init__(self, path: str, endpoint: Any, **options: Any) -> None:  # noqa: ANN401  FastAPI's own signature
        """Describe every success by the type that the handler says it answers with."""
        found = get_args(get_type_hints(endpoint).get("return"))
        described: Responses = {
            status: {"model": found[0], **response}
            if found and int(status) < _ERRORS_FROM
            else response
            for status, response in (options.get("responses") or {}).items()
        }
        super().__init__(
            path, endpoint, **{**options, "responses": described, "response_model": None}
        )


def written(body: AnswerT, status: int, *, pending: bool) -> Json[AnswerT]:
    """Answer a write: with `status`, or with 202 when its verdict has not come in time."""
    if pending:
        return Json(body, status_code=202, headers=PENDING)
    return Json(body, status_code=status)


def errors(*statuses: int) -> Responses:
    """Return the error answers of an operation: `statuses`, and those that any may have."""
    return {
        status: {"model": ErrorBody, "description": MEANINGS[status]}
        for status in sorted({401, 403, 422, 503, *statuses})
    }


def ok(*statuses: int) -> Responses:
    """Return the answers of an operation that finds something."""
    return {200: {"description": "Found."}, **errors(404, *statuses)}


def done(status: int, *statuses: int, replay: bool = False) -> Responses:
    """Return the answers of an operation that writes; `replay`: a repeat is answered 202."""
    late = f"A repeat, which changes nothing; or, {_PENDING}" if replay else f"A write, {_PENDING}"
    return {
        status: {"description": "Judged: what it led to."},
        202: {"description": late},
        **errors(*statuses),
    }
