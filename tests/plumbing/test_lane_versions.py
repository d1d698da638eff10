"""Lanes and versions of the definitions on real topics: one tenant's stop nobody else's work."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from plumbing.judging import event, judging, total_of
from plumbing.running import PATIENCE_S, stop
from wording.definitions import game, per

from broker.connection import start_consumer, stop_consumer
from ops.apply import apply_game
from processor import rulesets
from processor.backfill import Backfill
from processor.clock import Clock
from processor.in_flight import InFlightBudget
from processor.partition_state import PartitionState
from processor.rules.compiling import compile_version
from processor.rulesets import Rulesets
from schemas.codec import write_version
from schemas.definitions import Definitions
from schemas.entries import PointsEntry
from schemas.versions import succeed

ONE = game(["commits"], points={"xp": per(1, 1)})
TWO = game(["commits"], points={"xp": per(1, 2)})
REASON = "the version in force cannot be used: ValueError('made by a newer program')"


class Compiler:
    """Compiles versions, but those of some tenants, as a program does that does not know a rule."""

    def __init__(self):
        self.refuses: set[tuple[str, int]] = set()

    def __call__(self, version):
        if (version.tenant, version.version) in self.refuses:
            raise ValueError("made by a newer program")
        return compile_version(version)


@pytest.fixture
def compiler(monkeypatch):
    made = Compiler()
    monkeypatch.setattr(rulesets, "compile_version", made)
    return made


async def apply(world, definitions: Definitions, tenant="default"):
    """Put definitions in force, with a marker on the one partition."""
    await apply_game(world.connection, world.topics, definitions, tenant=tenant)


def following(world):
    """Return the context of a lane that judges by what the topic of definitions has."""
    context = world.context()
    context.ruleset = world.rulesets.get
    return context


async def letters(world, count):
    """Return the first dead letters: value, and why."""
    consumer = AIOKafkaConsumer(**world.connection.options(), auto_offset_reset="earliest")
    await start_consumer(consumer)
    try:
        consumer.assign([TopicPartition(world.topics.dead_letters, 0)])
        async with asyncio.timeout(PATIENCE_S):
            found = [await consumer.getone() for _ in range(count)]
    finally:
        await stop_consumer(consumer)
    return [(json.loads(it.value), dict(it.headers)["xp-reason"].decode()) for it in found]


def companions(tools):
    """Make what runs beside a lane in a worker."""
    now = lambda: datetime.now(UTC)  # noqa: E731
    return Clock(tools, now, InFlightBudget()), Backfill(tools, asyncio.Semaphore(1), now)


async def test_a_version_that_cannot_be_used_stops_its_own_tenant_alone(
    stack, prefix, disk, compiler
):
    async with judging(stack.kafka, prefix) as world:
        for tenant in ("acme", "default"):
            await apply(world, ONE, tenant)
        await world.publish(event(tenant="acme"), event())
        lane = world.start_lane(PartitionState(disk(), 0), following(world))
        await world.judged(4, lane)
        await stop(lane)
        # The next program knows less, and begins with what this one has stored.
        compiler.refuses = {("acme", 1)}
        world.rulesets = Rulesets(world.rulesets._reader)
        events = [event(tenant="acme"), event(), event("eve", tenant="acme"), event("bob")]
        await world.publish(*events)
        lane = world.start_lane(PartitionState(disk(), 0), following(world), companions=companions)
        records = (await world.judged(8, lane))[4:]
        assert [it.outcome for it in records] == ["dead", "applied", "dead", "applied"]
        assert [it.reason for it in records] == [REASON, None, REASON, None]
        assert [it.user for it in records] == [None, "ada", None, "bob"]
        assert await letters(world, 2) == [(events[0], REASON), (events[2], REASON)]
        await stop(lane)
        users = [("default", "ada"), ("default", "bob"), ("acme", "ada"), ("acme", "eve")]
        totals = [total_of(disk(), user, tenant=tenant) for tenant, user in users]
        assert totals == [2, 1, 1, None]


async def test_a_marker_of_a_version_that_cannot_be_used_is_dead_and_the_lane_goes_on(
    stack, prefix, disk, compiler
):
    async with judging(stack.kafka, prefix) as world:
        for tenant in ("acme", "default"):
            await apply(world, ONE, tenant)
        lane = world.start_lane(PartitionState(disk(), 0), following(world), companions=companions)
        await world.judged(2, lane)
        # It is read when its marker comes, and not before.
        compiler.refuses = {("acme", 2)}
        for tenant in ("acme", "default"):
            await apply(world, TWO, tenant)
        await world.publish(event(tenant="acme"), event())
        marker, *records = (await world.judged(6, lane))[2:]
        assert marker.outcome == "dead"
        assert marker.reason == (
            "version 2 of tenant 'acme' cannot be used: ValueError('made by a newer program')"
        )
        assert [it.outcome for it in records] == ["applied"] * 3
        assert [it.definitions for it in records] == [2, 1, 2]
        awards = [it.awarded for it in entries_of(records, PointsEntry)]
        assert awards == [1, 2]
        ((words, reason),) = await letters(world, 1)
        assert (words, reason) == (
            {"type": "definitions", "tenant": "acme", "version": 2},
            marker.reason,
        )


async def test_a_newer_version_that_can_be_used_brings_a_tenant_back(stack, prefix, disk, compiler):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, ONE)
        lane = world.start_lane(PartitionState(disk(), 0), following(world))
        await world.judged(1, lane)
        await stop(lane)
        compiler.refuses = {("default", 1)}
        world.rulesets = Rulesets(world.rulesets._reader)
        await world.publish(event())
        await apply(world, TWO)
        await world.publish(event())
        lane = world.start_lane(PartitionState(disk(), 0), following(world))
        records = await world.judged(4, lane)
        assert [it.outcome for it in records] == ["applied", "dead", "applied", "applied"]
        assert records[-1].definitions == 2


async def test_a_lane_goes_on_past_the_marker_of_a_version_that_cannot_be_read(stack, prefix, disk):
    async with judging(stack.kafka, prefix) as world:
        now = datetime.now(UTC)
        theirs, ours = (write_version(succeed(None, ONE, it, now)) for it in ("acme", "default"))
        newer = theirs.replace(b'"tenant"', b'"unheardOf": 1, "tenant"')
        for raw in (newer, ours):
            await world.sender.send_and_wait(world.topics.definitions, raw)
        marker = {"type": "definitions", "version": 1}
        await world.publish({**marker, "tenant": "acme"}, marker, event())
        lane = world.start_lane(PartitionState(disk(), 0), following(world))
        records = await world.judged(3, lane)
        assert [it.outcome for it in records] == ["dead", "applied", "applied"]
        assert "unheardOf" in records[0].reason


async def test_a_thousand_markers_of_versions_that_do_not_exist_cost_one_look_at_the_definitions(
    stack, prefix, disk, monkeypatch
):
    async with judging(stack.kafka, prefix) as world:
        await apply(world, ONE)
        looks = 0
        refresh = world.rulesets.refresh

        async def counted():
            nonlocal looks
            looks += 1
            await refresh()

        monkeypatch.setattr(world.rulesets, "refresh", counted)
        markers = [{"type": "definitions", "version": it} for it in range(1000, 2000)]
        await world.publish(*markers, event())
        await apply(world, TWO)
        await world.publish(event())
        lane = world.start_lane(PartitionState(disk(), 0), following(world))
        records = await world.judged(1004, lane)
        outcomes = Counter(it.outcome for it in records)
        assert outcomes == {"applied": 4, "dead": 1000}
        assert [it.definitions for it in records[-3:]] == [1, 2, 2]
        # A look covers all that has come by then: how much that is, is up to the fetches.
        assert looks <= 20


def entries_of(records, kind):
    """Return the entries of one kind, in order."""
    return [it for record in records for it in record.entries if isinstance(it, kind)]
