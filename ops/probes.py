"""What a part says of itself over HTTP, without a key: its metrics, and whether it is ready.

In a thread of its own: a part whose event loop is busy answers too.
"""

import json
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

# Why the part is not ready, None if it is.
Problem = Callable[[], str | None]


class Probes:
    """What is answered in this process; a part sets `problem` when there is something to say."""

    def __init__(self) -> None:
        """Begin ready."""
        self.problem: Problem = lambda: None
        self._metrics = make_wsgi_app()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request (WSGI)."""
        if environ.get("PATH_INFO") != "/readyz":
            answer: Iterable[bytes] = self._metrics(environ, start_response)
            return answer
        problem = self.problem()
        said = {"ready": problem is None} | ({} if problem is None else {"problem": problem})
        status = "200 OK" if problem is None else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(said).encode()]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing: a probe comes every few seconds."""


# Of this process, which runs one part.
PROBES: Final = Probes()


def serve_probes(host: str, port: int, probes: Probes = PROBES) -> WSGIServer:
    """Answer on an address until the process ends. Raises OSError where nothing can listen."""
    server = make_server(host, port, probes, _Server, _Silent)
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server
