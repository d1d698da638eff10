"""Snapshots: what is left, what is taken over, what is passed over; and stores that go wrong."""

import asyncio
import os
import shutil
import time

import orjson
import pytest
from plumbing.judging import MARKER, event, judging, offsets, stop, total_of
from prometheus_client import REGISTRY

from processor.ledger import KafkaLedger
from processor.snapshots import (
    MANIFEST,
    SnapshotDamagedError,
    Snapshots,
    StoppedError,
)
from processor.store import Slot, Store, StoreFailedError

META = {"ledger": 7, "applied": 6, "last": [0, 9, "lane"]}
EAGER = {"snapshot_every_s": 0.1, "snapshot_records_min": 1, "load_records_min": 1}
# Takes over, but leaves nothing.
TAKES = {"snapshot_every_s": 3600, "load_records_min": 1}
# Would leave the next one in an hour, but for what has come since.
MUCH = {"snapshot_every_s": 3600, "snapshot_records_min": 1, "load_records_min": 3}
EVENTS = [event(idempotencyKey=f"k{n}") for n in range(10)]


def never():
    return False


@pytest.fixture
def source(tmp_path):
    """Give the files of a closed store with one row."""
    store = Store(tmp_path / "source")
    store.write({b"row": b"value", b"big": os.urandom(100_000)})
    store.close()
    return store.path


@pytest.fixture
def snapshots(tmp_path):
    return Snapshots(tmp_path / "snapshots", "xp.ledger", 3)


def counted(name, **labels):
    return REGISTRY.get_sample_value(f"xp_{name}_total", labels) or 0


def spoil(file, at=0.5):
    raw = bytearray(file.read_bytes())
    raw[int(len(raw) * at)] ^= 0xFF
    file.write_bytes(raw)


def largest(path):
    return max(path.glob("*.sst"), key=lambda it: it.stat().st_size)


def test_a_snapshot_is_taken_over_as_it_was_left(snapshots, source, tmp_path):
    snapshots.leave(source, META, never)
    (found,) = snapshots.found()
    assert (found.ledger, found.applied, found.last) == (7, 6, (0, 9, "lane"))
    snapshots.load(found, tmp_path / "copy", never)
    store = Store(tmp_path / "copy")
    assert store.get(b"row") == b"value"
    store.close()


def test_there_are_none_before_the_first_is_left(snapshots):
    assert snapshots.found() == []


def test_the_one_furthest_on_comes_first_and_the_last_two_stay(snapshots, source):
    for ledger in (5, 9, 7):
        snapshots.leave(source, {**META, "ledger": ledger}, never)
        time.sleep(0.02)
    assert [it.ledger for it in snapshots.found()] == [9, 7]


def test_those_of_a_ledger_that_is_gone_do_not_push_out_new_ones(snapshots, source):
    for ledger in (1000, 2000, 5, 6):
        snapshots.leave(source, {**META, "ledger": ledger}, never)
        time.sleep(0.02)
    assert [it.ledger for it in snapshots.found()] == [6, 5]


def test_several_workers_may_leave_the_same_at_once(snapshots, source):
    paths = {snapshots.leave(source, META, never) for _ in range(2)}
    assert len(paths) == len(snapshots.found()) == 2


@pytest.mark.parametrize("name", ["sst", "CURRENT", "gone"])
def test_a_snapshot_with_a_damaged_file_is_not_loaded(snapshots, source, tmp_path, name):
    path = snapshots.leave(source, META, never)
    if name == "gone":
        largest(path).unlink()
    else:
        spoil(largest(path) if name == "sst" else path / name)
    (found,) = snapshots.found()
    with pytest.raises(SnapshotDamagedError):
        snapshots.load(found, tmp_path / "copy", never)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: {**manifest, "ledger": 8},
        lambda manifest: {**manifest, "last": None},
        lambda _: {},
        lambda _: [],
    ],
)
def test_a_manifest_that_was_changed_is_passed_over(snapshots, source, change):
    path = snapshots.leave(source, META, never)
    manifest = orjson.loads((path / MANIFEST).read_bytes())
    before = counted("snapshots_skipped", reason="damaged")
    (path / MANIFEST).write_bytes(orjson.dumps(change(manifest)))
    if change(manifest) != {}:
        assert snapshots.found() == []
    assert snapshots.found() == []
    assert counted("snapshots_skipped", reason="damaged") > before


