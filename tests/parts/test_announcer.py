"""When the announcer sends: what a lane appends within a moment goes out together, and in order."""

import asyncio
import json
import time
from contextlib import asynccontextmanager

from broker.connection import Connection
from processor import announcer
from processor.announcer import CHUNK_RECORDS_MAX, Announcer
from processor.recent import RecentRecords
from schemas.entries import LevelEntry, PointsEntry
from schemas.records import RECORD_VERSION, Record, Source, link_of
from schemas.topics import Topics

TOPICS = Topics()
PATIENCE_S = 5
FOR_EVER_S = 1e9


class Batch:
    """A batch that takes whatever it is given."""

    def __init__(self):
        self.values = []

    def append(self, **given):
        self.values.append(json.loads(given["value"]))
        return object()


class Producer:
    """Notes what is sent, by topic; acknowledges at once, unless it is held."""

    def __init__(self):
        self.sent = []
        self.free = asyncio.Event()
        self.free.set()

    def create_batch(self):
        return Batch()

    async def send_batch(self, batch, topic, **_):
        self.sent.append((topic, [it["total"] for it in batch.values]))
        return asyncio.ensure_future(self.free.wait())

    def totals(self, topic):
        return [total for name, totals in self.sent if name == topic for total in totals]


class NoFeed:
    """The feed of a group that has committed nothing, and of a ledger that need not be read."""

    def __init__(self):
        self.hints = []

    def start_at(self, topic, partition, offset):
        raise AssertionError(f"{topic}/{partition} is read from {offset} on")

    def pause(self, topic, partition):
        raise AssertionError(f"{topic}/{partition} was not read")

    resume = pause

    async def bounds(self, topic, partition):
        raise AssertionError(f"{topic}/{partition} need not be read")

    async def committed(self, _topic, _partition):
        return None

    def hint(self, _topic, _partition, offset, _metadata=""):
        self.hints.append(offset)


class Lane:
    """Appends records to the window, each with an award of points."""

    def __init__(self, recent):
        self.recent = recent
        self.count = 0
        self.last = None
        recent.open_at(0)

    def append(self, count=1):
        records = []
        for total in range(self.count, self.count + count):
            record = Record(
                RECORD_VERSION,
                Source(0, 0, total),
                after=self.last,
                appended=1_000 * total,
                definitions=1,
                rules=1,
                user="ada",
                entries=[PointsEntry("xp", "t0", 1, total), LevelEntry("xp", None, "one", total)],
                lane="lane-1",
            )
            self.last = link_of(record)
            records.append(record)
        self.count += count
        self.recent.add(records)


@asynccontextmanager
async def announcing():
    recent, producer, feed = RecentRecords(), Producer(), NoFeed()
    loop = Announcer(
        partition=0,
        feed=feed,
        producer=producer,
        connection=Connection("nowhere:1"),
        topics=TOPICS,
        recent=recent,
    )
    lane = Lane(recent)
    running = asyncio.create_task(loop.run())
    try:
        yield lane, producer, feed
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_trickle_is_sent_a_few_times_and_in_order(monkeypatch):
    monkeypatch.setattr(announcer, "LINGER_S", 0.2)
    began = time.monotonic()
    async with announcing() as (lane, producer, feed):
        for _ in range(100):
            lane.append()
            await asyncio.sleep(0.01)
        await until(lambda: feed.hints[-1:] == [100])
    instants = (time.monotonic() - began) / 0.2
    for topic in (TOPICS.points_awarded, TOPICS.level_changed):
        assert producer.totals(topic) == list(range(100))
    # One for each instant, however long it took, one or two more, and the first at once.
    assert len(producer.sent) <= 2 * (instants + 3)


async def test_what_comes_after_a_quiet_moment_does_not_wait(monkeypatch):
    monkeypatch.setattr(announcer, "LINGER_S", 0.05)
    async with announcing() as (lane, _producer, feed):
        lane.append()
        await until(lambda: feed.hints == [1])
        await asyncio.sleep(0.12)
        monkeypatch.setattr(announcer, "LINGER_S", FOR_EVER_S)
        lane.append()
        await until(lambda: feed.hints == [1, 2])


async def test_a_full_chunk_does_not_wait(monkeypatch):
    monkeypatch.setattr(announcer, "LINGER_S", FOR_EVER_S)
    async with announcing() as (lane, producer, feed):
        lane.append()
        await until(lambda: feed.hints == [1])
        lane.append(CHUNK_RECORDS_MAX - 1)
        await asyncio.sleep(0.05)
        assert feed.hints == [1]
        lane.append()
        await until(lambda: feed.hints == [1, 1 + CHUNK_RECORDS_MAX])
        assert producer.totals(TOPICS.level_changed) == list(range(1 + CHUNK_RECORDS_MAX))


async def test_the_position_moves_once_every_topic_is_acknowledged():
    async with announcing() as (lane, producer, feed):
        producer.free.clear()
        lane.append()
        await until(lambda: len(producer.sent) == 2)
        await asyncio.sleep(0.05)
        assert feed.hints == []
        producer.free.set()
        await until(lambda: feed.hints == [1])


async def test_a_window_that_closes_meanwhile_ends_the_wait(monkeypatch):
    monkeypatch.setattr(announcer, "LINGER_S", FOR_EVER_S)
    async with announcing() as (lane, _producer, feed):
        lane.append()
        await until(lambda: feed.hints == [1])
        # The lane folds, and goes on at the same place.
        lane.recent.close()
        lane.recent.open_at(1)
        lane.append()
        await until(lambda: feed.hints == [1, 2])
