"""Around every request: an id, a log line without personal data, its counts, its path as sent.

Plain ASGI, no FastAPI: it also sees what no route answers.
"""

import re
import time
import uuid
from functools import lru_cache
from typing import Final

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.http import metrics
from gateway.http.repeats import Repeats
from gateway.http.routes import template

REQUEST_ID: Final = "X-Request-ID"
_HEADER: Final = REQUEST_ID.lower().encode()
_HARMLESS: Final = re.compile(r"^[A-Za-z0-9_.:-]{1,64}$")

# What the scope of a request has that came with a valid key.
LET_IN: Final = "xpledger.let_in"
_STRANGERS: Final = Repeats()

log = structlog.get_logger(__name__)


class Observe:
    """Gives each request an id, logs its answer under the route's template, and counts it."""

    def __init__(self, app: ASGIApp) -> None:
        """Take the app to observe."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        given = dict(scope["headers"])
        request_id = request_id_of(given.get(_HEADER, b"").decode("latin-1"))
        status = 500
        unread = b"transfer-encoding" in given or given.get(b"content-length", b"0") != b"0"

        async def noting_receive() -> Message:
            nonlocal unread
            message = await receive()
            unread = unread and message.get("more_body", False)
            return message

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[REQUEST_ID] = request_id
                if unread:
                    # Nobody will read it: the next request is not looked for behind it.
                    headers["Connection"] = "close"
            await send(message)

        # The path as it was sent: a user's id may contain an escaped slash.
        raw: bytes | None = scope.get("raw_path")
        if raw is not None:
            scope["path"] = raw.split(b"?", 1)[0].decode("latin-1")
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, noting_receive if unread else receive, noting_send)
            finally:
                # The template, never the path: a user's id may be an email address.
                route = template(scope) or metrics.NO_ROUTE
                method = metrics.method_label(scope["method"])
                let_in = LET_IN in scope
                note(method, route, status, time.perf_counter() - began, let_in=let_in)


def request_id_of(wanted: str | None) -> str:
    """Return the id of a request: what its header says, where that can do no harm in a log."""
    # What goes into a log must not be able to forge lines in it.
    return wanted if wanted and _HARMLESS.match(wanted) else uuid.uuid4().hex


def note(method: str, route: str, status: int, seconds: float, *, let_in: bool) -> None:
    """Count and log an answer; `route` is a template, `let_in` whether a valid key came with it.

    Of answers to strangers one of a kind is logged in a while.
    """
    answered, took = _counters(method, route, status)
    answered.inc()
    took.observe(seconds)
    more: dict[str, int] = {}
    if not let_in:
        dropped = _STRANGERS.dropped((method, route, status))
        if dropped is None:
            return
        if dropped:
            more["repeated"] = dropped
    log.info(
        "request.answered",
        method=method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 2),
        **more,
    )


@lru_cache(maxsize=1024)
def _counters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    # Looking them up by their labels costs more than counting.
    answered = metrics.REQUESTS.labels(method, route, str(status))
    return answered, metrics.SECONDS.labels(method, route)
