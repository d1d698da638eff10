"""Whatever stands in a path, a query, a header or a body: an answer of the contract, never a 5xx.

Each parameter and each field of every operation that /openapi.json names is given every nasty text
and number in turn, the others being good ones.
"""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from plumbing.gateway_world import RICH, World, a_world
from plumbing.nasty import IN_HEADER, IN_URL, WHOLE_BODIES, bodies, ids, spoiled

from gateway.server import in_front


@pytest.fixture
async def world(stack, database) -> AsyncIterator[World]:
    async with a_world(stack, database, game=RICH, verdict_timeout_s=0.01) as found:
        yield found


class Client:
    """Sends what no client library would, and notes which answers were none of the contract."""

    def __init__(self, world: World) -> None:
        self.key = world.key.encode()
        self.transport = httpx.ASGITransport(in_front(world.app), raise_app_exceptions=False)
        self.statuses: set[int] = set()
        self.wrong: list[str] = []

    async def send(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        body: bytes = b"",
    ) -> None:
        target = f"{path}?{query}" if query else path
        request = httpx.Request(
            method.upper(),
            "http://gateway/",
            headers=[(b"X-API-KEY", self.key), *headers],
            content=body,
            extensions={"target": target.encode()},
        )
        request.url = httpx.URL("http://gateway").copy_with(raw_path=target.encode())
        answer = await self.transport.handle_async_request(request)
        text = (await answer.aread()).decode()
        self.statuses.add(answer.status_code)
        said = json.loads(text) if text else None
        is_ours = answer.status_code < 400 or (isinstance(said, dict) and list(said) == ["error"])
        if answer.status_code >= 500 or not is_ours:
            self.wrong.append(f"{answer.status_code} {method} {target[:120]} {body[:200]!r} {text}")


def operations(world: World) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in world.app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


GOOD = {
    "key": "xp",
    "id": "u1",
    "systemId": "@system",
    "aggregation": "daily",
    "startDate": "2026-03-01",
    "endDate": "2026-03-02",
}


def filled(path: str, known: dict[str, str], **instead: str) -> str:
    good = {**GOOD, "systemId": known["system"], **instead}
    if "metrics/{key}" in path:
        good.setdefault("key", "commits")
    for name, text in good.items():
        path = path.replace("{" + name + "}", text)
    return path


def good_query(operation: dict[str, Any]) -> str:
    return "&".join(
        f"{it['name']}={GOOD.get(it['name'], '1')}"
        for it in operation.get("parameters", ())
        if it["in"] == "query" and it.get("required")
    )


async def test_nothing_in_a_path_a_query_or_a_header_ends_in_a_5xx(world):
    client, known = Client(world), ids()
    for path, method, operation in operations(world):
        body = json.dumps(bodies(known).get(operation["operationId"])).encode()
        for parameter in operation.get("parameters", ()):
            name, where = parameter["name"], parameter["in"]
            if where == "path":
                for nasty in IN_URL:
                    target = filled(path, known, **{name: nasty})
                    await client.send(method, target, good_query(operation), body=body)
            if where == "query":
                for nasty in IN_URL:
                    others = "&".join(
                        pair
                        for pair in good_query(operation).split("&")
                        if not pair.startswith(f"{name}=")
                    )
                    query = f"{others}&{name}={nasty}".lstrip("&")
                    await client.send(method, filled(path, known), query, body=body)
                    await client.send(method, filled(path, known), f"{query}:{nasty}", body=body)
            if where == "header":
                for value in IN_HEADER:
                    named = ((name.encode(), value),)
                    query = good_query(operation)
                    await client.send(method, filled(path, known), query, named, body)
    assert client.wrong == []
    assert {200, 404, 422} <= client.statuses


async def test_nothing_in_a_body_ends_in_a_5xx(world):
    client, known = Client(world), ids()
    # Of somebody who is there, what a request says is looked at further.
    await world.execute("INSERT INTO users VALUES ('default','u1',NULL,'{}',now(),now(),now())")
    tried = 0
    for path, method, operation in operations(world):
        if "requestBody" not in operation:
            continue
        target = filled(path, known)
        good = bodies(known)[operation["operationId"]]
        for raw in itertools.chain(spoiled(good), WHOLE_BODIES):
            await client.send(method, target, body=raw)
            tried += 1
    assert client.wrong == []
    assert tried > 1000
    assert {200, 202, 400, 422} <= client.statuses
