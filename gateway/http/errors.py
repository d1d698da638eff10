"""Every error that the door answers with: a status and one sentence that says what to change.

No other file builds an error body. The statuses beyond the contract are those of
OD-44 (docs/reference/decisions.md).
"""

from collections.abc import Mapping
from typing import Final

import structlog
from aiokafka.errors import KafkaError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from contract.application.values import ErrorBody
from contract.errors import ContractError, NotPersonalError, UnknownItemError
from gateway.http.repeats import Repeats
from gateway.http.responses import Json
from gateway.http.routes import template
from projections.database import DatabaseUnreachableError

RETRY_AFTER_S: Final = 2

# What does not fit the definitions is 422, but for these.
_STATUSES: Final[Mapping[type[ContractError], int]] = {UnknownItemError: 404, NotPersonalError: 403}

_AWAY: Final = Repeats()

log = structlog.get_logger(__name__)


class ApiError(Exception):
    """An answer other than 2xx. The message is shown to the client as it stands."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        """Take the status, a sentence on what to change, and headers to send with it."""
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})


class UnavailableError(ApiError):
    """Something that the door needs is away for now: 503 with Retry-After."""

    def __init__(self, message: str, *, retry_after_s: int = RETRY_AFTER_S) -> None:
        """Take a sentence that also says what is known about the event, if there is one."""
        super().__init__(503, message, {"Retry-After": str(retry_after_s)})


class NotReadyError(UnavailableError):
    """What the door has read of definitions or users does not reach far enough yet: 503."""


def answer(error: ApiError) -> Json[ErrorBody]:
    """Return the response for an error."""
    return Json({"error": str(error)}, status_code=error.status, headers=error.headers)


def refused(error: ContractError) -> ApiError:
    """Return the error by which a request is told what does not fit the definitions."""
    return ApiError(_STATUSES.get(type(error), 422), str(error))


def response_to(error: Exception) -> Json[ErrorBody]:
    """Return the response for whatever was raised while a request was served."""
    match error:
        case ApiError():
            return answer(error)
        case ContractError():
            return answer(refused(error))
        case DatabaseUnreachableError():
            _warn("database.away", error)
            message = "The database is away. Nothing was changed; try again."
            return answer(UnavailableError(message))
        case KafkaError():
            _warn("broker.away", error)
            return answer(UnavailableError("The broker is away. Nothing was changed; try again."))
        case _:
            log.error("request.failed", exc_info=error)
            return answer(ApiError(500, "Something went wrong in here; it has been logged."))


def _warn(event: str, error: Exception) -> None:
    # While it is away, every request of a stranger would be a line.
    dropped = _AWAY.dropped(event)
    if dropped is not None:
        log.warning(event, error=type(error).__name__, repeated=dropped)


def install(app: FastAPI) -> None:
    """Make every error of the app, the framework's own included, a body of the contract."""
    for kind in (ApiError, ContractError, DatabaseUnreachableError, KafkaError, Exception):
        app.add_exception_handler(kind, _on_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)


async def _on_error(_request: Request, error: Exception) -> Response:
    return response_to(error)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = str(error.detail)
    if error.status_code == 404:  # noqa: PLR2004  the status itself
        message = f"There is nothing at {request.method} {request.url.path}: see /docs."
    headers = dict(error.headers or {})
    if error.status_code == 405:  # noqa: PLR2004  the status itself
        message = f"{request.method} is not possible at {request.url.path}: see /docs."
        # The framework names those of the first route of this path: each method is one.
        methods: Mapping[str, frozenset[str]] = request.app.state.methods
        allowed = methods.get(template(request.scope) or "")
        if allowed:
            headers["Allow"] = ", ".join(sorted(allowed))
    return answer(ApiError(error.status_code, message, headers))


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    parts = [f"{problem['loc'][-1]}: {problem['msg']}" for problem in error.errors()]
    return answer(ApiError(422, "; ".join(parts)))
