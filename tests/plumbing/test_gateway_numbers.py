"""Numbers over HTTP: no digit is lost on the way to the log, and what does not fit leaves no trace.

What becomes of them on the ledger is shown on a whole system: tests/journeys/test_numbers.py.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal

import pytest
from database.records import total
from plumbing.gateway_world import AT, OTHER_STATE, RICH, World, a_world
from plumbing.test_admin_ours import an_event

from schemas.inputs import Correction, MetricEvent, Preferences
from schemas.inputs.reading import read_input

EXACT = {
    "0.123456789012345678": Decimal("0.123456789012345678"),
    "123456789012345.25": Decimal("123456789012345.25"),
    "-999999999999999.999999999999999999": Decimal("-999999999999999.999999999999999999"),
    "999999999999999": 999_999_999_999_999,
    "5.0": 5,
    "5e3": 5000,
    "0.1e1": 1,
    "-0.0": 0,
    "1e-18": Decimal("1E-18"),
    "0.100000000000000000000": Decimal("0.1"),
}
TOO_LARGE = "value: must be smaller than 10^15"
TOO_FINE = "value: must have at most 18 decimal places"
# As a double the first would be whole, the second another number, and 1e-400 nothing at all.
REFUSED = {
    "123456789012345678.25": TOO_LARGE,
    "9007199254740993.0": TOO_LARGE,
    "9223372036854775808": TOO_LARGE,
    "922337203685477580700000": TOO_LARGE,
    "1000000000000000": TOO_LARGE,
    "-1e15": TOO_LARGE,
    "1e400": TOO_LARGE,
    "1e99999999999999999999": TOO_LARGE,
    "0.1234567890123456789": TOO_FINE,
    "1e-19": TOO_FINE,
    "1e-400": TOO_FINE,
    "1e-99999999999999999999": TOO_FINE,
}


@pytest.fixture
async def world(stack, database) -> AsyncIterator[World]:
    async with a_world(stack, database, game=RICH) as found:
        yield found


async def next_input(world):
    """Return the next input on the log as the judge reads it, and where it stands."""
    message = await asyncio.wait_for(world._consumer.getone(), 10)
    return read_input(message.value), message.partition, message.offset


async def nothing_was_sent(world):
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(world._consumer.getone(), 0.3)


def raw_event(number):
    return b'{"user": {"id": "u1"}, "value": %b}' % number.encode()


async def post(world, path, body, key=None):
    headers = {} if key is None else {"Idempotency-Key": key}
    return await world.client.post(path, content=body, headers=headers)


async def test_a_value_reaches_the_log_with_all_its_digits(world):
    path = "/v1/metrics/commits/event"
    for number, value in EXACT.items():
        posted = asyncio.create_task(post(world, path, raw_event(number)))
        event, partition, offset = await next_input(world)
        assert isinstance(event, MetricEvent)
        assert (event.value, type(event.value)) == (value, type(value)), number
        await world.append(world.record(partition, offset))
        assert (await posted).status_code == 201


async def test_a_value_that_does_not_fit_is_told_so_and_leaves_its_key_free(world):
    path = "/v1/metrics/commits/event"
    for number, words in REFUSED.items():
        answer = await post(world, path, raw_event(number), "k")
        assert (answer.status_code, answer.json()) == (422, {"error": words}), number
    await nothing_was_sent(world)
    posted = asyncio.create_task(post(world, path, raw_event("5.0"), "k"))
    event, partition, offset = await next_input(world)
    assert isinstance(event, MetricEvent)
    assert (event.value, event.idempotencyKey) == (5, "k")
    await world.append(world.record(partition, offset))
    answer = await posted
    assert (answer.status_code, answer.json()["idempotentReplayed"]) == (201, False)


def correction_of(number):
    return b'{"value": %b, "reason": "typo"}' % number.encode()


async def test_a_correction_reaches_the_log_with_all_its_digits(world):
    event_id = await an_event(world)
    for number, value in EXACT.items():
        path = f"/admin/v1/events/{event_id}/correction"
        posted = asyncio.create_task(post(world, path, correction_of(number)))
        given, partition, offset = await next_input(world)
        assert isinstance(given, Correction)
        assert (given.value, type(given.value)) == (value, type(value)), number
        assert given.was == Decimal("2.5")
        await world.append(world.record(partition, offset, state=OTHER_STATE))
        assert (await posted).status_code == 201


async def test_a_correction_that_does_not_fit_is_told_so_and_leaves_its_key_free(world):
    event_id = await an_event(world)
    path = f"/admin/v1/events/{event_id}/correction"
    for number, words in REFUSED.items():
        answer = await post(world, path, correction_of(number), "k")
        assert answer.status_code == 422, number
        assert words.removeprefix("value: ") in answer.json()["error"], number
    await nothing_was_sent(world)
    posted = asyncio.create_task(post(world, path, correction_of("0.123456789012345678"), "k"))
    given, partition, offset = await next_input(world)
    assert isinstance(given, Correction)
    assert (given.value, given.idempotencyKey) == (Decimal("0.123456789012345678"), "k")
    await world.append(world.record(partition, offset, state=OTHER_STATE))
    assert (await posted).status_code == 201


async def test_what_an_event_counted_reaches_its_correction_with_all_its_digits(world):
    event_id = await an_event(world, entries=[total("commits", "0.123456789012345678", "9")])
    path = f"/admin/v1/events/{event_id}/correction"
    posted = asyncio.create_task(post(world, path, correction_of("null")))
    given, partition, offset = await next_input(world)
    assert isinstance(given, Correction)
    assert (given.was, given.value) == (Decimal("0.123456789012345678"), None)
    await world.append(world.record(partition, offset, state=OTHER_STATE))
    assert (await posted).status_code == 201


def preferences_of(number):
    return b'{"streak": {"metrics": [{"key": "reviews", "threshold": %b}]}}' % number.encode()


async def test_a_threshold_of_ones_own_is_exact_or_refused(world):
    await world.execute(
        "INSERT INTO users VALUES ('default','u1',NULL,'{}',%s,%s,%s)", AT - timedelta(1), AT, AT
    )
    path = "/v1/users/u1/preferences"
    for number, words in REFUSED.items():
        answer = await world.client.patch(path, content=preferences_of(number))
        assert answer.status_code == 422, number
        assert words.removeprefix("value: ") in answer.json()["error"], number
    await nothing_was_sent(world)
    number = "0.123456789012345678"
    posted = asyncio.create_task(world.client.patch(path, content=preferences_of(number)))
    given, partition, offset = await next_input(world)
    assert isinstance(given, Preferences)
    assert given.streak.metrics is not None
    assert [it.threshold for it in given.streak.metrics] == [Decimal(number)]
    await world.append(world.record(partition, offset, state=OTHER_STATE))
    assert (await posted).status_code == 200