def test_a_snapshot_of_another_format_is_passed_over(snapshots, source, monkeypatch):
    monkeypatch.setattr("processor.snapshots.FORMAT", b"0")
    snapshots.leave(source, META, never)
    monkeypatch.undo()
    before = counted("snapshots_skipped", reason="format")
    assert snapshots.found() == []
    assert counted("snapshots_skipped", reason="format") == before + 1


def test_a_snapshot_that_is_being_written_is_not_found(snapshots, source):
    path = snapshots.leave(source, META, never)
    path.rename(path.with_name("x.part"))
    assert snapshots.found() == []


def test_leaving_can_be_stopped_and_leaves_nothing_behind(snapshots, source):
    with pytest.raises(StoppedError):
        snapshots.leave(source, META, lambda: True)
    assert list((snapshots._path).iterdir()) == []


def test_what_a_dead_worker_left_half_written_goes_in_the_end(snapshots, source):
    old, new = (snapshots._path / f"{name}.part" for name in ("old", "new"))
    for part in (old, new):
        part.mkdir(parents=True)
    day_before_yesterday = time.time() - 2 * 86_400
    os.utime(old, (day_before_yesterday, day_before_yesterday))
    snapshots.leave(source, META, never)
    assert (old.exists(), new.exists()) == (False, True)


# Workers


class Watched(KafkaLedger):
    """Notes from where the ledger was folded."""

    folds: list[int]

    def read(self, position, end):
        self.folds = [*getattr(self, "folds", []), position.offset]
        return super().read(position, end)


class Place:
    """A world with a directory for snapshots and slots for workers."""

    def __init__(self, world, path):
        self.world = world
        self.snapshot_dir = path / "snapshots"
        self.snapshots = Snapshots(self.snapshot_dir, world.topics.ledger, 0)
        self.path = path

    async def work(self, slot, count, **care):
        """Have a worker with a slot of this name judge until so many records count; end it.

        One that is to leave a snapshot of all of them is waited for. Returns the records, and the
        offsets from which it folded.
        """
        ledger = Watched(self.world.connection, self.world.writer, self.world.topics.ledger, 0)
        held = Slot(self.path / slot)
        task = self.world.start_assignment(held, self.snapshot_dir, ledger, **care)
        records = await self.world.judged(count, task)
        async with asyncio.timeout(20):
            while care in (EAGER, MUCH) and not any(
                it.ledger >= count for it in self.snapshots.found()
            ):
                await asyncio.sleep(0.05)
        await stop(task)
        held.close()
        return records, ledger.folds

    def total(self, slot):
        store = Store(self.path / slot / "0")
        try:
            return total_of(store)
        finally:
            store.close()


@pytest.fixture
async def place(stack, prefix, tmp_path):
    async with judging(stack.kafka, prefix) as world:
        place = Place(world, tmp_path)
        await world.publish(MARKER, *EVENTS[:5])
        await place.work("first", 6, **EAGER)
        yield place


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
    meta = {"ledger": good.ledger, "applied": good.applied, "last": list(good.last)}
    shutil.rmtree(good.path)
    path = place.snapshots.leave(bad, meta, never)
    records, folds = await place.work("bare", 6, **TAKES)
    assert (len(records), folds[-1], path.exists()) == (6, 0, False)
    assert place.total("bare") == "5"


async def test_a_bare_worker_takes_a_snapshot_over_and_folds_the_rest(place):
    assert next(iter(place.snapshots.found())).ledger == 6
    await place.world.publish(*EVENTS[5:7])
    await place.work("first", 8)
    # A key that was used before the snapshot, one used after it, and a new one.
    await place.world.publish(EVENTS[0], EVENTS[6], EVENTS[9])
    before = counted("snapshots_loaded")
    records, folds = await place.work("bare", 11, **TAKES)
    assert folds == [6]
    assert [it["outcome"] for it in records[-3:]] == ["replayed", "replayed", "applied"]
    assert place.total("bare") == "8"
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
    assert place.total("old") == "10"


