"""The door put together: the app factory, and the coroutine that serves it. No other file wires."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI

from gateway import admin_api, application_api, errors, health, pages
from gateway.middleware import Observe
from gateway.parts import GatewayConfig, Parts

GRACE_S: Final = 10
BACKLOG: Final = 2048

log = structlog.get_logger(__name__)

__all__ = ["GatewayConfig", "build_server", "serve"]


def build_server(config: GatewayConfig) -> FastAPI:
    """Return the app. Nothing is opened before its lifespan begins.

    The lifespan does not wait for the broker or the database: until they are there, /readyz says
    503 and so do the operations that need them.
    """
    parts = Parts(config)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.opened():
            yield

    app = FastAPI(
        title="xpledger",
        version=config.version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    app.state.parts = parts
    for router in (*application_api.ROUTERS, admin_api.router):
        app.include_router(router)
    app.include_router(health.router)
    errors.install(app)
    pages.install(app)
    app.add_middleware(Observe)
    return app


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: who started the part decides when it ends."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


async def serve(config: GatewayConfig, started: Callable[[int], None] | None = None) -> None:
    """Serve until cancelled; requests under way are finished first, for at most 10 seconds.

    `started` is called with the port once requests are answered. Raises OSError, saying which
    address, when it is taken or none of this machine.
    """
    try:
        listener = socket.create_server((config.host, config.port), backlog=BACKLOG)
    except OSError as error:
        # What asyncio's helper adds to it is the address once more.
        why = str(error.strerror).partition(" (while")[0].lower()
        place = f"{config.host}:{config.port}"
        said = f"the gateway cannot listen on {place}: {why}; choose another port or host"
        raise OSError(error.errno, said) from error
    port: int = listener.getsockname()[1]

    def ready() -> None:
        log.info("gateway.listening", host=config.host, port=port)
        if started is not None:
            started(port)

    server = _Server(
        uvicorn.Config(
            build_server(config),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
        ),
        ready,
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving
        listener.close()
