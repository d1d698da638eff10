"""From the ledger to a webhook, on a real Kafka and Postgres: what is told, to whom, how often."""

import asyncio
import contextlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from plumbing.notified import AT, delivered, eventually, level_entry, new_world
from standardwebhooks import Webhook

from notifier import endpoints
from notifier.dispatcher import IN_FLIGHT_MAX
from notifier.outbox import Outbox
from projections.database import Database
from schemas.entries import AchievementEntry
from schemas.records import Link

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def world(stack, database, prefix):
    async with new_world(stack, database, prefix) as made:
        yield made


async def test_a_level_change_reaches_a_receiver_once_signed_and_in_the_contracts_shape(world):
    webhook = await world.add()
    async with world.notifier() as notifier:
        await world.execute(
            "INSERT INTO own.profiles (tenant, user_id, name, email, updated)"
            " VALUES ('default', 'ann', 'Ann', 'ann@example.com', %s)",
            AT,
        )
        event = await world.level("ann", "bronze", "silver", 60)
        await eventually(lambda: world.receiver.got)
        await eventually(notifier.caught_up)
        await asyncio.sleep(0.3)
    [(_, headers, body)] = world.receiver.got
    assert headers["webhook-id"] == f"{event}:0"
    assert Webhook(webhook.secret).verify(body, dict(headers)) == json.loads(body)
    message = json.loads(body)
    assert message["type"] == "points.level_changed"
    assert message["user"] == {
        "id": "ann",
        "email": "ann@example.com",
        "name": "Ann",
        "tz": "Europe/Berlin",
        "subscribeToEmails": True,
        "attributes": {"plan": "free"},
        "control": False,
        "created": "2025-03-01T12:00:00Z",
        "updated": "2025-03-01T12:00:00Z",
    }
    points = message["points"]
    assert (points["key"], points["total"], points["maxPoints"]) == ("xp", 60, 1000)
    assert message["previousLevel"]["key"] == "bronze"
    silver = message["newLevel"]
    assert silver == {
        "id": silver["id"],
        "key": "silver",
        "name": "Silver",
        "description": "",
        "badgeUrl": None,
        "points": 50,
    }
    listed = await world.listed(webhook)
    assert (listed.pending, listed.delivered, listed.failed) == (0, 1, 0)


async def test_the_first_level_and_the_loss_of_the_last_are_told_with_null(world):
    await world.add()
    async with world.notifier():
        await world.level("ann", None, "bronze", 10)
        await world.level("ann", "bronze", None, -5)
        await eventually(lambda: len(world.receiver.got) == 2)
    levels = [
        tuple(json.loads(body)[name] and json.loads(body)[name]["key"] for name in
              ("previousLevel", "newLevel"))
        for _, _, body in world.receiver.got
    ]  # fmt: skip
    assert levels == [(None, "bronze"), ("bronze", None)]


async def test_nobody_is_told_of_what_is_quiet_or_was_not_applied_or_is_no_link_of_the_chain(
    world,
):
    await world.add()
    async with world.notifier() as notifier:
        await world.append([level_entry(None, "bronze", 1, quiet=True)])
        await world.append([level_entry(None, "bronze", 1)], outcome="replayed")
        await world.append([level_entry(None, "bronze", 1)], after=Link(0, 999, "zombie"))
        entries = [AchievementEntry("first"), level_entry(None, "bronze", 2)]
        told = await world.append(entries)
        await eventually(lambda: world.receiver.got)
        await eventually(notifier.caught_up)
    assert world.receiver.ids() == [f"{told}:1"]


async def test_only_webhooks_of_the_tenant_that_are_not_removed_are_told(world):
    await world.publish_game("acme")
    await world.add("/default")
    await world.add("/acme", tenant="acme")
    removed = await world.add("/removed")
    await endpoints.remove(world.dsn, str(removed.id))
    async with world.notifier() as notifier:
        ours = await world.level("ann")
        theirs = await world.level("ann", tenant="acme")
        await eventually(lambda: len(world.receiver.got) == 2)
        await eventually(notifier.caught_up)
    assert world.receiver.ids("/default") == [f"{ours}:0"]
    assert world.receiver.ids("/acme") == [f"{theirs}:0"]
    assert world.receiver.ids("/removed") == []


async def test_a_message_waits_until_the_read_models_know_the_user(world):
    await world.add()
    async with world.notifier():
        await world.level("bob", project=False)
        await asyncio.sleep(0.5)
        assert world.receiver.got == []
        await world.project(("default", "bob"))
        await eventually(lambda: world.receiver.got)
    assert json.loads(world.receiver.got[0][2])["user"]["id"] == "bob"


async def test_a_user_whose_id_no_table_can_hold_holds_up_nobody(world):
    await world.add()
    async with world.notifier() as notifier:
        # As in the read models, where such a record is set aside.
        await world.level("n\0", project=False)
        told = await world.level("bob")
        await eventually(lambda: world.receiver.got)
        await eventually(notifier.caught_up)
    assert world.receiver.ids() == [f"{told}:0"]


