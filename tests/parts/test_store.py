"""Local state on a real disk: who holds it, what is found damaged, and what is done about it."""

import os
import resource
import signal
import subprocess
import sys

import pytest
from prometheus_client import REGISTRY

from processor.slot import Slot, StoreBusyError, open_slot
from processor.store import FORMAT, FORMAT_KEY, Store, StoreDamagedError, StoreFailedError

ROW = b"row"


def discarded(reason):
    """Return how many stores have been thrown away for a reason."""
    return REGISTRY.get_sample_value("xp_stores_discarded_total", {"reason": reason}) or 0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "0" / "3"


def filled(path):
    """Make a store of some files, and close it."""
    store = Store(path)
    for _ in range(3):
        store.write([(os.urandom(16), os.urandom(100)) for _ in range(500)])
        store.flush()
    store.write([(ROW, b"value")])
    store.close()


def spoil(path, pattern, how):
    """Do something to the bytes of a store's files."""
    files = sorted(path.glob(pattern))
    assert files
    for file in files:
        file.write_bytes(how(file.read_bytes()))


def flipped(raw):
    return bytes(byte ^ 0xFF if n % 1000 == 500 else byte for n, byte in enumerate(raw))


def cut(raw):
    return raw[: len(raw) // 2]


def test_what_is_written_is_read_after_a_restart(path):
    filled(path)
    store = Store(path)
    assert (store.get(ROW), store.get(b"other")) == (b"value", None)
    store.close()


def test_rows_are_written_and_deleted_in_one_go(path):
    store = Store(path)
    store.write([(b"a", b"1"), (b"b", b"2")])
    store.write([(b"c", b"3")], gone=[b"a"])
    assert store.scan(b"a", 2) == [(b"b", b"2"), (b"c", b"3")]
    store.close()


def test_rows_are_read_up_to_the_one_before_the_end_that_was_named(path):
    store = Store(path)
    store.write([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")])
    assert store.scan(b"a", 9, b"c") == [(b"a", b"1"), (b"b", b"2")]
    assert store.scan(b"a", 1, b"c") == [(b"a", b"1")]
    assert store.scan(b"a", 9, b"a") == []
    store.close()


@pytest.mark.parametrize(
    ("pattern", "how"),
    [
        ("*.sst", flipped),
        ("*.sst", cut),
        ("MANIFEST*", flipped),
        ("MANIFEST*", cut),
        ("CURRENT", cut),
        ("CURRENT", lambda _: b""),
    ],
)
def test_a_store_that_is_damaged_is_thrown_away_at_its_opening(path, pattern, how):
    filled(path)
    before = discarded("damaged")
    spoil(path, pattern, how)
    store = Store(path)
    assert (store.get(ROW), store.get(FORMAT_KEY)) == (None, FORMAT)
    assert discarded("damaged") == before + 1
    store.write([(ROW, b"new")])
    store.close()


@pytest.mark.parametrize("pattern", ["*.sst", "MANIFEST*", "CURRENT"])
def test_a_store_that_has_lost_a_file_is_thrown_away(path, pattern):
    filled(path)
    for file in path.glob(pattern):
        file.unlink()
    store = Store(path)
    assert store.get(ROW) is None
    store.write([(ROW, b"new")])
    store.close()


def test_a_store_of_another_format_is_thrown_away(path):
    store = Store(path)
    store.write([(FORMAT_KEY, b"1"), (ROW, b"old")])
    store.close()
    before = discarded("format")
    store = Store(path)
    assert (store.get(ROW), store.get(FORMAT_KEY)) == (None, FORMAT)
    assert discarded("format") == before + 1
    store.close()


def test_damage_met_while_reading_is_told_apart(path):
    store = Store(path)
    keys = [os.urandom(16) for _ in range(20_000)]
    store.write([(key, os.urandom(100)) for key in keys])
    store.close()
    # What lies in the middle of a file is not looked at when it is opened.
    file = max(path.glob("*.sst"), key=lambda it: it.stat().st_size)
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    file.write_bytes(raw)
    before = discarded("damaged")
    store = Store(path)
    assert discarded("damaged") == before

    def read_all():
        return [store.get(key) for key in keys]

    with pytest.raises(StoreDamagedError, match="Corruption"):
        read_all()
    store.close()


def test_a_full_disk_is_no_damage_and_what_was_there_stays(path):
    filled(path)
    store = Store(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, hard))
    try:
        with pytest.raises(StoreFailedError):
            store.write([(os.urandom(16), os.urandom(100)) for _ in range(5000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    # It takes nothing more until it is opened again.
    store.close()
    store = Store(path)
    assert store.get(ROW) == b"value"
    assert len(store.scan(b"", 10_000)) == 1502
    store.write([(ROW, b"again")])
    store.close()


def test_a_directory_that_cannot_be_made_is_no_damage(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreFailedError):
        Store(tmp_path / "file" / "0")


def test_a_kill_loses_nothing_that_was_written(path):
    code = f"""
import os, signal
from pathlib import Path
from processor.store import Store
store = Store(Path({str(path)!r}))
store.write([(b"row", b"value")])
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    store = Store(path)
    assert store.get(ROW) == b"value"
    store.close()


def test_a_checkpoint_is_a_store_of_its_own(path, tmp_path):
    store = Store(path)
    store.write([(ROW, b"then")])
    store.flush()
    store.checkpoint(tmp_path / "copy")
    store.write([(ROW, b"now")])
    copy = Store(tmp_path / "copy")
    assert (copy.get(ROW), store.get(ROW)) == (b"then", b"now")
    copy.close()
    store.close()


def test_clearing_leaves_an_empty_store_of_this_format(path):
    store = Store(path)
    store.write([(ROW, b"value")])
    store.clear()
    assert store.scan(b"", 9) == [(FORMAT_KEY, FORMAT)]
    store.close()


# Slots


def test_workers_that_share_a_directory_get_a_slot_each(tmp_path):
    first, second = open_slot(tmp_path), open_slot(tmp_path)
    assert [it.path.name for it in (first, second)] == ["0", "1"]
    first.close()
    again = open_slot(tmp_path)
    assert again.path.name == "0"
    again.close()
    second.close()


def test_a_damaged_store_leaves_those_of_other_partitions_alone(tmp_path):
    slot = Slot(tmp_path / "0")
    for partition in (1, 2):
        filled(slot.path_of(partition))
    spoil(slot.path_of(1), "*.sst", cut)
    stores = [slot.open(partition) for partition in (1, 2)]
    assert [it.get(ROW) for it in stores] == [None, b"value"]
    for store in stores:
        store.close()
    slot.close()


def test_a_stopped_process_keeps_its_slot_and_a_dead_one_does_not(tmp_path):
    code = f"""
import time
from pathlib import Path
from processor.slot import open_slot
slot = open_slot(Path({str(tmp_path)!r}))
print(slot.path.name, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"0\n"
        other.send_signal(signal.SIGSTOP)
        with pytest.raises(StoreBusyError):
            Slot(tmp_path / "0")
        other.kill()
    mine = open_slot(tmp_path)
    assert mine.path.name == "0"
    mine.close()


def test_a_slot_of_the_first_format_makes_room(tmp_path):
    filled(tmp_path / "0")
    slot = open_slot(tmp_path)
    assert [it.name for it in slot.path.iterdir()] == ["lock"]
    slot.close()
