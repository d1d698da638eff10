"""Sending what is due, on a real Kafka and Postgres: retries, giving up, isolation, order."""

import asyncio
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

import pytest
from plumbing.notified import AT, PATIENCE_S, delivered, eventually, failed, new_world
from prometheus_client import REGISTRY

from notifier import endpoints
from notifier.addresses import ForbiddenTargetError
from notifier.dispatcher import IN_FLIGHT_MAX


@pytest.fixture
async def world(stack, database, prefix):
    async with new_world(stack, database, prefix) as made:
        yield made


async def test_what_was_in_flight_when_the_notifier_died_is_sent_again_under_the_same_id(world):
    world.receiver.statuses["/"] = [None, 200]
    await world.add()
    async with world.notifier():
        event = await world.level()
        await eventually(lambda: len(world.receiver.got) == 1)
    async with world.notifier():
        pass
    assert world.receiver.ids() == [f"{event}:0"] * 2
    assert world.receiver.got[0][2] == world.receiver.got[1][2]


async def test_a_hanging_receiver_delays_no_other(world):
    world.receiver.statuses["/hangs"] = [None]
    await world.add("/hangs")
    await world.add("/works")
    # It hangs for longer than anything is waited for here.
    async with world.notifier(timeout_s=10 * PATIENCE_S):
        for number in range(20):
            await world.level(f"user{number}")
        await eventually(lambda: len(world.receiver.ids("/works")) == 20)
        # And it is not flooded either.
        await eventually(lambda: len(world.receiver.ids("/hangs")) == IN_FLIGHT_MAX)
        await asyncio.sleep(0.3)
        assert len(world.receiver.ids("/hangs")) == IN_FLIGHT_MAX


async def test_no_answer_in_time_is_a_failure_that_is_retried(world):
    world.receiver.statuses["/"] = [None, 200]
    webhook = await world.add()
    async with world.notifier(timeout_s=2.0):
        await world.level()
        await eventually(lambda: len(world.receiver.got) == 2)
        await eventually(lambda: delivered(world, webhook, 1))


async def test_failures_are_retried_by_the_schedule_then_given_up_visibly(world):
    world.receiver.statuses["/"] = [500]
    webhook = await world.add()
    async with world.notifier(schedule=(0.2, 0.6)):
        event = await world.level()
        await eventually(lambda: failed(world, webhook, 1))
        await asyncio.sleep(1)
    assert world.receiver.ids() == [f"{event}:0"] * 3
    waits = [later - earlier for earlier, later in pairwise(world.receiver.times)]
    assert waits[0] >= 0.2
    assert waits[1] >= 0.6
    listed = await world.listed(webhook)
    assert listed.last_error == "HTTP 500 out of order"
    [delivery] = await endpoints.deliveries(world.dsn, str(webhook.id), "failed")
    assert (delivery.id, delivery.attempts) == (f"{event}:0", 3)
    counted = {"webhook": str(webhook.id)}
    assert REGISTRY.get_sample_value("xp_webhook_given_up_total", counted) == 1
    rejected = counted | {"outcome": "rejected"}
    assert REGISTRY.get_sample_value("xp_webhook_attempts_total", rejected) == 3


@pytest.mark.parametrize("by", ["webhook", "delivery"])
async def test_retry_sends_what_was_given_up_again_under_the_same_id(world, by):
    world.receiver.statuses["/"] = [503, 200]
    webhook = await world.add()
    async with world.notifier(schedule=()):
        event = await world.level()
        await eventually(lambda: failed(world, webhook, 1))
        target = str(webhook.id) if by == "webhook" else f"{event}:0"
        assert await endpoints.retry(world.dsn, target) == 1
        await eventually(lambda: delivered(world, webhook, 1))
        assert await endpoints.retry(world.dsn, target) == 0
    assert world.receiver.ids() == [f"{event}:0"] * 2
    assert world.receiver.got[0][2] == world.receiver.got[1][2]


async def test_what_failed_is_not_sent_again_by_itself_and_what_is_unknown_cannot_be(world):
    for target in (str(uuid4()), "0-0-99:0"):
        with pytest.raises(endpoints.UnknownWebhookError):
            await endpoints.retry(world.dsn, target)
    with pytest.raises(endpoints.UnknownWebhookError):
        await endpoints.remove(world.dsn, "nonsense")
    with pytest.raises(endpoints.UnknownTypeError):
        await world.add(types=["points.nonsense"])


async def test_one_users_messages_come_in_the_ledgers_order(world):
    await world.add()
    async with world.notifier():
        told = [await world.level("ann", project=False) for _ in range(30)]
        await world.project(("default", "ann"))
        await eventually(lambda: len(world.receiver.got) == 30)
    assert world.receiver.ids() == [f"{event}:0" for event in told]


async def test_a_private_address_is_refused_when_added_and_when_sent_to(world):
    with pytest.raises(ForbiddenTargetError):
        await endpoints.add(world.dsn, world.receiver.url("/"))
    # Added while it was allowed, or its name points elsewhere since.
    webhook = await world.add()
    async with world.notifier(allow_private=False, schedule=()):
        await world.level()
        await eventually(lambda: failed(world, webhook, 1))
    assert world.receiver.got == []
    assert "not a public address" in (await world.listed(webhook)).last_error


async def test_old_deliveries_are_pruned_and_not_made_again(world):
    await world.add()
    async with world.notifier():
        await world.level()
        # Got is not yet noted: ended in between, the notifier would rightly send it again.
        await eventually(lambda: finished(world))
    await world.execute("UPDATE own.deliveries SET finished = %s", AT - timedelta(days=1))
    async with world.notifier():
        await eventually(lambda: empty(world))
    assert len(world.receiver.got) == 1


async def finished(world):
    return await world.execute("SELECT 1 FROM own.deliveries WHERE finished IS NOT NULL")


async def empty(world):
    return not await world.execute("SELECT 1 FROM own.deliveries")
