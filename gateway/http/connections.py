"""One connection: uvicorn's protocol, and what a client that is slow or hostile makes necessary.

It says to the door what it owes; it is turned away with an answer where there is one to give, and
closed so that the client can read that. What is a request and what is an answer is uvicorn's.
"""

import asyncio
from http import HTTPStatus
from typing import Any, Final, cast

import orjson
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from gateway.http import metrics
from gateway.http.door import Debt, Door

HEAD_BYTES_MAX: Final = 64 * 1024
# What a client may still send that is leaving; more is not even thrown away.
LEFT_BYTES_MAX: Final = 1024 * 1024

_SAID: Final = {
    HTTPStatus.BAD_REQUEST: "This is no HTTP request.",
    HTTPStatus.REQUEST_TIMEOUT: "The request did not come in time.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        f"The head of a request may have {HEAD_BYTES_MAX} bytes."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: "There are too many connections. Try again.",
}


class _Transport:
    """The transport as uvicorn sees it: where a request is not whole, closing takes a moment.

    A socket that is closed with bytes unread resets the connection, and the client loses the answer
    that says why.
    """

    def __init__(self, real: asyncio.Transport, connection: "Connection") -> None:
        self._real = real
        self._connection = connection
        # The very method: this is on the path of every answer.
        self.write = real.write

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  whatever a transport has
        return getattr(self._real, name)

    def is_closing(self) -> bool:
        return self._connection.leaving or self._real.is_closing()

    def close(self) -> None:
        self._connection.leave()


class Connection(HttpToolsProtocol):
    """A connection with deadlines."""

    def __init__(
        self,
        door: Door,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """Take the door beside what uvicorn gives."""
        super().__init__(config, server_state, app_state, _loop)
        self._door = door
        self._real: asyncio.Transport
        self._debt: Debt | None = None
        self._bytes = 0
        self.leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; the client owes a head."""
        self._real = cast(asyncio.Transport, transport)
        super().connection_made(cast(asyncio.Transport, _Transport(self._real, self)))
        metrics.CONNECTIONS.inc()
        self._owe("head")
        if not self._door.admits(len(self.connections)):
            self._turn_away(HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: nothing is owed any more."""
        metrics.CONNECTIONS.dec()
        self.leaving = True
        self._owe(None)
        self._door.settled(self, "reading")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what was sent, and note what is owed after it."""
        if self.leaving:
            self._bytes += len(data)
            if self._bytes > LEFT_BYTES_MAX:
                self._real.abort()
            return
        super().data_received(data)
        if self.leaving:
            return
        if self._is_served():
            self._owe("body" if self.cycle.more_body else None)
            return
        if self._debt != "head":
            self._bytes = 0
            self._owe("head")
        self._bytes += len(data)
        if self._bytes > HEAD_BYTES_MAX:
            self._turn_away(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_response_complete(self) -> None:
        """Go on with the next request, or end where the last one is not whole."""
        super().on_response_complete()
        if self.leaving:
            return
        if self._is_served():
            self._owe("body" if self.cycle.more_body else None)
        elif self.cycle.more_body:
            self.leave()
        else:
            self._owe("idle")

    def _is_served(self) -> bool:
        return bool(self.pipeline) or (self.cycle is not None and not self.cycle.response_complete)

    def pause_writing(self) -> None:
        """Note that the client does not read."""
        super().pause_writing()
        self._door.owes(self, "reading")

    def resume_writing(self) -> None:
        """Note that it does."""
        super().resume_writing()
        self._door.settled(self, "reading")

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, in the form of every other error."""
        del msg
        self._turn_away(HTTPStatus.BAD_REQUEST)

    def shutdown(self) -> None:
        """End once what is being served is answered."""
        if self.leaving or not self._is_served():
            self._real.close()
        else:
            super().shutdown()

    def expire(self, debt: Debt) -> None:
        """End, for what was owed has not come in time."""
        is_silent = debt == "head" and not self._bytes
        is_answered = self.cycle is not None and self.cycle.response_started
        if is_silent or debt in ("reading", "left") or (debt == "body" and is_answered):
            self._real.abort()
        else:
            self._turn_away(HTTPStatus.REQUEST_TIMEOUT)

    def make_room(self) -> None:
        """End, for others are waiting and this one has been silent."""
        self._real.close()

    def leave(self) -> None:
        """Close; where the request is not whole, once the client had a moment to see the answer."""
        if self.leaving:
            return
        if self.cycle is None or not self.cycle.more_body:
            self._real.close()
            if self._real.get_write_buffer_size():
                self._door.owes(self, "reading")
            return
        self._linger()

    def _linger(self) -> None:
        self.leaving = True
        self._bytes = 0
        self._owe("left")
        self._unset_keepalive_if_required()
        if self._real.can_write_eof():
            self._real.write_eof()
        self._real.resume_reading()

    def _turn_away(self, status: HTTPStatus) -> None:
        body = orjson.dumps({"error": _SAID[status]})
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n"
        )
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            head += "retry-after: 2\r\n"
        self._real.write(f"{head}\r\n".encode() + body)
        if self.cycle is not None and not self.cycle.response_complete:
            # Who reads the body is told that nobody is there any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._linger()

    def _owe(self, debt: Debt | None) -> None:
        if debt == self._debt:
            return
        if self._debt is not None:
            self._door.settled(self, self._debt)
        self._debt = debt
        if debt is not None:
            self._door.owes(self, debt)
