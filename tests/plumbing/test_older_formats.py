"""What an older program left on real topics and on disk: its stores, its snapshots, its records."""

import json
from typing import Any

import orjson
import pytest
from parts.files import counted
from parts.ledgers import lines, mixed, rulesets
from plumbing.judging import event, judging
from plumbing.places import BEGUN, EVENTS, TAKES
from plumbing.running import stop

from broker.finder import find_record
from processor.partition_state import PartitionState
from processor.rows import META
from processor.snapshots import MANIFEST, _sum_of
from processor.store import FORMAT, FORMAT_KEY, Store
from schemas.records import event_id_of

# A user and the partition as the format 3 had them.
OLD_USER = {"time": "2026-03-02T12:00:00Z", "series": {"commits": ["77", "77"]}}
OLD_META = {"ledger": BEGUN, "applied": BEGUN - 1, "last": [0, BEGUN - 1, "lane"], "versions": {}}


def make_old(store):
    """Make a store one of the older format."""
    rows = [(FORMAT_KEY, b"3"), (b"sdefault\0ada", orjson.dumps(OLD_USER))]
    store.write([*rows, (META, orjson.dumps(OLD_META))])
    store.close()


async def test_a_store_of_the_older_format_is_thrown_away_and_folded_again(place):
    assert FORMAT > b"3"
    make_old(Store(place.path / "first" / "0"))
    before = counted("stores_discarded", reason="format")
    await place.world.publish(EVENTS[5], EVENTS[0])
    records, folds = await place.work("first", BEGUN + 2)
    assert counted("stores_discarded", reason="format") == before + 1
    assert folds == [0]
    # The key of the first event is known again as well.
    assert [it.outcome for it in records[-2:]] == ["applied", "replayed"]
    assert place.total("first") == 6
    store = Store(place.path / "first" / "0")
    assert store.get(FORMAT_KEY) == FORMAT
    store.close()


async def test_snapshots_of_the_older_format_are_passed_over_too(place):
    make_old(Store(place.path / "first" / "0"))
    (snapshot,) = place.snapshots.found()
    manifest = json.loads((snapshot.path / MANIFEST).read_bytes())
    manifest["format"] = "3"
    del manifest["sum"]
    (snapshot.path / MANIFEST).write_bytes(orjson.dumps({**manifest, "sum": _sum_of(manifest)}))
    before = counted("snapshots_skipped", reason="format")
    await place.world.publish(EVENTS[5])
    _records, folds = await place.work("first", BEGUN + 1, **TAKES)
    assert counted("snapshots_skipped", reason="format") > before
    assert folds == [0]
    assert place.total("first") == 6


# Records. The events that they were made of are gone: the topic has begun anew, in another epoch.


def following(world, name):
    """Return the context of a lane that goes on where a ledger of then ends."""
    rules = rulesets(name)
    context = world.context(epoch=1)
    context.ruleset = lambda _tenant, version: rules[version]
    return context


async def append(world, raws):
    for raw in raws:
        await world.sender.send(world.topics.ledger, raw, partition=0)
    await world.sender.flush()


def rows(store):
    """Return what a store has, but for where it stands, which names the lane of the last record."""
    return [it for it in store.scan(b"", 1_000_000) if it[0] != META]


NAMES = ("rules-0", "rules-5")
TWO = "two programs in turns"


@pytest.mark.parametrize("name", NAMES)
async def test_records_of_two_versions_are_folded_to_the_same_as_those_of_one(
    stack, prefix, disk, name
):
    found: list[Any] = []
    for mix in (TWO, "version 2 throughout"):
        async with judging(stack.kafka, f"{prefix}{len(found)}") as world:
            await append(world, mixed(name, mix))
            lane = world.start_lane(PartitionState(disk(mix), 0), following(world, name))
            await world.folded(disk(mix))
            await stop(lane)
            records, skipped = await world.read()
            assert (len(records), skipped) == (len(lines(name)), 0)
            # Single records are found among them.
            for it in records[::40]:
                assert await find_record(world.connection, world.topics, event_id_of(it)) == it
            found.append((disk(mix).scan(b"", 1_000_000), records))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", NAMES)
async def test_a_lane_goes_on_after_records_of_two_versions(stack, prefix, disk, name):
    async with judging(stack.kafka, prefix) as world:
        raws = mixed(name, TWO)
        await append(world, raws)
        count = len(raws)
        await world.publish(event("ada"), event("ada"), event("new"))
        lane = world.start_lane(PartitionState(disk("live"), 0), following(world, name))
        records = (await world.judged(count + 3, lane))[count:]
        await stop(lane)
        assert [(it.v, it.source.epoch, it.source.offset) for it in records] == [
            (2, 1, 0),
            (2, 1, 1),
            (2, 1, 2),
        ]
        assert {it.outcome for it in records} <= {"applied", "refused"}
        assert records[2].outcome == "applied"
        # Who folds it all comes to what was judged live.
        lane = world.start_lane(PartitionState(disk("later"), 0), following(world, name))
        await world.folded(disk("later"))
        await stop(lane)
        assert rows(disk("later")) == rows(disk("live"))
        later, live = (PartitionState(disk(it), 0) for it in ("later", "live"))
        assert (later.position, later.versions) == (live.position, live.versions)
