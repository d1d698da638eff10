"""The door put together: the app factory, and the coroutine that serves it. No other file wires."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Final, cast

import structlog
import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from contract.application.achievements import CompletionRequest
from contract.application.events import EventRequest
from contract.application.preferences import UpdateUserPreferencesRequest
from contract.application.users import UpdatedUser, UpsertedUser
from gateway.admin import achievements as admin_achievements
from gateway.admin import boosts, levels, triggers
from gateway.admin import events as admin_events
from gateway.admin import points as admin_points
from gateway.admin import streaks as admin_streaks
from gateway.application import (
    achievements,
    completions,
    events,
    metrics,
    points,
    preferences,
    streaks,
    summaries,
    users,
)
from gateway.application.event_route import EventRoute
from gateway.http import errors, health, openapi, pages
from gateway.http.connections import Connection
from gateway.http.door import Door, raise_files, room_for
from gateway.http.middleware import Observe
from gateway.http.repeats import NoRepeats
from gateway.http.routes import methods_by_template
from gateway.services import GatewayConfig, Services

GRACE_S: Final = 10
BACKLOG: Final = 2048

# Side by side, not one within another: the log names a route as the router has it that answers.
ROUTERS: Final = (
    events.router,
    achievements.router,
    completions.router,
    streaks.router,
    users.router,
    preferences.router,
    metrics.router,
    summaries.router,
    points.router,
    boosts.router,
    triggers.router,
    levels.router,
    admin_streaks.router,
    admin_events.router,
    admin_points.router,
    admin_achievements.router,
    health.router,
)
# Types of bodies that are read by hand, by the names under which operations refer to them.
BODIES: Final[Mapping[str, object]] = {
    "EventRequest": EventRequest,
    "CompletionRequest": CompletionRequest,
    "UpsertedUser": UpsertedUser,
    "UpdatedUser": UpdatedUser,
    "UpdateUserPreferencesRequest": UpdateUserPreferencesRequest,
}

log = structlog.get_logger(__name__)

__all__ = ["GatewayConfig", "build_server", "in_front", "serve"]


def build_server(config: GatewayConfig) -> FastAPI:
    """Return the app. Nothing is opened before its lifespan begins.

    The lifespan does not wait for the broker or the database: until they are there, /readyz says
    503 and so do the operations that need them.
    """
    services = Services(config)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with services.opened():
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
    app.state.services = services
    app.state.keys = services.keys
    app.state.looks = health.Looks(services.checks())
    app.state.methods = methods_by_template(route for it in ROUTERS for route in it.routes)
    for router in ROUTERS:
        app.include_router(router)
    errors.install(app)
    openapi.install(app, BODIES)
    pages.install(app)
    app.add_middleware(Observe)
    return app


def in_front(app: FastAPI) -> ASGIApp:
    """Return what the server is given: the app, behind the route of what comes most."""
    return EventRoute(app, app.state.services)


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
        log.info("gateway.listening", host=config.host, port=port, connections_max=connections_max)
        if started is not None:
            started(port)

    logging.getLogger("uvicorn.error").addFilter(NoRepeats())
    connections_max = room_for(config.limits.connections_max, raise_files())
    limits = replace(config.limits, connections_max=connections_max)
    server = _Server(
        uvicorn.Config(
            in_front(build_server(config)),
            log_config=None,
            # A class, for uvicorn: it is called with what makes a protocol.
            http=cast(type[asyncio.Protocol], partial(Connection, Door(limits))),
            ws="none",
            access_log=False,
            server_header=False,
            # Nothing in here asks whose proxy it was, or under which address.
            proxy_headers=False,
            timeout_keep_alive=limits.idle_s,
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
