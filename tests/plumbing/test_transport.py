"""The transport on a real Kafka: who gets which partitions, who leaves, what counts as a stall."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from faust.types import TP
from plumbing.running import PATIENCE_S

from broker.connection import Connection
from broker.producer import producer as new_producer
from broker.topics import create_topics
from processor.app import build_app
from processor.partition_loops import PartitionLoops
from processor.watchdog import BrokerEnds, Watchdog
from schemas.topics import Topics

PARTITIONS = 4
LOOKS = 4
# Far less than a fetch waits for, and far more than an answer takes.
AT_ONCE_S = 1.5
# No member is taken for dead here because this machine is slow. Faust wants less than what a
# request may take.
SESSION_TIMEOUT_S = 25.0


class Worker:
    """A Faust app with loops that only note what they get."""

    def __init__(self, name, connection, topics, home):
        self.got = []
        self.opens = True
        self.lanes = PartitionLoops(
            "judge", lambda number: Noting(self, topics.events, number), self.fail
        )
        self.announcers = PartitionLoops("announce", lambda _number: Idle(), self.fail)
        self.assembly = build_app(
            connection,
            topics,
            lanes=self.lanes,
            announcers=self.announcers,
            instance=name,
            data_dir=home / name,
        )

    def fail(self, error):
        raise error

    @property
    def consumer(self):
        return self.assembly.consumer

    def held(self, topic):
        return {tp.partition for tp in self.consumer.assignment() if tp.topic == topic}

    async def stop(self):
        await self.lanes.stop()
        await self.announcers.stop()
        await self.assembly.app.stop()


class Noting:
    """A loop that takes everything from the first record on."""

    def __init__(self, worker, topic, partition):
        self.worker, self.topic, self.partition = worker, topic, partition

    def put(self, _start, messages):
        self.worker.got += [(self.partition, it.offset) for it in messages]

    async def run(self):
        if self.worker.opens:
            self.worker.consumer.start_at(self.topic, self.partition, 0)
        await asyncio.Event().wait()


class Idle:
    """A loop that asks for nothing."""

    def put(self, _start, _messages):
        raise AssertionError("nothing was asked for")

    async def run(self):
        await asyncio.Event().wait()


@pytest.fixture
async def group(stack, prefix, tmp_path, monkeypatch):
    """Return topics of the test's own, and `start`, which gives a worker that is assigned."""
    monkeypatch.setattr("processor.app.SESSION_TIMEOUT_S", SESSION_TIMEOUT_S)
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, PARTITIONS)
    async with AsyncExitStack() as opened:

        async def start(name, **fields):
            (tmp_path / name).mkdir(exist_ok=True)
            worker = Worker(name, connection, topics, tmp_path)
            vars(worker).update(fields)
            await worker.assembly.app.start()
            opened.push_async_callback(worker.stop)
            await until(lambda: worker.held(topics.events))
            return worker

        yield SimpleNamespace(start=start, topics=topics, connection=connection)


async def until(holds, patience_s=PATIENCE_S):
    async with asyncio.timeout(patience_s):
        while not holds():
            await asyncio.sleep(0.05)


async def a_fetch_waits(worker):
    """Return once a fetch is under way that brings nothing for now."""
    fetcher = worker.consumer._fetching._consumer._fetcher
    await until(lambda: fetcher._in_flight and len(worker.consumer._due) == PARTITIONS)
    await asyncio.sleep(0.3)


async def send(group, partition=0, **options):
    async with new_producer(group.connection) as producer:
        await producer.send_and_wait(group.topics.events, b"{}", partition=partition, **options)


async def members(group):
    admin = AIOKafkaAdminClient(**group.connection.options())
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([f"{group.topics.prefix}worker"])
    finally:
        await admin.close()
    (found,) = answer.to_object()["groups"]
    return len(found["members"])


@asynccontextmanager
async def watched(group, worker):
    """Give a watchdog of a worker, and the reasons for which it would have ended it."""
    reasons: list[str] = []
    ends = BrokerEnds(group.connection, group.topics.events)
    dog = Watchdog(worker.consumer, ends, end=reasons.append, looks_max=LOOKS, slow_looks_max=1000)
    try:
        yield dog, reasons
    finally:
        await ends.close()


