"""A lane on real topics: what it notices at its start, and what two of them do to each other."""

import asyncio
from dataclasses import replace

import orjson
import pytest
from plumbing.judging import MARKER, event, judging, offsets, stop, total_of
from prometheus_client import REGISTRY

from processor.judge import Message, Seat, judge, partition_of
from processor.lane import SourceLostError
from processor.ledger import KafkaLedger
from processor.rules import RULES
from processor.state import META, PartitionState
from processor.store import Store
from schemas.codec import write_record
from schemas.order import Link


@pytest.fixture
def disk(tmp_path):
    """Give stores by name, closed afterwards."""
    opened = {}

    def store(name="0"):
        if name not in opened:
            opened[name] = Store(tmp_path / name)
        return opened[name]

    yield store
    for it in opened.values():
        it.close()


async def judged_before(world, store, *events):
    """Have a lane judge events, and end it."""
    await world.publish(MARKER, *events)
    lane = world.start_lane(PartitionState(store, 0))
    await world.judged(1 + len(events), lane)
    await stop(lane)


def edit(store, **fields):
    """Change a store's row about itself."""
    store.write({META: orjson.dumps({**orjson.loads(store.get(META)), **fields})})


async def refused(task):
    """Return why a lane ended."""
    with pytest.raises(SourceLostError) as error:
        await asyncio.wait_for(task, 20)
    return str(error.value)


async def test_a_lane_goes_on_where_its_store_stands(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event(), event())
        await world.publish(event(), event("bob"))
        lane = world.start_lane(PartitionState(disk(), 0))
        assert offsets(await world.judged(5, lane)) == [0, 1, 2, 3, 4]
        await stop(lane)
        assert (total_of(disk()), total_of(disk(), "bob")) == ("3", "1")


async def test_a_lane_without_a_store_folds_and_concludes_the_same(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event(idempotencyKey="k"))
        await world.publish(event(idempotencyKey="k"), event())
        lane = world.start_lane(PartitionState(disk("other"), 0))
        records = await world.judged(4, lane)
        assert [it["outcome"] for it in records[1:]] == ["applied", "replayed", "applied"]
        await stop(lane)
        assert total_of(disk("other")) == "2"


async def test_a_marker_of_a_version_that_does_not_exist_stops_nobody(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        seat = world.seat()
        known = seat.game
        seat = replace(seat, game=lambda tenant, it: known(tenant, it) if it < 99 else None)
        await world.publish(MARKER, {"type": "definitions", "version": 99}, event())
        lane = world.start_lane(PartitionState(disk(), 0), seat)
        records = await world.judged(3, lane)
        assert [it["outcome"] for it in records] == ["applied", "dead", "applied"]
        await stop(lane)


# What a lane notices at its start


async def test_a_store_ahead_of_the_ledger_is_thrown_away(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk(), event())
        edit(disk(), ledger=99, applied=98, last=[0, 97, "gone"])
        disk().write({b"sdefault\0ada": b"{}"})
        await world.publish(event())
        lane = world.start_lane(PartitionState(disk(), 0))
        await world.judged(3, lane)
        await stop(lane)
        assert total_of(disk()) == "2"


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
        assert (total_of(disk()), total_of(disk(), "bob")) == ("4", None)


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
        lane = world.start_lane(PartitionState(disk(), 0), world.seat(epoch=1))
        records = await world.judged(7, lane)
        assert [it["id"] for it in records[2:]] == [f"1-0-{n}" for n in range(5)]
        await stop(lane)
        assert total_of(disk()) == "6"


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
        async with asyncio.timeout(20):
            while total_of(disk()) != "2":
                await asyncio.sleep(0.05)
        assert not lane.done()


async def test_a_worker_that_knows_an_older_epoch_than_the_ledger_is_refused(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER, event())
        lane = world.start_lane(PartitionState(disk(), 0), world.seat(epoch=2))
        await world.judged(2, lane)
        await stop(lane)
        why = await refused(world.start_lane(PartitionState(disk(), 0), world.seat(epoch=1)))
        assert "has records of epoch 2, but" in why
        assert "start the worker again" in why


async def test_an_event_that_was_forwarded_is_known_again_by_its_first_append_time(
    stack, prefix, disk
):
    async with judging(stack.kafka, prefix) as world:
        await judged_before(world, disk())
        raw = orjson.dumps(event())
        told = [("xp-forwarded", b"0-7-1"), ("xp-time", b"1772452800123")]
        await world.sender.send_and_wait(world.topics.events, raw, partition=0, headers=told)
        lane = world.start_lane(PartitionState(disk(), 0))
        await world.judged(2, lane)
        await stop(lane)
        assert PartitionState(disk(), 0).appended == "2026-03-02T12:00:00.123000Z"
        await world.publish(event())
        await world.judged(3, world.start_lane(PartitionState(disk(), 0)))


# Two lanes on one partition


class Newer(KafkaLedger):
    """Stamps its records as other rules would."""

    async def append(self, batch, expected):
        for judged in batch:
            judged.record["rules"] = RULES + 1
        stamped = [it._replace(raw=write_record(it.record)) for it in batch]
        return await super().append(stamped, expected)


@pytest.mark.parametrize("rules", ["the same", "others"])
async def test_of_two_lanes_on_one_partition_every_event_counts_once(stack, prefix, disk, rules):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER)
        # The second judges to another result, and has a producer of its own as another worker has.
        other = await world.another_writer()
        newer = Newer(world.connection, other, world.topics.ledger, 0)
        same = KafkaLedger(world.connection, other, world.topics.ledger, 0)
        first = world.start_lane(PartitionState(disk("first"), 0), world.seat(points=10))
        await world.judged(1, first)
        second = (
            world.start_lane(PartitionState(disk("second"), 0), world.seat(points=20), newer)
            if rules == "others"
            else world.start_lane(PartitionState(disk("second"), 0), world.seat(points=10), same)
        )
        for _ in range(60):
            await world.publish(event(idempotencyKey="always"), event(), event("bob"))
        await world.judged(181, first, second)
        skipped = (await world.read())[1]
        # Which of the two wins a race is chance; the second wins the last, being alone then.
        await stop(first)
        await world.publish(event())
        records = await world.judged(182, second)
        await stop(second)
        assert offsets(records) == list(range(182))
        assert len({it["lane"] for it in records}) == 2
        assert skipped > 0
        if rules == "others":
            assert {it["rules"] for it in records} == {RULES, RULES + 1}
        balances: dict[str, int] = {}
        for record in records:
            for entry in record["entries"]:
                if entry["kind"] == "points":
                    user = record["user"]
                    balances[user] = balances.get(user, 0) + entry["awarded"]
                    assert entry["total"] == balances[user]
        assert sum(it["outcome"] == "applied" for it in records) == 123
        # Whoever starts next folds to the same.
        for name in ("first", "second", "third"):
            lane = world.start_lane(PartitionState(disk(name), 0))
            await world.folded(disk(name))
            await stop(lane)
            assert (total_of(disk(name)), total_of(disk(name), "bob")) == ("62", "60")


