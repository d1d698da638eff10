"""Bad input over HTTP: a 4xx with one sentence on what to change, and nothing on the log."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from plumbing.gateway_world import AT, World, a_world

from schemas.topics import EVENT_BYTES_MAX


@pytest.fixture
async def world(stack, database) -> AsyncIterator[World]:
    async with a_world(stack, database) as found:
        yield found
        # Whatever was refused at the door has left no trace on the log.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(found._consumer.getone(), 0.3)


BODIES = [
    ("{not json", 400, "not JSON"),
    ("", 400, "not JSON"),
    ('{"user": {"id": "u"}, "value": NaN}', 400, "not JSON"),
    ('{"user": {"id": "u"}, "value": Infinity}', 400, "not JSON"),
    ("[]", 422, "object"),
    ('{"value": 1}', 422, "user"),
    ('{"user": "u1", "value": 1}', 422, "user: must be an object"),
    ('{"user": {}, "value": 1}', 422, "user.id: is required"),
    ('{"user": {"id": ""}, "value": 1}', 422, "user.id"),
    ('{"user": {"id": "%s"}, "value": 1}' % ("x" * 256), 422, "user.id"),
    ('{"user": {"id": "a\\u0000b"}, "value": 1}', 422, "user.id"),
    ('{"user": {"id": 7}, "value": 1}', 422, "user.id"),
    ('{"user": {"id": "u"}}', 422, "value: is required"),
    ('{"user": {"id": "u"}, "value": null}', 422, "value: is required"),
    ('{"user": {"id": "u"}, "value": "1"}', 422, "value: must be a number"),
    ('{"user": {"id": "u"}, "value": true}', 422, "value: must be a number"),
    ('{"user": {"id": "u"}, "value": 1e18}', 422, "value"),
    ('{"user": {"id": "u"}, "value": 1, "valeu": 2}', 422, "valeu: unknown field"),
    ('{"user": {"id": "u", "nam": "x"}, "value": 1}', 422, "user.nam: unknown field"),
    ('{"user": {"id": "u", "tz": "Mars/Base"}, "value": 1}', 422, "user.tz"),
    ('{"user": {"id": "u"}, "value": 1, "attributes": {"repo": 1}}', 422, "attributes.repo"),
    ('{"user": {"id": "u"}, "value": 1, "attributes": {"x": "1"}}', 422, "attribute keys: x."),
    (
        '{"user": {"id": "u", "attributes": {"y": "1"}}, "value": 1}',
        422,
        "Invalid attribute keys: y.",
    ),
    ('{"user": {"id": "u"}, "value": 1, "occurredAt": 5}', 422, "occurredAt"),
    (
        '{"user": {"id": "u"}, "value": 1, "occurredAt": "2026-03-10T12:00:00"}',
        422,
        "occurredAt",
    ),
    (
        '{"user": {"id": "u"}, "value": 1, "occurredAt": "2026-03-10T12:05:01Z"}',
        422,
        "future",
    ),
    (
        '{"user": {"id": "u", "subscribeToEmails": true}, "value": 1}',
        422,
        "subscribeToEmails",
    ),
]


async def test_each_bad_body_is_answered_with_what_to_change(world):
    for body, status, words in BODIES:
        answer = await world.client.post("/v1/metrics/commits/event", content=body)
        assert answer.status_code == status, (body, answer.text)
        assert list(answer.json()) == ["error"]
        assert words in answer.json()["error"], (body, answer.text)


async def test_an_unknown_metric_is_404(world):
    for metric in ("nothing", "comm its", "a%2Fb", "%FF", "x" * 300):
        answer = await world.post(metric)
        assert answer.status_code == 404, metric
        assert answer.json()["error"]


async def test_an_idempotency_key_has_1_to_255_characters(world):
    for key in ("", "k" * 256):
        answer = await world.post(headers={"Idempotency-Key": key})
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.json()["error"]


async def test_a_body_over_64_kib_is_refused_before_it_is_read(world):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 16384
            yield b" " * 16384

    answer = await world.client.post("/v1/metrics/commits/event", content=endless())
    assert answer.status_code == 413
    assert sent <= 2 * EVENT_BYTES_MAX
    told = {"Content-Length": str(EVENT_BYTES_MAX + 1)}
    answer = await world.client.post("/v1/metrics/commits/event", content=b"", headers=told)
    assert answer.status_code == 413
    assert "error" in answer.json()


async def test_a_body_that_fits_may_still_make_too_large_an_event(world):
    body = b'{"user":{"id":"u","name":"' + b"n" * (EVENT_BYTES_MAX - 39) + b'"},"value":1}'
    assert len(body) <= EVENT_BYTES_MAX
    answer = await world.client.post("/v1/metrics/commits/event", content=body)
    assert answer.status_code == 413


async def test_who_has_an_email_may_subscribe(stack, database):
    async with a_world(stack, database) as world:
        await world.execute(
            "INSERT INTO users VALUES ('default','u1',NULL,'{}',%s,%s,%s)", AT, AT, AT
        )
        await world.execute(
            "INSERT INTO own.profiles (tenant, user_id, email) VALUES ('default','u1','a@b.c')"
        )
        for user in (
            {"id": "u1", "subscribeToEmails": True},
            {"id": "u2", "subscribeToEmails": True, "email": "d@e.f"},
        ):
            posted = asyncio.create_task(world.post(user=user))
            await world.judge()
            assert (await posted).status_code == 201


async def test_what_does_not_exist_is_an_error_of_the_contract(world):
    for method, path, status in (
        ("GET", "/v1/nothing", 404),
        ("GET", "/nothing", 404),
        ("PUT", "/v1/users/u1/metrics", 405),
    ):
        answer = await world.client.request(method, path)
        assert answer.status_code == status
        assert list(answer.json()) == ["error"]
