"""A lane on real topics: where it goes on, and what it notices at its start."""

import asyncio

import orjson
import pytest
from plumbing.judging import MARKER, event, judging, offsets, total_of
from plumbing.running import PATIENCE_S, stop

from processor.partition_meta import read_meta, write_meta
from processor.partition_state import PartitionState
from processor.recovery import SourceLostError
from processor.rows import META
from schemas.order import Link
from schemas.records import appended_text, event_id_of


async def judged_before(world, store, *events):
    """Have a lane judge events, and end it."""
    await world.publish(MARKER, *events)
    lane = world.start_lane(PartitionState(store, 0))
    await world.judged(1 + len(events), lane)
    await stop(lane)


def edit(store, **fields):
    """Change a store's row about itself."""
    meta = read_meta(store.get(META))
    for name, value in fields.items():
        setattr(meta, name, value)
    store.write([(META, write_meta(meta))])


async def refused(task):
    """Return why a lane ended."""
    with pytest.raises(SourceLostError) as error:
        await asyncio.wait_for(task, PATIENCE_S)
    return str(error.value)


async def test_a_lane_goes_on_where_its_store_stands(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event(), event())
        await world.publish(event(), event("bob"))
        lane = world.start_lane(PartitionState(disk(), 0))
        assert offsets(await world.judged(5, lane)) == [0, 1, 2, 3, 4]
        await stop(lane)
        assert (total_of(disk()), total_of(disk(), "bob")) == (3, 1)


async def test_a_lane_without_a_store_folds_and_concludes_the_same(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event(idempotencyKey="k"))
        await world.publish(event(idempotencyKey="k"), event())
        lane = world.start_lane(PartitionState(disk("other"), 0))
        records = await world.judged(4, lane)
        assert [it.outcome for it in records[1:]] == ["applied", "replayed", "applied"]
        await stop(lane)
        assert total_of(disk("other")) == 2


async def test_a_marker_of_a_version_that_does_not_exist_stops_nobody(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        context = world.context()
        known = context.ruleset
        context.ruleset = lambda tenant, it: known(tenant, it) if it < 99 else None
        await world.publish(MARKER, {"type": "definitions", "version": 99}, event())
        lane = world.start_lane(PartitionState(disk(), 0), context)
        records = await world.judged(3, lane)
        assert [it.outcome for it in records] == ["applied", "dead", "applied"]
        await stop(lane)


# What a lane notices at its start


async def test_a_store_ahead_of_the_ledger_is_thrown_away(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event())
        edit(disk(), ledger=99, applied=98, last=Link(0, 97, "gone"))
        disk().write([(b"sdefault\0ada", b"{}")])
        await world.publish(event())
        lane = world.start_lane(PartitionState(disk(), 0))
        await world.judged(3, lane)
        await stop(lane)
        assert total_of(disk()) == 2


async def test_a_store_of_another_ledger_is_thrown_away_although_this_one_is_longer(
    stack, prefix, disk
):
    async with (
        judging(stack.kafka, f"{prefix}a") as gone,
        judging(stack.kafka, f"{prefix}b") as world,
    ):
        await judged_before(gone, disk(), event("bob"))
        await judged_before(world, disk("other"), event(), event(), event())
        await world.publish(event())
        # It begins anew, with the very offsets of the other, and goes further.
        lane = world.start_lane(PartitionState(disk(), 0))
        assert offsets(await world.judged(5, lane)) == [0, 1, 2, 3, 4]
        await stop(lane)
        assert (total_of(disk()), total_of(disk(), "bob")) == (4, None)


async def test_an_events_topic_that_is_shorter_than_what_was_judged_is_refused(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event())
        await world.recreate(world.topics.events, MARKER)
        why = await refused(world.start_lane(PartitionState(disk(), 0)))
        assert "holds the events 0 to 1, but event 2 of epoch 0 is due" in why
        assert "`xp topics --raise-epoch`" in why
        assert "retention" not in why


async def test_an_events_topic_begun_anew_is_refused_although_it_is_longer(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event())
        await world.recreate(world.topics.events, *[event()] * 5)
        why = await refused(world.start_lane(PartitionState(disk(), 0)))
        assert f"event 1 of {world.topics.events}/0 was appended at" in why
        assert "`xp topics --raise-epoch`" in why
        assert offsets((await world.read())[0]) == [0, 1]


async def test_an_events_topic_begun_anew_is_judged_in_a_raised_epoch(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event())
        await world.recreate(world.topics.events, *[event()] * 5)
        lane = world.start_lane(PartitionState(disk(), 0), world.context(epoch=1))
        records = await world.judged(7, lane)
        assert [event_id_of(it) for it in records[2:]] == [f"1-0-{n}" for n in range(5)]
        await stop(lane)
        assert total_of(disk()) == 6


async def test_events_that_were_removed_unjudged_are_missed(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event())
        await world.publish(event(), event(), event())
        await world.remove_before(world.topics.events, 4)
        why = await refused(world.start_lane(PartitionState(disk(), 0)))
        assert "holds the events 4 to 5, but event 2 of epoch 0 is due" in why
        assert "removed before they were judged" in why


async def test_events_that_were_removed_after_they_were_judged_are_not(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event())
        await world.publish(event())
        await world.remove_before(world.topics.events, 2)
        lane = world.start_lane(PartitionState(disk(), 0))
        assert offsets(await world.judged(3, lane)) == [0, 1, 2]


async def test_a_ledger_that_was_shortened_is_missed(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event())
        await world.remove_before(world.topics.ledger, 1)
        why = await refused(world.start_lane(PartitionState(disk("empty"), 0)))
        assert "begins at 1, but record 0 is needed" in why
        # Who has folded the beginning does not need it.
        await world.publish(event())
        lane = world.start_lane(PartitionState(disk(), 0))
        async with asyncio.timeout(PATIENCE_S):
            while total_of(disk()) != 2:
                await asyncio.sleep(0.05)
        assert not lane.done()


async def test_a_worker_that_knows_an_older_epoch_than_the_ledger_is_refused(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER, event())
        lane = world.start_lane(PartitionState(disk(), 0), world.context(epoch=2))
        await world.judged(2, lane)
        await stop(lane)
        why = await refused(world.start_lane(PartitionState(disk(), 0), world.context(epoch=1)))
        assert "has records of epoch 2, but" in why
        assert "start the worker again" in why


async def test_an_event_that_was_forwarded_is_known_again_by_its_first_append_time(
    stack, prefix, disk
):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk())
        raw = orjson.dumps(event())
        headers = [("xp-forwarded", b"0-7-1"), ("xp-time", b"1772452800123")]
        await world.sender.send_and_wait(world.topics.events, raw, partition=0, headers=headers)
        lane = world.start_lane(PartitionState(disk(), 0))
        records = await world.judged(2, lane)
        await stop(lane)
        assert PartitionState(disk(), 0).appended == 1_772_452_800_123
        assert appended_text(records[1]) == "2026-03-02T12:00:00.123000Z"
        await world.publish(event())
        await world.judged(3, world.start_lane(PartitionState(disk(), 0)))
