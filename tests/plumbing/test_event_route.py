"""The two ways of a POST of an event: around the framework, and by the app's own route."""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from database.records import achievement, points, streak, total
from plumbing.gateway_world import World, a_world
from plumbing.test_gateway_input import BODIES

from gateway.application.event_route import EventRoute
from schemas.topics import EVENT_BYTES_MAX

PATH = "/v1/metrics/{}/event"
# Requests with a query are none of the common form: they go to the app.
BY_APP = "?by=app"

GOOD = [
    '{"user": {"id": "u1"}, "value": 1}',
    ' {"user": {"id": "u1"}, "value": 1}\n',
    '{"value": -2.5, "user": {"id": "u1", "name": null, "attributes": {"team": "red"}}}',
    '{"user": {"id": "ü/1"}, "value": 1e3, "attributes": {"repo": "docs"}}',
    '{"user": {"id": "u1"}, "value": 123456789012345.25, "occurredAt": "2026-03-10T11:00:00Z"}',
    '{"user": {"id": "u1"}, "value": 1, "value": 2}',
    '{"user": {"id": "a\\u00e4"}, "value": 1}',
    '{"user": {"id": "metric"}, "value": 1, "attributes": {"repo": "\\"metric\\""}}',
    '{"user": {"id": "u1", "tz": "Europe/Berlin", "email": "a@b.c"}, "value": 0}',
]
BAD = [
    "{}",
    "\ufeff{}",
    "{,}",
    '{"user": {"id": "u1"}, "value": 1}}',
    '{"user": {"id": "u1"}, "value": 1, "metric": "reviews"}',
    '{"user": {"id": "u1"}, "value": 1, "tenant": "other"}',
    '{"user": {"id": "u1"}, "value": 1, "m\\u0065tric": "reviews"}',
    '{"user": {"id": "u1"}, "value": 1, "idempotencyKey": "k"}',
    '{"user": {"id": "u1"}, "value": 1, "type": "metric"}',
    '{"user": {"id": "u1"}, "value": 1, "type": "hold"}',
    '{"user": {"id": "u1"}, "value": 1e400}',
    '{"user": {"id": "u1"}, "value": 1e-400, "attributes": {"nope": "x"}}',
    '{"user": {"id": "u1", "subscribeToEmails": true}, "value": 1}',
    '{"user": {"id": "u1"}, "value": 1, "attributes": {"repo": "%s"}}' % ("x" * EVENT_BYTES_MAX),
    *(body for body, _status, _words in BODIES),
]
HEADERS = [
    {},
    {"Idempotency-Key": "k1"},
    {"Idempotency-Key": ""},
    {"Idempotency-Key": "é".encode()},
    {"Idempotency-Key": "x" * 256},
    {"Idempotency-Key": 'a"b\\c'},
    {"Tenant-ID": "default"},
]
ODD = [
    ("commits", {"X-API-KEY": "wrong"}),
    ("commits", {"X-API-KEY": ""}),
    ("commits", {"Tenant-ID": "no good"}),
    ("commits", {"Tenant-ID": "nobody"}),
    ("nope", {}),
    ("x" * 255, {}),
    ("x" * 256, {}),
    ("comm%69ts", {}),
    ("a b", {}),
]


@pytest.fixture
async def world(stack, database, monkeypatch) -> AsyncIterator[World]:
    monkeypatch.setattr("gateway.server.EventRoute", Counting)
    async with a_world(stack, database) as found:
        judging = asyncio.create_task(judge(found))
        yield found
        judging.cancel()
        with suppress(asyncio.CancelledError):
            await judging


async def judge(world: World) -> None:
    """Judge every event, each by one of the outcomes that there are."""
    outcomes: Iterator[dict[str, Any]] = itertools.cycle(
        [
            {"entries": [total("commits", "1", "1", "2026-03-10"), achievement("ten")]},
            {"entries": [streak("extended", 3, "2026-03-10"), points("xp", "per-commit", 10, 10)]},
            {"outcome": "replayed", "first": "0-0-7"},
            {"outcome": "refused", "code": "invalid", "reason": "Change this.", "state": None},
        ]
    )
    # Both ways are to meet the same outcome.
    for outcome in outcomes:
        await world.judge(**outcome)
        await world.judge(**outcome)


class Counting(EventRoute):
    """Counts the requests that it serves itself."""

    served = 0

    async def _serve(self, *given):
        Counting.served += 1
        await super()._serve(*given)


async def answered(world, path, body, headers):
    """Return what is answered, without what differs from request to request."""
    answer = await world.client.post(path, content=body.encode(), headers=headers)
    assert "X-Request-ID" in answer.headers
    body = re.sub(r'"\d+-\d+-\d+(:\d+)?"', '"id"', answer.text)
    left_out = {"x-request-id"} if body == answer.text else {"x-request-id", "content-length"}
    told = {name: text for name, text in answer.headers.items() if name not in left_out}
    return answer.status_code, told, body


async def test_both_ways_answer_the_same(world):
    requests = [
        *(("commits", body, headers) for body in GOOD for headers in HEADERS),
        *(("commits", body, HEADERS[at % 3]) for at, body in enumerate(BAD)),
        *((metric, body, headers) for metric, headers in ODD for body in (GOOD[0], BAD[-1])),
    ]
    statuses = set()
    for metric, body, headers in requests:
        path, before = PATH.format(metric), Counting.served
        fast = await answered(world, path, body, headers)
        is_plain = re.fullmatch("[A-Za-z0-9_-]{1,255}", metric) is not None
        assert Counting.served - before == is_plain
        slow = await answered(world, path + BY_APP, body, headers)
        assert Counting.served - before == is_plain
        assert fast == slow, (metric, body[:200], headers)
        statuses.add(fast[0])
        assert fast[0] >= 400 or body not in BAD, (body, fast)
        assert fast[0] < 300 or list(json.loads(fast[2])) == ["error"]
    assert statuses == {201, 202, 400, 401, 404, 413, 422}
    assert 2 * len(requests) > 200
