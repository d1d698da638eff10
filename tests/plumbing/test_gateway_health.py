"""Health, readiness and what happens while the broker or the database is away."""

import asyncio
import time
from contextlib import asynccontextmanager

import httpx
import pytest
import structlog
from plumbing.gateway_world import PATIENCE_S, a_world
from wording import batches

from broker.connection import Connection
from gateway.keys import create
from gateway.log.lag import LagTracker
from gateway.log.standing import Standstill
from gateway.server import GatewayConfig, build_server, serve
from projections.database import connect
from projections.migrations import migrate

NOWHERE = "127.0.0.1:1"


@asynccontextmanager
async def a_client(config):
    app = build_server(config)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://gateway", timeout=PATIENCE_S
        ) as client,
    ):
        yield client


async def test_a_ready_gateway_says_so(stack, database):
    async with a_world(stack, database, version="1.2.3") as world:
        found = await world.ready()
        assert found["ready"]
        assert set(found["checks"]) == {
            "kafka",
            "postgres",
            "definitions",
            "receipts",
            "projection",
            "judging",
        }
        assert (await world.client.get("/healthz")).json() == {"status": "ok"}
        assert (await world.client.get("/version")).json()["version"] == "1.2.3"


async def test_a_projection_that_stands_still_makes_it_unready(stack, database):
    async with a_world(stack, database, lag_limit_s=0.2) as world:
        await world.append(world.record(0, 0))
        deadline = time.monotonic() + PATIENCE_S
        answer = await world.client.get("/readyz")
        while answer.status_code == 200 and time.monotonic() < deadline:
            answer = await world.client.get("/readyz")
        assert answer.status_code == 503
        assert not answer.json()["checks"]["projection"]["ok"]
        await world.execute("INSERT INTO positions VALUES (0, 1, 0, 0, 'scribe')")
        await world.ready()


async def judging_check(world, *, ok):
    """Wait until the check of judging says so, and return it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            found = (await world.client.get("/readyz")).json()["checks"]["judging"]
            if found["ok"] == ok:
                return found
            await asyncio.sleep(0.05)


async def test_events_that_nobody_judges_make_it_unready(stack, database):
    async with a_world(stack, database, still_limit_s=0.3) as world:
        await world.producer.send_and_wait(world.topics.events, b"{}", partition=1)
        found = await judging_check(world, ok=False)
        assert found["problem"] == ("partitions with events that wait and are not judged: 1 (at 0)")
        assert (await world.client.get("/readyz")).status_code == 503
        await world.append(world.record(1, 0))
        await judging_check(world, ok=True)


async def test_an_end_of_the_events_without_an_event_is_waited_for_by_nobody(stack, database):
    async with a_world(stack, database, still_limit_s=0.1) as world:
        # Of three records that claim the same offset there is but one, as of the marks of
        # transactions there is none.
        sent = await world.producer.send_batch(
            batches.Ready(batches.claiming(0, 0, 0)), world.topics.events, partition=0
        )
        await sent
        await judging_check(world, ok=False)
        await world.append(world.record(0, 0))
        await judging_check(world, ok=True)
        await asyncio.sleep(1)
        assert (await judging_check(world, ok=True)) == {"ok": True}
        await world.producer.send_and_wait(world.topics.events, b"{}", partition=0)
        await judging_check(world, ok=False)


def test_a_partition_stands_still_when_it_has_not_moved_for_long():
    standstill = Standstill(30.0)
    standstill.seen(0, 5, 9, 100.0)
    standstill.seen(1, 5, 5, 100.0)
    assert standstill.still(130.0) == {}
    assert standstill.still(130.1) == {0: 5}
    standstill.seen(0, 5, 12, 131.0)
    assert standstill.still(131.0) == {0: 5}
    standstill.seen(0, 6, 12, 132.0)
    assert standstill.still(133.0) == {}
    standstill.seen(0, 12, 12, 170.0)
    assert standstill.still(999.0) == {}


async def test_without_a_broker_it_lives_and_says_503(database):
    config = GatewayConfig(Connection(NOWHERE), database)
    async with a_client(config) as client:
        assert (await client.get("/healthz")).status_code == 200
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert not answer.json()["checks"]["kafka"]["ok"]


async def test_without_a_broker_a_post_is_503_with_retry_after(database):
    await migrate(database)
    async with connect(database) as connection:
        key = await create(connection, "test")
    config = GatewayConfig(Connection(NOWHERE), database)
    async with a_client(config) as client:
        body = {"user": {"id": "u"}, "value": 1}
        for answer in (
            await client.post("/v1/metrics/m/event", json=body, headers={"X-API-KEY": key}),
            await client.get("/v1/users/u/metrics", headers={"X-API-KEY": key}),
        ):
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert list(answer.json()) == ["error"]


async def test_without_a_database_every_operation_is_503(stack):
    config = GatewayConfig(Connection(stack.kafka), f"postgresql://x@{NOWHERE}/x")
    async with a_client(config) as client:
        answer = await client.get("/v1/users/u/metrics", headers={"X-API-KEY": "abcdefgh.x"})
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert not ready.json()["checks"]["postgres"]["ok"]


async def test_a_request_is_logged_under_its_route_and_an_id(stack, database):
    async with a_world(stack, database) as world:
        with structlog.testing.capture_logs(
            processors=[structlog.contextvars.merge_contextvars]
        ) as logs:
            answer = await world.get(
                "/users/somebody@example.com", headers={"X-Request-ID": "mine-1"}
            )
            assert answer.headers["X-Request-ID"] == "mine-1"
            forged = {"X-Request-ID": "x" * 65}
            answer = await world.get("/users/u1", headers=forged)
            assert len(answer.headers["X-Request-ID"]) == 32
    lines = [line for line in logs if line["event"] == "request.answered"]
    assert lines[0]["route"] == "/v1/users/{id}"
    assert (lines[0]["request_id"], lines[0]["status"]) == ("mine-1", 404)
    assert "somebody" not in repr(logs)


async def test_served_until_cancelled(database):
    ports: asyncio.Queue[int] = asyncio.Queue()
    config = GatewayConfig(Connection(NOWHERE), database, port=0)
    task = asyncio.create_task(serve(config, ports.put_nowait))
    port = await asyncio.wait_for(ports.get(), PATIENCE_S)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE_S)


def test_lag_is_the_age_of_the_oldest_record_that_was_not_read():
    lag = LagTracker()
    assert lag.lag_s({}, 0.0) == 0
    lag.reached(0, 5, 10.0)
    lag.reached(0, 9, 12.0)
    lag.reached(1, 1, 12.0)
    assert lag.lag_s({0: 9, 1: 1}, 20.0) == 0
    assert lag.lag_s({0: 8, 1: 1}, 20.0) == 8
    assert lag.lag_s({0: 4, 1: 1}, 20.0) == 10
    assert lag.lag_s({0: 9}, 20.0) == 8


def test_marks_close_together_never_understate_the_lag():
    lag = LagTracker()
    for step in range(5000):
        lag.reached(0, step + 1, step / 1000)
    assert 2.9 <= lag.lag_s({0: 2000}, 5.0) <= 3.2
