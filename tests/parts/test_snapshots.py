"""Snapshots on disk: what is left, what is found, what is passed over."""

import os
import time
from itertools import count

import orjson
import pytest
from msgspec.structs import replace
from parts.files import counted, largest, spoil

from processor.partition_meta import PartitionMeta
from processor.snapshots import (
    MANIFEST,
    SnapshotDamagedError,
    Snapshots,
    StoppedError,
)
from processor.store import Store
from schemas.records import Link

META = PartitionMeta(ledger=7, applied=6, last=Link(0, 9, "lane"))


def never():
    return False


@pytest.fixture
def source(tmp_path):
    """Give the files of a closed store with one row."""
    store = Store(tmp_path / "source")
    store.write([(b"row", b"value"), (b"big", os.urandom(100_000))])
    store.close()
    return store.path


@pytest.fixture
def snapshots(tmp_path):
    return Snapshots(tmp_path / "snapshots", "xp.ledger", 3)


TIMES = count(1)


def left(snapshots, source, ledger):
    """Leave a snapshot, a second after the last one by its time."""
    path = snapshots.leave(source, replace(META, ledger=ledger), never)
    at = next(TIMES)
    os.utime(path, (at, at))


def test_a_snapshot_is_taken_over_as_it_was_left(snapshots, source, tmp_path):
    snapshots.leave(source, META, never)
    (found,) = snapshots.found()
    assert (found.ledger, found.applied, found.last) == (7, 6, Link(0, 9, "lane"))
    snapshots.load(found, tmp_path / "copy", never)
    store = Store(tmp_path / "copy")
    assert store.get(b"row") == b"value"
    store.close()


def test_there_are_none_before_the_first_is_left(snapshots):
    assert snapshots.found() == []


def test_the_one_furthest_on_comes_first_and_the_last_two_stay(snapshots, source):
    for ledger in (5, 9, 7):
        left(snapshots, source, ledger)
    assert [it.ledger for it in snapshots.found()] == [9, 7]


def test_those_of_a_ledger_that_is_gone_do_not_push_out_new_ones(snapshots, source):
    for ledger in (1000, 2000, 5, 6):
        left(snapshots, source, ledger)
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