async def test_a_restart_loses_none_and_repeats_none(world):
    await world.add()
    told = []
    async with world.notifier():
        told.append(await world.level())
        await eventually(lambda: len(world.receiver.got) == 1)
    for _ in range(3):
        told.extend([await world.level(partition=partition) for partition in (0, 1, 1)])
        async with world.notifier():
            told.append(await world.level())
    async with world.notifier() as notifier:
        await eventually(notifier.caught_up)
        await eventually(lambda: len(set(world.receiver.ids())) == len(told))
    rows = await world.execute("SELECT id, state FROM own.deliveries ORDER BY id")
    assert rows == sorted((f"{event}:0", "delivered") for event in told)
    # At least once: only what was in flight at a stop may have come twice, under the same id.
    assert set(world.receiver.ids()) == {f"{event}:0" for event in told}


PROCESS = """
import asyncio, sys
from broker.connection import Connection
from notifier.notifier import Config, Notifier
from schemas.topics import Topics
kafka, prefix, dsn = sys.argv[1:]
asyncio.run(Notifier(Config(Connection(kafka), Topics(prefix), dsn, allow_private=True)).run())
"""


async def test_kill_9_in_the_middle_of_many_loses_none_and_makes_up_no_other_id(world):
    webhook = await world.add()
    async with world.notifier():
        pass
    told: list[str] = []
    while len(told) < 200:
        told += [await world.level(f"user{n}", partition=n % 2, project=False) for n in range(10)]
    await world.project(*{("default", f"user{n}") for n in range(10)})
    arguments = (world.connection.bootstrap, world.topics.prefix, world.dsn)
    for enough in (1, 60, 120):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROCESS, *arguments, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
        )
        await eventually(lambda enough=enough: len(world.receiver.got) >= enough)
        process.kill()
        await process.wait()
    async with world.notifier():
        await eventually(lambda: delivered(world, webhook, len(told)))
    assert set(world.receiver.ids()) == {f"{event}:0" for event in told}
    # Twice only what was in flight at one of the three kills.
    assert len(world.receiver.got) - len(told) <= 3 * IN_FLIGHT_MAX


@pytest.mark.parametrize("projected", [True, False])
async def test_a_new_notifier_starts_at_the_ledgers_end(world, projected):
    await world.add()
    for _ in range(5):
        await world.level(project=projected)
    async with world.notifier() as notifier:
        assert await notifier.caught_up()
        event = await world.level()
        await eventually(lambda: world.receiver.got)
        await eventually(notifier.caught_up)
    assert world.receiver.ids() == [f"{event}:0"]


async def test_a_rebuild_of_the_read_models_sends_none_again(world):
    await world.add()
    async with world.notifier() as notifier:
        before = await world.level()
        await eventually(lambda: world.receiver.got)
        # The swap: for a moment there is no schema `read`, and then another one.
        await world.execute("ALTER SCHEMA read RENAME TO read_before")
        during = await world.level(project=False)
        await asyncio.sleep(0.5)
        await world.execute("ALTER SCHEMA read_before RENAME TO read")
        await world.execute("DELETE FROM read.positions")
        await asyncio.sleep(0.3)
        await world.project(("default", "ann"))
        await eventually(lambda: len(world.receiver.got) == 2)
        await eventually(notifier.caught_up)
    async with world.notifier():
        pass
    assert world.receiver.ids() == [f"{before}:0", f"{during}:0"]


async def test_of_two_notifiers_one_stands_by_and_takes_over(world):
    await world.add()
    async with contextlib.AsyncExitStack() as other:
        first = await other.enter_async_context(world.notifier())
        async with world.notifier(settled=False) as second:
            told = [await world.level() for _ in range(5)]
            await eventually(lambda: len(world.receiver.got) == 5)
            await eventually(first.caught_up)
            assert not await second.caught_up()
            await other.aclose()
            told.append(await world.level())
            await eventually(lambda: len(world.receiver.got) == 6)
            await eventually(second.caught_up)
    assert world.receiver.ids() == [f"{event}:0" for event in told]


async def test_two_readers_of_the_ledger_at_once_enqueue_everything_once(world):
    # The turn is bypassed here: what guards the positions must hold without it.
    await world.add()
    async with contextlib.AsyncExitStack() as exits:
        databases = [await exits.enter_async_context(Database(world.dsn)) for _ in range(2)]
        outboxes = [
            Outbox(
                world.connection,
                world.topics,
                each,
                clock=lambda: datetime.now(UTC),
                enqueued=lambda: None,
            )
            for each in databases
        ]
        tasks = [asyncio.create_task(outbox.run()) for outbox in outboxes]
        for outbox in outboxes:
            await eventually(outbox.caught_up)
        told = [await world.level(partition=number % 2) for number in range(40)]
        for outbox in outboxes:
            await eventually(outbox.caught_up)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    rows = await world.execute("SELECT id FROM own.deliveries")
    assert sorted(rows) == sorted((f"{event}:0",) for event in told)


async def test_an_outage_of_postgres_is_waited_out(world):
    await world.add()
    async with world.notifier() as notifier:
        told = [await world.level()]
        await eventually(lambda: len(world.receiver.got) == 1)
        for _ in range(3):
            await world.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            told.append(await world.level())
            # What is sent and not yet noted when the next outage comes would be sent again.
            await eventually(lambda: len(set(world.receiver.ids())) == len(told))
            await eventually(notifier.caught_up)
        await eventually(lambda: len(set(world.receiver.ids())) == 4)
        await eventually(notifier.caught_up)
    assert world.receiver.ids() == [f"{event}:0" for event in told]
