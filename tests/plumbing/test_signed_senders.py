"""All that say what only our own parts may say sign it, and the lanes take nothing else of it."""

import asyncio

import orjson
import pytest
from plumbing.gateway_world import a_world
from plumbing.judging import event, judging, total_of
from plumbing.running import stop
from plumbing.test_lane_versions import companions, following
from wording.definitions import daily, game, per

from broker.partitions import partition_of
from ops.apply import apply_game
from ops.inputs import correct, grant_of, put
from ops.publish import publish
from processor.metrics import FORGED
from processor.partition_state import PartitionState
from schemas.entries import PointsEntry
from schemas.inputs import RecordedBackfill, RecordedDue, RecordedHold
from schemas.records import event_id_of
from schemas.signing import Secrets, Signer
from schemas.topics import HEADER_MAC

SECRETS = Secrets("a secret of the parts")
PARTS = {"points": {"xp": per(1, 1)}, "streak": daily()}
GAME = game(["commits"], **PARTS)
# It asks for the past of each user.
LATER = game(["commits"], achievements=[{"key": "a", "metricValue": 1}], **PARTS)


@pytest.fixture
def forged():
    """Give how many inputs have been taken for forged by now, of any kind."""
    return lambda: sum(
        it.value for family in FORGED.collect() for it in family.samples if "_total" in it.name
    )


async def test_what_our_own_parts_say_is_believed_by_lanes_that_check(stack, prefix, disk, forged):
    before = forged()
    async with judging(stack.kafka, prefix, partitions=2, secrets=SECRETS) as world:
        await apply_game(world.connection, world.topics, GAME, tenant="default")
        long_ago = event("ann", occurredAt="2026-01-01T12:00:00Z")
        await publish(world.connection, world.topics, [orjson.dumps(long_ago)])
        right = partition_of(b"ann", 2)
        await world.publish(event("bob"), partition=1 - partition_of(b"bob", 2))
        lanes = []
        for partition in range(2):
            context = world.context(partition, 2)
            context.ruleset = world.rulesets.get
            state = PartitionState(disk(str(partition)), partition)
            lanes.append(world.start_lane(state, context, companions=companions))
        async with asyncio.timeout(30):
            while not any(isinstance(it.input, RecordedDue) for it in await read(world, right)):
                await asyncio.sleep(0.1)
        grant = grant_of("default", "ann", "xp", 5, "well done", None)
        granted = await put(world.connection, world.topics, grant)
        assert [it.total for it in granted.entries if isinstance(it, PointsEntry)] == [6]
        first = next(
            it for it in await read(world, right) if it.user == "ann" and it.outcome == "applied"
        )
        corrected = await correct(
            world.connection, world.topics, event_id_of(first), None, reason="a mistake"
        )
        assert corrected.outcome == "applied"
        await apply_game(world.connection, world.topics, LATER, tenant="default")
        async with asyncio.timeout(30):
            while not any(
                isinstance(it.input, RecordedBackfill) for it in await read(world, right)
            ):
                await asyncio.sleep(0.1)
        records = await read(world, 0) + await read(world, 1)
        for lane in lanes:
            await stop(lane)
    assert not [it for it in records if it.outcome == "dead"]
    assert sum(isinstance(it.input, RecordedHold) for it in records) == 4
    assert "forwarded" in {it.outcome for it in records}
    assert total_of(disk(str(right)), "ann", right) == 0
    assert forged() == before


async def read(world, partition):
    return (await world.read(partition))[0]


async def test_what_a_stranger_says_is_not(stack, prefix, disk, forged):
    before = forged()
    async with judging(stack.kafka, prefix, secrets=SECRETS) as world:
        await apply_game(world.connection, world.topics, GAME, tenant="default")
        stranger = {"type": "adjustment", "user": "ada", "system": "xp", "reason": "mine"}
        await world.publish(
            event(),
            {**stranger, "points": 10**12},
            {**stranger, "points": 10**12, "tenant": "acme"},
            {"type": "backfilled", "version": 999_999_999},
        )
        sent = dict.fromkeys(("xp-forwarded", "xp-time"), b"0-0-1")
        await world.sender.send_and_wait(
            world.topics.events, orjson.dumps(event()), partition=0, headers=list(sent.items())
        )
        lane = world.start_lane(PartitionState(disk(), 0), following(world))
        records = await world.judged(6, lane)
        await stop(lane)
    assert [it.outcome for it in records] == ["applied", "applied", *["dead"] * 4]
    assert total_of(disk()) == 1
    assert forged() == before + 4


async def test_the_gateway_signs_what_it_says_of_its_own_and_no_event(stack, database):
    async with a_world(stack, database, secrets=SECRETS) as world:
        signer = Signer(SECRETS, world.topics.events)
        pause = {"type": "pause", "id": "p", "start": "2026-03-01", "end": "2026-03-02"}
        await world.services.log.submit("default", "u1", pause, wait=False)
        message = await asyncio.wait_for(world._consumer.getone(), 10)
        headers = dict(message.headers)
        assert headers["xp-origin"] == b"http"
        assert signer.has_signed(message.partition, message.key, message.value, headers)
        posted = asyncio.create_task(world.post())
        message = await asyncio.wait_for(world._consumer.getone(), 10)
        assert HEADER_MAC not in dict(message.headers)
        await world.append(world.record(message.partition, message.offset))
        await posted
