"""Stores that go wrong under a lane: made anew, opened again, and no other lane waits for it."""

import asyncio
import os
import shutil
import threading
import time

from parts.files import counted, largest
from plumbing.judging import event, offsets
from plumbing.places import EAGER, EVENTS, TAKES
from plumbing.running import stop

from processor.slot import Slot
from processor.snapshots import Snapshots
from processor.store import Store, StoreFailedError


async def test_a_store_that_turns_out_damaged_is_made_anew_from_the_snapshot(place):
    # Enough rows for a file with a middle, which is not looked at when it is opened.
    store = Store(place.path / "first" / "0")
    store.write([(b"n%d" % n, os.urandom(100)) for n in range(5000)])
    row = store.get(b"sdefault\0ada")
    assert row is not None
    store.write([(b"sdefault\0ada", row)])
    store.flush()
    store.close()
    file = largest(store.path)
    spoil_block_with(file, b"sdefault\0ada")
    before = counted("stores_discarded", reason="damaged")
    await place.world.publish(EVENTS[5], EVENTS[0])
    records, folds = await place.work("first", 8, **TAKES)
    assert counted("stores_discarded", reason="damaged") == before + 1
    assert folds == [6, 6]
    assert [it.outcome for it in records[-2:]] == ["applied", "replayed"]
    assert place.total("first") == 6


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
    assert place.total("first") == 8
    assert counted("store_failures") > before


# What takes as long as the disk does
SLOW = [
    (Slot, "open"),
    (Store, "flush"),
    (Snapshots, "found"),
    (Snapshots, "load"),
    (Snapshots, "leave"),
    (shutil, "rmtree"),
]


async def test_nothing_of_it_holds_the_loop_up(place, monkeypatch):
    seen: dict[str, set[bool]] = {}

    def noted(name, work):
        def noting(*args, **named):
            here = threading.current_thread() is threading.main_thread()
            seen.setdefault(name, set()).add(here)
            return work(*args, **named)

        return noting

    for owner, name in SLOW:
        monkeypatch.setattr(owner, name, noted(name, getattr(owner, name)))
    for n in range(20):
        await place.world.publish(event(f"u{n}"))
    longest, last = 0.0, time.thread_time()

    async def watch():
        nonlocal longest, last
        while True:
            await asyncio.sleep(0.001)
            # Of this thread's work, not of the time for which others had the processor.
            longest, last = max(longest, time.thread_time() - last), time.thread_time()

    watching = asyncio.create_task(watch())
    await place.work("first", 26, **EAGER)
    await place.world.publish(event())
    await place.work("bare", 27, **TAKES)
    await stop(watching)
    assert seen == {name: {False} for _owner, name in SLOW}
    assert longest < 0.5
