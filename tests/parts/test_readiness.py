"""Readiness is asked without a key: however many ask, it is looked at once at a time."""

import asyncio

import httpx
import pytest

from broker.connection import Connection
from gateway.http import health
from gateway.http.health import Check, Looks
from gateway.server import GatewayConfig, build_server


class Looked:
    """Something that takes a while to be looked at, and is well from the second look on."""

    def __init__(self):
        self.times = 0

    async def __call__(self):
        self.times += 1
        await asyncio.sleep(0.05)
        return Check(ok=self.times > 1)


@pytest.fixture
def looked():
    return Looked()


@pytest.fixture
async def client(looked):
    app = build_server(GatewayConfig(Connection("127.0.0.1:1"), "postgresql://x@127.0.0.1:1/x"))
    app.state.looks = Looks({"it": looked})
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as found:
        yield found


async def test_many_who_ask_at_once_have_one_look_taken(client, looked):
    answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {503}
    assert looked.times == 1
    assert (await client.get("/readyz")).status_code == 503
    assert looked.times == 1


async def test_a_look_counts_for_a_moment_only(client, looked):
    assert (await client.get("/readyz")).status_code == 503
    await asyncio.sleep(health.LOOK_COUNTS_S + 0.05)
    assert (await client.get("/readyz")).status_code == 200
    assert looked.times == 2


async def test_who_leaves_ends_the_look_for_nobody_else(client, looked):
    leaving = asyncio.create_task(client.get("/readyz"))
    await asyncio.sleep(0.01)
    staying = asyncio.create_task(client.get("/readyz"))
    await asyncio.sleep(0.01)
    leaving.cancel()
    assert (await staying).status_code == 503
    assert looked.times == 1
