"""The way of a POST of one event around the framework: the same checks and answers, less machinery.

Plain ASGI in front of the app. Requests of the common form are served here: what FastAPI does for
each of them costs more than all that is done about the event. Whatever is not of that form goes on
to the app, whose route of the same path does the same by the same functions. No check and no shape
in here.
"""

import re
import time
from typing import Final, NamedTuple

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.application.events import post_event, read_event
from gateway.http.dependencies import authorized, utf8
from gateway.http.errors import response_to
from gateway.http.middleware import REQUEST_ID, note, request_id_of
from gateway.http.requests import ClientGoneError, read_chunks
from gateway.services import Services
from schemas.inputs import user_of

# What the app's route has: the metrics by route say nothing of which way a request went.
TEMPLATE: Final = "/v1/metrics/{key}/event"
_PATH: Final = re.compile(rb"/v1/metrics/([A-Za-z0-9_-]{1,255})/event")
_REQUEST_ID: Final = REQUEST_ID.lower().encode()
_BUG: Final = 500
# Nobody will read the body: the next request is not looked for behind it.
_CLOSE: Final = (b"connection", b"close")


class _Headers(NamedTuple):
    """What a request says in those of its headers that matter."""

    key: str | None = None
    tenant: str | None = None
    idempotency_key: str | None = None
    length: str | None = None
    request_id: str | None = None


_NAMES: Final = {
    b"x-api-key": 0,
    b"tenant-id": 1,
    b"idempotency-key": 2,
    b"content-length": 3,
    _REQUEST_ID: 4,
}


class EventRoute:
    """Serves the POSTs of single events, and hands everything else on."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        """Take the app behind it, and what the two share."""
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] == "POST" and not scope["query_string"]:
            found = _PATH.fullmatch(scope.get("raw_path") or b"")
            headers = _read(scope["headers"]) if found else None
            if found and headers:
                await self._serve(found[1].decode(), headers, receive, send)
                return
        await self._app(scope, receive, send)

    async def _serve(self, metric: str, headers: _Headers, receive: Receive, send: Send) -> None:
        began, status = time.perf_counter(), _BUG
        let_in = is_read = False
        request_id = request_id_of(headers.request_id)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                try:
                    allowed = await authorized(self._services.keys, headers.key, headers.tenant)
                    let_in = True
                    raw = await read_chunks(receive, headers.length)
                    is_read = True
                    key = utf8(headers.idempotency_key)
                    event, value = read_event(raw, metric, allowed.tenant, key)
                    allowed.check_user(user_of(event))
                    response: Response = await post_event(self._services, event, value)
                except ClientGoneError:
                    return
                except Exception as error:  # noqa: BLE001  every error has its answer
                    response = response_to(error)
                status = response.status_code
                named = [*response.raw_headers, (_REQUEST_ID, request_id.encode())]
                if not is_read:
                    named.append(_CLOSE)
                await send({"type": "http.response.start", "status": status, "headers": named})
                await send({"type": "http.response.body", "body": response.body})
            finally:
                note("POST", TEMPLATE, status, time.perf_counter() - began, let_in=let_in)


def _read(headers: list[tuple[bytes, bytes]]) -> _Headers | None:
    """Return the headers that matter; None when one of them is there twice: which one counts?"""
    found: list[str | None] = [None] * len(_NAMES)
    for name, value in headers:
        at = _NAMES.get(name)
        if at is not None:
            if found[at] is not None:
                return None
            found[at] = value.decode("latin-1")
    return _Headers(*found)
