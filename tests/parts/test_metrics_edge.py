"""Metrics and strangers: no label takes what a client chose, and only loopback is told of them."""

import http.client
import socket
from contextlib import closing

import httpx
import pytest
from prometheus_client import REGISTRY

from broker.connection import Connection
from gateway.server import GatewayConfig, build_server, in_front
from ops import parts
from ops.settings import Settings
from ops.settings_file import SettingsError

NOWHERE = Connection("127.0.0.1:1")


@pytest.fixture
async def client():
    app = build_server(GatewayConfig(NOWHERE, "postgresql://x@127.0.0.1:1/x"))
    transport = httpx.ASGITransport(in_front(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as found:
        yield found


def series():
    """Return the labels of all series that the gateway has of requests."""
    return {
        tuple(sample.labels.items())
        for metric in REGISTRY.collect()
        if metric.name.startswith("xp_http")
        for sample in metric.samples
    }


async def test_made_up_methods_and_paths_make_no_series_of_their_own(client):
    for method in ("GET", "PUT", "AAA1"):
        await client.request(method, "/healthz")
        await client.request(method, "/nothing")
        await client.request(method, "/v1/users/u1")
    before = series()
    for number in range(50):
        await client.request(f"AAA{number}", "/healthz")
        await client.request(f"AAA{number}", f"/nothing/{number}")
        await client.request("PUT", f"/healthz?{number}")
        await client.request("GET", f"/nothing/{number}", headers={"X-API-KEY": f"k{number}"})
        await client.request(f"AAA{number}", f"/v1/users/{number}")
        await client.request("GET", f"/docs/static/{number}")
    grown = {labels for labels in series() - before if ("route", "/docs/static") not in labels}
    assert grown == set()
    assert any(("method", "other") in labels for labels in series())
    assert not any("AAA" in text for labels in series() for _, text in labels)


async def test_the_port_of_the_clients_has_no_metrics(client):
    assert (await client.get("/metrics")).status_code == 404


def free_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scraped(host, port):
    with closing(http.client.HTTPConnection(host, port, timeout=10)) as connection:
        connection.request("GET", "/metrics")
        return connection.getresponse().read()


def settings(**more):
    return Settings(metrics_port=free_port(), **more)


def test_a_part_serves_its_metrics_on_loopback_alone_unless_told_otherwise():
    chosen = settings()
    parts.serve_metrics(chosen)
    assert b"xp_http_requests" in scraped("127.0.0.1", chosen.metrics_port)
    # Another address of this machine: who listens on all of them would answer.
    with pytest.raises(ConnectionRefusedError):
        scraped("127.0.0.2", chosen.metrics_port)
    chosen = settings(metrics_host="127.0.0.2")
    parts.serve_metrics(chosen)
    assert b"xp_http_requests" in scraped("127.0.0.2", chosen.metrics_port)


def test_an_address_of_nobody_is_a_wrong_setting():
    with pytest.raises(SettingsError, match=r"metrics_port: 192\.0\.2\.1"):
        parts.serve_metrics(settings(metrics_host="192.0.2.1"))
