"""Faults of what is needed: full disks (F14), damaged files (F15), too little of all (F22)."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Final

import psutil
from faults.classes import PARTS, FaultClass, Options, register
from faults.world import World
from faults.worlds import SmallDisksWorld, SnapshotsWorld

SNAPSHOT_EVERY_S: Final = {"XP_SNAPSHOT_EVERY_S": "1"}
DAMAGED_FILES_MAX: Final = 3
# Damaged more often than the others, which hold settings; a lock and a log of words hold nothing.
DATA_FILES: Final = (".sst", ".log", "CURRENT", "MANIFEST", "manifest.json", "noted")
IGNORED_FILES: Final = ("LOCK", "lock", "LOG", "LOG.old")
FILES_MAX: Final = 256
HOGS: Final = 2
HOG_S_MAX: Final = 60
ROOM_BYTES: Final = 48 * 1024 * 1024

# F14


async def _fill_a_disk(world: World, dice: Random) -> None:
    """Leave no room on one disk for a while, in the middle of the load."""
    assert isinstance(world, SmallDisksWorld)
    name = dice.choice(sorted(world.disks))
    disk = world.disks[name]
    await asyncio.sleep(dice.uniform(0.1, 0.5))
    disk.fill()
    world.notes.append(f"{name}: {disk.means}")
    try:
        if name == "worker" and dice.random() < 0.5:
            # It has to open its store without any room.
            await world.kill("worker", restart_s=0.0)
        await asyncio.sleep(dice.uniform(1.5, 3.0))
    finally:
        disk.free()
        world.blow()


# F15


def flip(dice: Random, file: Path) -> None:
    """Change one bit in each of a few places of a file."""
    raw = bytearray(file.read_bytes())
    for _ in range(dice.choice((1, 1, 8))):
        if raw:
            raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
    file.write_bytes(raw)


def cut(dice: Random, file: Path) -> None:
    """Take away the end of a file."""
    raw = file.read_bytes()
    file.write_bytes(raw[: dice.randrange(len(raw) + 1)])


def blank(dice: Random, file: Path) -> None:
    """Write zeros over a part of a file, as a disk does that has lost pages."""
    raw = bytearray(file.read_bytes())
    begin = dice.randrange(len(raw) + 1)
    end = min(len(raw), begin + dice.choice((16, 512, 4096)))
    raw[begin:end] = bytes(end - begin)
    file.write_bytes(raw)


def lose(_dice: Random, file: Path) -> None:
    """Remove a file."""
    file.unlink()


DAMAGES: Final[tuple[Callable[[Random, Path], None], ...]] = (flip, flip, cut, blank, lose)


def damage(dice: Random, directory: Path) -> list[str]:
    """Damage a few files below a directory; return what was done."""
    files = sorted(
        file
        for file in directory.rglob("*")
        if file.is_file() and file.name not in IGNORED_FILES and file.stat().st_size
    )
    data = [file for file in files if any(word in file.name for word in DATA_FILES)]
    if data and dice.random() < 0.8:
        files = data
    done = []
    for file in dice.sample(files, min(len(files), dice.randint(1, DAMAGED_FILES_MAX))):
        how = dice.choice(DAMAGES)
        how(dice, file)
        done.append(f"{how.__name__} {file.relative_to(directory.parent)}")
    return done


async def _damage_files(world: World, dice: Random) -> None:
    """Damage what the worker keeps while it is down, once or twice."""
    state = world.home / "state"
    store, snapshots = state / "worker", state / "snapshots"
    for _ in range(dice.choice((1, 2))):
        await asyncio.sleep(dice.uniform(0.3, 1.5))
        if dice.random() < 0.5:
            await world.drop("worker")
        else:
            await world.terminate("worker", restart=False)
        kind = dice.choice(("store", "store", "snapshots", "both"))
        done = []
        if kind in ("store", "both"):
            done += damage(dice, store)
        if kind in ("snapshots", "both"):
            done += damage(dice, snapshots)
        if kind == "snapshots":
            # So that it needs them; it may have ended before it had a store.
            shutil.rmtree(store, ignore_errors=True)
            done.append("no store")
        world.notes += done
        await world.start_part("worker")
        world.blow()


# F22


@contextlib.contextmanager
def hogs(count: int) -> Iterator[None]:
    """Keep so many cores busy; a hog that is forgotten ends by itself."""
    code = f"import time\nend = time.time() + {HOG_S_MAX}\nwhile time.time() < end: pass"
    started = [subprocess.Popen([sys.executable, "-I", "-S", "-c", code]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in started:
            hog.kill()
            hog.wait()


def _limit(world: World, part: str, what: int, soft: int | None = None) -> None:
    """Set a soft limit; None lifts it again, for the hard one stays."""
    if (pid := world.pid(part)) is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            hard = process.rlimit(what)[1]
            process.rlimit(what, (hard if soft is None else soft, hard))


def _memory_of(world: World, part: str) -> int:
    pid = world.pid(part)
    return psutil.Process(pid).memory_info().vms if pid is not None else 0


async def _starve(world: World, dice: Random) -> None:
    """Take the cores away, and files or memory with them."""
    kinds = dice.sample(("files", "memory", "neither"), 1)
    with hogs(HOGS):
        if "files" in kinds:
            for part in PARTS:
                _limit(world, part, resource.RLIMIT_NOFILE, FILES_MAX)
        if "memory" in kinds:
            # The gateway only: RocksDB and Java reserve addresses that they never use.
            room = _memory_of(world, "serve") + ROOM_BYTES
            _limit(world, "serve", resource.RLIMIT_AS, room)
        await asyncio.sleep(dice.uniform(2.0, 4.0))
        if dice.random() < 0.5:
            part = dice.choice(PARTS)
            await world.kill(part, restart_s=0.0)
            await world.back(part)
            kinds.append(f"kill -9 of {part}")
            await asyncio.sleep(1.0)
    for part in PARTS:
        for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS):
            _limit(world, part, what)
    world.notes.append(f"{HOGS} hogs, little: {', '.join(kinds)}")
    world.blow()


register(
    FaultClass(
        "F14",
        "disk full: the broker's, Postgres', the worker's",
        _fill_a_disk,
        Options(environment=SNAPSHOT_EVERY_S),
        bar_s=60.0,
        world=SmallDisksWorld,
    )
)
register(
    FaultClass(
        "F15",
        "damage of the worker's store and of snapshots: flipped, cut, blanked, lost",
        _damage_files,
        Options(environment=SNAPSHOT_EVERY_S),
        world=SnapshotsWorld,
        short=True,
    )
)
register(
    FaultClass(
        "F22",
        "starvation: two busy loops on the cores, 256 files, little memory",
        _starve,
        bar_s=60.0,
    )
)