async def test_a_lane_notices_another_at_its_next_append_and_goes_on(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER)
        other = await world.another_writer()
        ledger = KafkaLedger(world.connection, other, world.topics.ledger, 0)
        first = world.start_lane(PartitionState(disk("first"), 0))
        await world.judged(1, first)
        before = recoveries()
        # It stands in for a lane that went on while this one was stopped.
        await ledger.append([stray(disk("stray"))], 1)
        await world.publish(event(), event())
        assert offsets(await world.judged(3, first)) == [0, 1, 2]
        assert recoveries() > before
        assert (await world.read())[1] >= 1
        await stop(first)
        assert total_of(disk("first")) == "2"


def recoveries():
    return REGISTRY.get_sample_value("xp_lane_recoveries_total")


def stray(store):
    """Return a record that was judged on what never came to be."""
    seat = Seat(0, 1, 0, "stray", lambda _tenant, _version: None)
    state = PartitionState(store, 0)
    state.last = Link(0, 7, "nobody")
    return judge(seat, state, Message(8, 0, b"", b"no event", ()))


# A crash between forwarding and recording


class CrashError(Exception):
    """The process ends here."""


async def test_an_event_that_is_forwarded_twice_counts_once(stack, prefix, disk, monkeypatch):
    async with judging(stack.kafka, prefix, partitions=2) as world:
        user = next(it for it in map(str, range(99)) if partition_of(it.encode(), 2) == 1)
        for partition in (0, 1):
            await world.publish(MARKER, partition=partition)
        await world.publish(event(user), partition=0)

        def crash(name):
            if name == "lane.sent":
                raise CrashError

        monkeypatch.setattr("processor.lane.reach", crash)
        with pytest.raises(CrashError):
            await world.start_lane(PartitionState(disk("0"), 0), world.seat(0, 2))
        monkeypatch.undo()
        wrong = world.start_lane(PartitionState(disk("0"), 0), world.seat(0, 2))
        here = await world.judged(2, wrong)
        right = world.start_lane(PartitionState(disk("1"), 1), world.seat(1, 2))
        there = await world.judged(3, right, partition=1)
        assert [it["outcome"] for it in here] == ["applied", "forwarded"]
        assert [it["outcome"] for it in there] == ["applied", "applied", "replayed"]
        assert [it["id"] for it in there[1:]] == ["0-0-1", "0-0-1"]
        for lane in (wrong, right):
            await stop(lane)
        assert total_of(disk("1"), user, 1) == "1"
