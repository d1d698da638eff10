"""One record among many, found by the id of its event: on a real Kafka, with a ledger by hand."""

from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer

from broker import finder
from broker.connection import Connection
from broker.finder import find_record
from broker.partitions import partition_of
from broker.topics import create_topics
from schemas.codec import write_record
from schemas.instants import MILLISECOND, read_instant
from schemas.records import RECORD_VERSION, Record, Source, link_of
from schemas.topics import Topics, user_key

PARTITIONS = 2


class Writer:
    """Writes records as lanes do, right or wrong, and remembers what counts."""

    def __init__(self, producer, topics, partition):
        self._producer = producer
        self._topics = topics
        self._partition = partition
        self.last = None

    def record(
        self, offset, *, lane="a", after="last", epoch=0, appended="2026-03-10T12:00:00Z", **more
    ):
        return Record(
            RECORD_VERSION,
            Source(epoch, self._partition, offset),
            after=self.last if after == "last" else after,
            appended=read_instant(appended) // MILLISECOND,
            definitions=1,
            rules=1,
            user=more.pop("user", "u"),
            lane=lane,
            **more,
        )

    async def run(self, offsets, *, lane="a", epoch=0, counts=True, **more):
        """Append a chain of records; one that does not count leaves the place of the last."""
        before = self.last
        for offset in offsets:
            await self.append(self.record(offset, lane=lane, epoch=epoch, **more))
        if not counts:
            self.last = before

    async def append(self, record):
        await self._producer.send(
            self._topics.ledger,
            write_record(record),
            partition=self._partition,
            timestamp_ms=record.appended,
        )
        self.last = link_of(record)


@asynccontextmanager
async def a_ledger(stack, prefix):
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, PARTITIONS)
    async with AIOKafkaProducer(**connection.options(), linger_ms=5) as producer:
        writers = [Writer(producer, topics, partition) for partition in range(PARTITIONS)]

        async def find(event_id):
            await producer.flush()
            return await find_record(connection, topics, event_id)

        yield writers, find


async def test_a_record_is_found_wherever_it_stands(stack, prefix, monkeypatch):
    # So that the search has to look for its place in a ledger that is written in no time.
    monkeypatch.setattr(finder, "APART_MAX", 40)
    monkeypatch.setattr(finder, "STRAY_MAX", 10)
    async with a_ledger(stack, prefix) as (writers, find):
        await writers[0].run(range(0, 3000, 3))
        await writers[0].run(range(0, 500, 5), epoch=1, lane="b")
        for offset in (0, 3, 1500, 2997):
            assert (await find(f"0-0-{offset}")).source == Source(0, 0, offset)
        for offset in (0, 5, 495):
            assert (await find(f"1-0-{offset}")).source == Source(1, 0, offset)
        for absent in ("0-0-1", "0-0-3000", "1-0-500", "2-0-0", "0-1-0", "0-9-0", "what"):
            assert await find(absent) is None, absent


async def test_what_the_chain_rule_skips_is_not_found(stack, prefix, monkeypatch):
    monkeypatch.setattr(finder, "APART_MAX", 40)
    monkeypatch.setattr(finder, "STRAY_MAX", 10)
    async with a_ledger(stack, prefix) as (writers, find):
        lane = writers[0]
        await lane.run(range(200))
        fork = lane.last
        # Another lane took over; what the first one had under way came to the log too, late.
        await lane.run(range(200, 208), lane="b")
        true = lane.last
        lane.last = fork
        await lane.run(range(200, 210), lane="a", counts=False)
        lane.last = true
        # The second one noticed, folded, and judged the rest of its batch again.
        await lane.run(range(208, 400), lane="b")
        # The last ones: the search takes its footing where the records are that do not count.
        for offset in (199, 200, 205, 207, 208, 209, 300, *range(237, 249)):
            found = await find(f"0-0-{offset}")
            assert link_of(found).lane == ("a" if offset < 200 else "b"), offset


async def test_a_lane_that_comes_back_after_long_does_not_lead_astray(stack, prefix, monkeypatch):
    monkeypatch.setattr(finder, "APART_MAX", 40)
    monkeypatch.setattr(finder, "STRAY_MAX", 10)
    async with a_ledger(stack, prefix) as (writers, find):
        lane = writers[0]
        await lane.run(range(100))
        fork = lane.last
        await lane.run(range(100, 500), lane="b")
        true = lane.last
        lane.last = fork
        # Right where the search looks first: ten records of a lane that slept.
        await lane.run(range(100, 110), lane="a", counts=False)
        lane.last = true
        await lane.run(range(500, 990), lane="b")
        for offset in (99, 100, 105, 109, 110, 499, 500, 700, 989):
            found = await find(f"0-0-{offset}")
            assert found is not None, offset
            assert link_of(found).lane == ("a" if offset < 100 else "b"), offset


@pytest.mark.parametrize("user", ["ann", "bob", "cem", "dee"])
async def test_a_forwarded_event_is_found_where_it_was_judged(stack, prefix, user, monkeypatch):
    monkeypatch.setattr(finder, "APART_MAX", 40)
    monkeypatch.setattr(finder, "STRAY_MAX", 10)
    right = partition_of(user_key("default", user), PARTITIONS)
    wrong = 1 - right
    async with a_ledger(stack, prefix) as (writers, find):
        await writers[right].run(range(100), appended="2026-03-10T09:00:00Z")
        await writers[wrong].run(range(7), appended="2026-03-10T11:00:00Z")
        event_id = f"0-{wrong}-7"
        await writers[wrong].append(writers[wrong].record(7, outcome="forwarded", user=user))
        assert await find(event_id) is None
        await writers[right].run(range(100, 150), appended="2026-03-10T12:00:01Z")
        await writers[right].append(
            writers[right].record(150, id=event_id, user=user, appended="2026-03-10T12:00:00Z")
        )
        await writers[right].run(range(151, 200), appended="2026-03-10T12:00:02Z")
        found = await find(event_id)
        assert (found.outcome, found.source) == ("applied", Source(0, right, 150))
