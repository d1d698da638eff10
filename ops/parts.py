"""Run one part of the system in this process until it is told to stop.

Each part is imported when it is run: a command that only asks something need not wait for Faust and
FastAPI, and the gateway runs where Faust is not installed.
"""

# ruff: noqa: PLC0415  for the reason above

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import structlog
import uvloop

from broker import failpoints
from ops import VERSION
from ops.private import make_private, write_privately
from ops.probes import PROBES, serve_probes
from ops.settings import Settings
from ops.settings_file import SettingsError

ADOPT_PAUSE_S: Final = 1.0
END_PATIENCE_S: Final = 12.0

log = structlog.get_logger(__name__)


async def run_worker(settings: Settings) -> None:
    """Judge events and announce what they led to."""
    collect_rarely()
    from processor.worker import Worker, WorkerConfig

    home, snapshots = settings.data_dir / "worker", settings.data_dir / "snapshots"
    make_private(home)
    if settings.snapshot_dir is None:
        # Elsewhere it is shared, and whose it is others have decided.
        make_private(snapshots)
    config = WorkerConfig(
        settings.signing_connection(),
        settings.topics,
        home,
        snapshot_dir=settings.snapshot_dir or snapshots,
        snapshot_every_s=settings.snapshot_every_s,
        key_window_days=settings.key_window_days,
        leave=settings.leave_on_stop,
        clock=settings.clock,
    )
    worker = Worker(config)
    PROBES.problem = worker.problem
    await worker.run()


async def run_projector(settings: Settings) -> None:
    """Keep the read models in Postgres."""
    collect_rarely()
    from projections.runner import Projector

    await Projector(settings.dsn(), settings.connection(), settings.topics).run()


async def run_notifier(settings: Settings) -> None:
    """Tell webhooks."""
    from notifier.notifier import Config, Notifier

    config = Config(
        connection=settings.connection(),
        topics=settings.topics,
        dsn=settings.dsn(),
        schedule=settings.webhook_schedule_s,
        timeout_s=settings.webhook_timeout_s,
        allow_private=settings.webhook_allow_private,
    )
    await Notifier(config).run()


async def run_gateway(settings: Settings) -> None:
    """Answer over HTTP."""
    collect_rarely()
    from gateway import keys
    from gateway.http.door import Limits
    from gateway.server import GatewayConfig, serve
    from projections.database import DatabaseError, connect

    async def adopt_key(key: str) -> None:
        while True:
            try:
                async with connect(settings.dsn()) as connection:
                    if not await keys.listed(connection):
                        await keys.adopt(connection, key, "admin")
                    return
            except DatabaseError as error:
                # The gateway serves meanwhile, and says that it is not ready.
                log.info("key.waits", error=str(error))
                await asyncio.sleep(ADOPT_PAUSE_S)

    config = GatewayConfig(
        connection=settings.signing_connection(),
        topics=settings.topics,
        dsn=settings.dsn(),
        host=settings.host,
        port=settings.port,
        limits=Limits(connections_max=settings.connections_max),
        version=VERSION,
        verdict_timeout_s=settings.verdict_timeout_s,
        lag_limit_s=settings.lag_limit_s,
    )
    async with asyncio.TaskGroup() as tasks:
        if settings.api_key is not None:
            tasks.create_task(adopt_key(settings.api_key.get_secret_value()))
        # Once it answers, all that it is made of is there.
        await serve(config, lambda _port: keep_for_good())


def collect_rarely() -> None:
    """Have Python's collector of cyclic garbage look rarely."""
    # Batches and requests make many objects that soon go by themselves and form no cycles: the
    # collector's default of looking at them every 700 costs a third of the time and finds nothing.
    gc.set_threshold(100_000, 50, 100)


def keep_for_good() -> None:
    """Have the collector never again look at what there is now: modules, routes, models."""
    # Looking at all of it takes longer than a request may, and finds nothing.
    gc.collect()
    gc.freeze()


def run(part: Callable[[Settings], Coroutine[Any, Any, None]], settings: Settings) -> None:
    """Run a part to its end: SIGTERM and Ctrl-C end it in good order, what it raises comes out."""
    write_privately()
    serve_metrics(settings)
    if settings.failpoint is not None:
        failpoints.arm(settings.failpoint)
    uvloop.run(until_told(part(settings)))


def serve_metrics(settings: Settings) -> None:
    """Serve this part's metrics, if a port is set; SettingsError where nothing can listen there."""
    if settings.metrics_port is None:
        return
    try:
        serve_probes(settings.metrics_host, settings.metrics_port)
    except OSError as error:
        place = f"{settings.metrics_host}:{settings.metrics_port}"
        raise SettingsError(f"metrics_port: {place}: {error.strerror}") from error


def _end_now() -> None:
    log.warning("part.ended_by_force")
    os._exit(1)


async def until_told(work: Awaitable[None], patience_s: float = END_PATIENCE_S) -> None:
    """Await `work`, or cancel it at SIGTERM or SIGINT and await its end, for so many seconds."""
    task = asyncio.ensure_future(work)
    is_stopping = False
    loop = asyncio.get_running_loop()

    def stop() -> None:
        nonlocal is_stopping
        if not is_stopping:
            is_stopping = True
            task.cancel()
            # Nothing that counts depends on a clean end; a broker that is gone must not delay it.
            loop.call_later(patience_s, _end_now)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not is_stopping:
            raise
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(number)