async def looked_at(group, worker):
    """Return why a watchdog would have ended the worker, in three times as many looks as it takes.

    All that can be delivered has been: nothing is on its way.
    """
    async with watched(group, worker) as (dog, reasons):
        for _ in range(3 * LOOKS):
            await dog.look()
            await asyncio.sleep(0.1)
    return reasons


async def stalled(group, worker):
    """Return why a watchdog ends the worker, sooner or later."""
    async with watched(group, worker) as (dog, reasons), asyncio.timeout(PATIENCE_S):
        while not reasons:
            await dog.look()
            await asyncio.sleep(0.1)
    return reasons[0]


async def test_a_join_moves_few_partitions_and_leaves_nobody_idle_and_both_topics_together(group):
    events, ledger = group.topics.events, group.topics.ledger
    first = await group.start("first")
    second = await group.start("second")
    await until(lambda: len(first.held(events)) == len(second.held(events)) == PARTITIONS // 2)
    before = first.held(events)
    assert before == first.held(ledger)
    assert second.held(events) == second.held(ledger) == set(range(PARTITIONS)) - before

    third = await group.start("third")
    await until(lambda: len(third.held(events)) == 1)
    kept = (first.held(events) & before) | (second.held(events) - before)
    assert len(kept) >= PARTITIONS // 2
    assert len(first.held(events)) + len(second.held(events)) == PARTITIONS - 1


async def test_who_leaves_is_out_of_the_group_at_once_and_the_others_take_over(group):
    first = await group.start("first")
    second = await group.start("second")
    await until(lambda: len(second.held(group.topics.events)) == PARTITIONS // 2)
    assert await members(group) == 2
    await second.consumer.leave()
    assert await members(group) == 1
    await until(lambda: len(first.held(group.topics.events)) == PARTITIONS)


async def test_who_returns_under_the_same_name_finds_its_partitions(group):
    first = await group.start("first")
    second = await group.start("second")
    await until(
        lambda: (
            len(first.held(group.topics.events)) == PARTITIONS // 2
            # Faust counts a generation when it has taken all of it in: alone, and beside another.
            and first.assembly.app.consumer_generation_id >= 2
        )
    )
    held = second.held(group.topics.events)
    generation = first.assembly.app.consumer_generation_id
    await second.stop()
    again = await group.start("second")
    assert again.held(group.topics.events) == held
    assert first.assembly.app.consumer_generation_id == generation


async def test_a_fetch_that_never_returns_is_a_stall(group, monkeypatch):
    worker = await group.start("first")
    await send(group)
    await until(lambda: worker.got == [(0, 0)])
    assert not await looked_at(group, worker)

    hangs = asyncio.Event()

    async def hang(*_args, **_options):
        hangs.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(worker.consumer, "_getmany", hang)
    # The fetch that is under way may still bring what comes.
    await until(hangs.is_set)
    await send(group)
    assert f"{group.topics.events}/0" in await stalled(group, worker)
    assert worker.got == [(0, 0)]


async def test_a_chunk_that_does_not_reach_its_loop_is_a_stall(group):
    worker = await group.start("first")

    async def hang(_message):
        await asyncio.Event().wait()

    # Where Faust looks up who gets a message.
    handlers = worker.consumer.app.topics._tp_to_callback
    handlers.update(dict.fromkeys(worker.consumer.assignment(), hang))
    await send(group)
    assert f"{group.topics.events}/0" in await stalled(group, worker)
    assert not worker.got


async def test_a_lost_membership_that_nobody_would_notice_is_found(group):
    worker = await group.start("first")
    assert (await worker.consumer.pulse()).member
    coordinator = worker.consumer._thread._ensure_consumer()._coordinator
    coordinator._pending_exception = RuntimeError("which waits for somebody to ask")
    assert not (await worker.consumer.pulse()).member


async def test_a_partition_that_its_loop_holds_back_is_no_stall(group, monkeypatch):
    worker = await group.start("first")
    await send(group)
    await until(lambda: worker.got)
    fetched = []
    fetch = worker.consumer._getmany

    def noting(active, timeout):
        fetched.append(active)
        return fetch(active, timeout)

    monkeypatch.setattr(worker.consumer, "_getmany", noting)
    worker.consumer.pause(group.topics.events, 0)
    # The fetch that was under way is over.
    await until(lambda: fetched and (group.topics.events, 0) not in fetched[-1])
    await send(group)
    assert not await looked_at(group, worker)
    assert len(worker.got) == 1
    worker.consumer.resume(group.topics.events, 0)
    await until(lambda: len(worker.got) == 2)


async def test_a_partition_that_is_read_from_elsewhere_waits_for_no_fetch(group):
    worker = await group.start("first")
    await send(group)
    await until(lambda: worker.got == [(0, 0)])
    for number in range(2, 6):
        await a_fetch_waits(worker)
        worker.consumer.start_at(group.topics.events, 0, 0)
        await until(lambda count=number: worker.got == [(0, 0)] * count, AT_ONCE_S)
    # The others are read on from where they were.
    await send(group, 1)
    await until(lambda: worker.got[-1] == (1, 0), AT_ONCE_S)


async def test_a_partition_that_is_delivered_again_waits_for_no_fetch(group):
    worker = await group.start("first")
    await a_fetch_waits(worker)
    worker.consumer.pause(group.topics.events, 0)
    await send(group)
    # So long that what was fetched of it has to be taken before it is fetched again.
    await asyncio.sleep(0.5)
    await send(group)
    assert not worker.got
    worker.consumer.resume(group.topics.events, 0)
    await until(lambda: worker.got == [(0, 0), (0, 1)], AT_ONCE_S)


async def test_what_was_fetched_of_a_revoked_partition_is_dropped(group, monkeypatch):
    worker = await group.start("first")
    await a_fetch_waits(worker)
    fetch = worker.consumer._getmany
    revoked = TP(group.topics.events, 0)

    async def revoke_meanwhile(active, seconds):
        found = await fetch(active, seconds)
        if revoked in found:
            worker.consumer._forget({revoked})
        return found

    monkeypatch.setattr(worker.consumer, "_getmany", revoke_meanwhile)
    # The fetch that is under way is of the other kind.
    worker.consumer.pause(group.topics.events, 3)
    await send(group)
    await send(group, 1)
    await until(lambda: worker.got == [(1, 0)])
    await send(group)
    await send(group, 1)
    await until(lambda: worker.got == [(1, 0), (1, 1)])
    # Assigned anew, its lane says from where it is read.
    worker.consumer.start_at(group.topics.events, 0, 1)
    monkeypatch.setattr(worker.consumer, "_getmany", fetch)
    await until(lambda: worker.got[-1] == (0, 1))


async def test_the_consumer_of_the_group_fetches_nothing(group):
    worker = await group.start("first")
    await send(group)
    await until(lambda: worker.got)
    member = worker.consumer._thread._ensure_consumer()
    assert member.paused() == member.assignment() != set()
    assert not member._fetcher._records


async def test_a_partition_whose_loop_still_folds_is_no_stall(group):
    worker = await group.start("first", opens=False)
    await send(group)
    assert not await looked_at(group, worker)
    assert not worker.got


async def test_marks_of_transactions_which_are_never_delivered_are_no_stall(group):
    worker = await group.start("first")
    async with (
        AIOKafkaProducer(
            **group.connection.options(), transactional_id=f"{group.topics.prefix}marks"
        ) as producer,
        producer.transaction(),
    ):
        await producer.send_and_wait(group.topics.events, b"{}", partition=0)
    await until(lambda: worker.got == [(0, 0)])
    # The mark has the second offset: in the end nobody waits for it.
    async with asyncio.timeout(PATIENCE_S):
        while (await worker.consumer.pulse()).awaited[group.topics.events, 0] != 2:
            await asyncio.sleep(0.05)
    assert not await looked_at(group, worker)