async def test_a_damaged_snapshot_is_passed_over_for_an_older_one(place):
    await place.world.publish(EVENTS[5])
    await place.work("first", 7, **EAGER)
    newest, older = place.snapshots.found()
    assert (newest.ledger, older.ledger) == (7, 6)
    spoil(largest(newest.path))
    await place.world.publish(EVENTS[6])
    _records, folds = await place.work("bare", 8, **TAKES)
    assert folds == [6]
    assert place.total("bare") == "7"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"ledger": 99, "applied": 98}, "ahead"), ({"last": [0, 4, "another"]}, "foreign")],
)
async def test_snapshots_of_another_ledger_are_passed_over(place, fields, reason):
    for snapshot in place.snapshots.found():
        shutil.rmtree(snapshot.path)
    store = place.path / "first" / "0"
    place.snapshots.leave(store, {"ledger": 6, "applied": 5, "last": [0, 5, "x"]} | fields, never)
    before = counted("snapshots_skipped", reason=reason)
    await place.world.publish(EVENTS[5])
    _records, folds = await place.work("bare", 7, **TAKES)
    assert folds == [0]
    assert counted("snapshots_skipped", reason=reason) == before + 1
    assert place.total("bare") == "6"


async def test_snapshots_that_are_out_of_reach_stop_nobody(place):
    shutil.rmtree(place.snapshot_dir)
    place.snapshot_dir.write_text("not a directory")
    await place.world.publish(EVENTS[5])
    _records, folds = await place.work("bare", 7, snapshot_every_s=0.05, snapshot_records_min=1)
    assert folds == [0]
    assert place.total("bare") == "6"


# Stores that go wrong under a lane


async def test_a_store_that_turns_out_damaged_is_made_anew_from_the_snapshot(place):
    # Enough rows for a file with a middle, which is not looked at when it is opened.
    store = Store(place.path / "first" / "0")
    store.write({b"n%d" % n: os.urandom(100) for n in range(5000)})
    row = store.get(b"sdefault\0ada")
    assert row is not None
    store.write({b"sdefault\0ada": row})
    store.flush()
    store.close()
    file = largest(store.path)
    spoil_block_with(file, b"sdefault\0ada")
    before = counted("stores_discarded", reason="damaged")
    await place.world.publish(EVENTS[5], EVENTS[0])
    records, folds = await place.work("first", 8, **TAKES)
    assert counted("stores_discarded", reason="damaged") == before + 1
    assert folds == [6, 6]
    assert [it["outcome"] for it in records[-2:]] == ["applied", "replayed"]
    assert place.total("first") == "6"


def spoil_block_with(file, key):
    """Flip a byte of the value that follows a key in a file."""
    raw = bytearray(file.read_bytes())
    at = raw.index(key)
    raw[at + len(key) + 20] ^= 0xFF
    file.write_bytes(raw)


async def test_a_disk_that_is_full_for_a_while_costs_nothing_but_time(place, monkeypatch):
    write, left = Store.write, [3]

    def full(self, rows, gone=()):
        if left[0]:
            left[0] -= 1
            raise StoreFailedError("IO error: No space left on device")
        write(self, rows, gone)

    before = counted("store_failures")
    await place.world.publish(*EVENTS[5:8])
    monkeypatch.setattr(Store, "write", full)
    records, _folds = await place.work("first", 9, **TAKES)
    assert left == [0]
    assert offsets(records) == list(range(9))
    assert place.total("first") == "8"
    assert counted("store_failures") > before


async def test_nothing_of_it_holds_the_loop_up(place):
    for n in range(20):
        await place.world.publish(event(f"u{n}"))
    longest, last = 0.0, time.perf_counter()

    async def watch():
        nonlocal longest, last
        while True:
            await asyncio.sleep(0.001)
            longest, last = max(longest, time.perf_counter() - last), time.perf_counter()

    watching = asyncio.create_task(watch())
    await place.work("first", 26, **EAGER)
    await place.world.publish(event())
    await place.work("bare", 27, **TAKES)
    await stop(watching)
    assert longest < 0.5
