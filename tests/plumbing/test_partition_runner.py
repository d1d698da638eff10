"""A worker's care for one partition: snapshots left, taken over, passed over if no good."""

import shutil

import pytest
from parts.files import counted, largest, spoil
from plumbing.judging import event
from plumbing.places import EAGER, EVENTS, MUCH, TAKES

from processor.partition_meta import PartitionMeta
from processor.snapshots import MANIFEST
from schemas.order import Link


async def test_what_took_long_to_fold_is_left_at_once(place):
    await place.world.publish(*EVENTS[5:], event(), event(), event())
    await place.work("second", 14, **MUCH)
    assert next(iter(place.snapshots.found())).ledger == 14


async def test_a_snapshot_of_a_store_that_was_damaged_unnoticed_is_taken_back(place, tmp_path):
    (good,) = place.snapshots.found()
    bad = tmp_path / "bad"
    shutil.copytree(good.path, bad)
    (bad / MANIFEST).unlink()
    # The rows, which nobody has read since; what is read at the opening lies behind them.
    spoil(largest(bad), 0.02)
    meta = PartitionMeta(ledger=good.ledger, applied=good.applied, last=good.last)
    shutil.rmtree(good.path)
    path = place.snapshots.leave(bad, meta, lambda: False)
    records, folds = await place.work("bare", 6, **TAKES)
    assert (len(records), folds[-1], path.exists()) == (6, 0, False)
    assert place.total("bare") == 5


async def test_a_bare_worker_takes_a_snapshot_over_and_folds_the_rest(place):
    assert next(iter(place.snapshots.found())).ledger == 6
    await place.world.publish(*EVENTS[5:7])
    await place.work("first", 8)
    # A key that was used before the snapshot, one used after it, and a new one.
    await place.world.publish(EVENTS[0], EVENTS[6], EVENTS[9])
    before = counted("snapshots_loaded")
    records, folds = await place.work("bare", 11, **TAKES)
    assert folds == [6]
    assert [it.outcome for it in records[-3:]] == ["replayed", "replayed", "applied"]
    assert place.total("bare") == 8
    assert counted("snapshots_loaded") == before + 1


async def test_a_store_that_is_hardly_behind_is_not_replaced(place):
    await place.world.publish(EVENTS[5])
    _records, folds = await place.work("first", 7, **TAKES)
    assert folds == [6]


async def test_a_store_far_behind_is_replaced(place):
    old = place.path / "old"
    shutil.copytree(place.path / "first", old)
    await place.world.publish(*EVENTS[5:9])
    await place.work("first", 10, **EAGER)
    await place.world.publish(EVENTS[9])
    _records, folds = await place.work("old", 11, **TAKES)
    assert folds == [10]
    assert place.total("old") == 10


async def test_a_damaged_snapshot_is_passed_over_for_an_older_one(place):
    await place.world.publish(EVENTS[5])
    await place.work("first", 7, **EAGER)
    newest, older = place.snapshots.found()
    assert (newest.ledger, older.ledger) == (7, 6)
    spoil(largest(newest.path))
    await place.world.publish(EVENTS[6])
    _records, folds = await place.work("bare", 8, **TAKES)
    assert folds == [6]
    assert place.total("bare") == 7


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"ledger": 99, "applied": 98}, "ahead"), ({"last": Link(0, 4, "another")}, "foreign")],
)
async def test_snapshots_of_another_ledger_are_passed_over(place, fields, reason):
    for snapshot in place.snapshots.found():
        shutil.rmtree(snapshot.path)
    store = place.path / "first" / "0"
    meta = PartitionMeta(**{"ledger": 6, "applied": 5, "last": Link(0, 5, "x"), **fields})
    place.snapshots.leave(store, meta, lambda: False)
    before = counted("snapshots_skipped", reason=reason)
    await place.world.publish(EVENTS[5])
    _records, folds = await place.work("bare", 7, **TAKES)
    assert folds == [0]
    assert counted("snapshots_skipped", reason=reason) == before + 1
    assert place.total("bare") == 6


async def test_snapshots_that_are_out_of_reach_stop_nobody(place):
    shutil.rmtree(place.snapshot_dir)
    place.snapshot_dir.write_text("not a directory")
    await place.world.publish(EVENTS[5])
    _records, folds = await place.work("bare", 7, snapshot_every_s=0.05, snapshot_records_min=1)
    assert folds == [0]
    assert place.total("bare") == 6
