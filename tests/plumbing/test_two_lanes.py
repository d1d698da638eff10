"""Two lanes on one partition of real topics, and a crash between what a lane does: once counts."""

import pytest
from msgspec.structs import replace
from plumbing.interleaving import HeldLedger
from plumbing.judging import MARKER, event, judging, offsets, total_of
from plumbing.running import meanwhile, stop
from prometheus_client import REGISTRY

from broker.partitions import partition_of
from processor.judge import judge
from processor.ledger import KafkaLedger
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.rules import RULES
from schemas.codec import write_record
from schemas.entries import PointsEntry
from schemas.order import Link
from schemas.records import event_id_of, link_of

ROUNDS = 10


class Newer(KafkaLedger):
    """Stamps its records as other rules would."""

    async def append(self, batch, expected):
        for pending in batch:
            pending.record.rules = RULES + 1
        stamped = [replace(it, raw=write_record(it.record)) for it in batch]
        return await super().append(stamped, expected)


@pytest.mark.parametrize("rules", ["the same", "others"])
async def test_of_two_lanes_on_one_partition_every_event_counts_once(stack, prefix, disk, rules):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER)
        # The second judges to another result, and has a producer of its own as another worker has.
        other = await world.another_writer()
        newer = Newer(world.connection, other, world.topics.ledger, 0)
        same = world.ledger(writer=other)
        # Each is let through by hand: which of the two wins a race is chance otherwise.
        ledgers = [HeldLedger(world.ledger()), HeldLedger(newer if rules == "others" else same)]
        first = world.start_lane(
            PartitionState(disk("first"), 0), world.context(points=10), ledgers[0]
        )
        await meanwhile(ledgers[0].let_through(), first)
        await world.judged(1, first)
        second = world.start_lane(
            PartitionState(disk("second"), 0),
            world.context(points=20 if rules == "others" else 10),
            ledgers[1],
        )
        for number in range(ROUNDS):
            for _ in range(6):
                await world.publish(event(idempotencyKey="always"), event(), event("bob"))
            # Both have judged some of the same events; they win in turns.
            for ledger in ledgers:
                await meanwhile(ledger.held(), first, second)
            for ledger in (ledgers[number % 2], ledgers[1 - number % 2]):
                await meanwhile(ledger.let_through(), first, second)
        for ledger in ledgers:
            ledger.open()
        await world.judged(181, first, second)
        skipped = (await world.read())[1]
        # The second wins the last, being alone then.
        await stop(first)
        await world.publish(event())
        records = await world.judged(182, second)
        await stop(second)
        assert offsets(records) == list(range(182))
        assert len({link_of(it).lane for it in records}) == 2
        assert skipped >= ROUNDS
        if rules == "others":
            assert {it.rules for it in records} == {RULES, RULES + 1}
        balances: dict[str, int] = {}
        for record in records:
            for entry in record.entries:
                if isinstance(entry, PointsEntry):
                    user = record.user
                    balances[user] = balances.get(user, 0) + entry.awarded
                    assert entry.total == balances[user]
        assert sum(it.outcome == "applied" for it in records) == 123
        # Whoever starts next folds to the same.
        for name in ("first", "second", "third"):
            lane = world.start_lane(PartitionState(disk(name), 0))
            await world.folded(disk(name))
            await stop(lane)
            assert (total_of(disk(name)), total_of(disk(name), "bob")) == (62, 60)


async def test_a_lane_notices_another_at_its_next_append_and_goes_on(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        await world.publish(MARKER)
        ledger = world.ledger(writer=await world.another_writer())
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
        assert total_of(disk("first")) == 2


def recoveries():
    return REGISTRY.get_sample_value("xp_lane_recoveries_total")


def stray(store):
    """Return a record that was judged on what never came to be."""
    context = LaneContext(0, 1, 0, "stray", lambda _tenant, _version: None)
    state = PartitionState(store, 0)
    state.last = Link(0, 7, "nobody")
    return judge(context, state, Message(8, 0, b"", b"no event", ()))


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
            await world.start_lane(PartitionState(disk("0"), 0), world.context(0, 2))
        monkeypatch.undo()
        wrong = world.start_lane(PartitionState(disk("0"), 0), world.context(0, 2))
        here = await world.judged(2, wrong)
        right = world.start_lane(PartitionState(disk("1"), 1), world.context(1, 2))
        there = await world.judged(3, right, partition=1)
        assert [it.outcome for it in here] == ["applied", "forwarded"]
        assert [it.outcome for it in there] == ["applied", "applied", "replayed"]
        assert [event_id_of(it) for it in there[1:]] == ["0-0-1", "0-0-1"]
        for lane in (wrong, right):
            await stop(lane)
        assert total_of(disk("1"), user, 1) == 1
