"""405: every path names all methods that it has."""

import httpx
import pytest

from broker.connection import Connection
from gateway.server import GatewayConfig, build_server, in_front

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}
SYSTEM = "/admin/v1/points/00000000-0000-0000-0000-000000000000"


@pytest.fixture
def app():
    return build_server(GatewayConfig(Connection("127.0.0.1:1"), "postgresql://x@127.0.0.1:1/x"))


@pytest.fixture
async def client(app):
    transport = httpx.ASGITransport(in_front(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as found:
        yield found


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/users", {"POST"}),
        ("/v1/users/u1", {"GET", "PUT", "PATCH"}),
        ("/v1/metrics/commits/event", {"POST"}),
        (f"{SYSTEM}/levels", {"GET", "POST", "PATCH", "DELETE"}),
        ("/admin/v1/points/boosts", {"POST", "DELETE"}),
        ("/admin/v1/streaks/pauses", {"POST", "DELETE"}),
        ("/healthz", {"GET"}),
        ("/docs", {"GET"}),
        ("/openapi.json", {"GET", "HEAD"}),
    ],
)
async def test_a_405_names_all_methods_of_its_path(client, path, allowed):
    for method in METHODS - allowed:
        answer = await client.request(method, path)
        assert answer.status_code == 405, method
        assert set(answer.headers["Allow"].split(", ")) == allowed, method


async def test_no_path_of_the_description_names_fewer_methods_than_it_has(app, client):
    for path, operations in app.openapi()["paths"].items():
        answer = await client.request("TRACE", path)
        assert answer.status_code == 405
        assert set(answer.headers["Allow"].lower().split(", ")) == set(operations), path
