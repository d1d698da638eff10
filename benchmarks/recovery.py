"""Rows of coming back: restart, fold, taking over from snapshots, and rebuilding the projections.

A worker's times count from the start of its process until the ledger has the record of an event
that was waiting: the first one's, or one on every partition.
"""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.bench import Bench
from benchmarks.events import one_per_partition, reference
from benchmarks.history import TEMPLATE_USERS, Shape, write_history
from benchmarks.kafka import wait_members
from benchmarks.results import Figure
from benchmarks.system import System

RECORDS: Final = 1_000_000
LOOK_EVERY_S: Final = 0.005
VERDICT_S: Final = 900.0
BUILD_S: Final = 3600.0
GROUP_S: Final = 60.0
# Events that came after the snapshots.
TAIL: Final = 20_000
SNAPSHOT_EVERY_S: Final = 15.0
NEVER_S: Final = "86400"
BUILDERS: Final = 2
# With fewer a worker would rather fold than load a snapshot.
TAKEOVER_MIN: Final = 400_000
BYTES_PER_RECORD: Final = 1600


class Verdicts(NamedTuple):
    """Seconds from a worker's start until a verdict."""

    first: float
    all: float


async def verdicts(
    bench: Bench, system: System, run: str, *, kill: bool, **settings: str
) -> Verdicts:
    """Start a worker for whom an event waits on every partition, and end it when it has judged."""
    ledger = system.topics.ledger
    async with bench.ends() as ends:
        before = await ends.by_partition(ledger)
        await system.publish(one_per_partition(system.partitions, run))
        total = sum(before.values()) + system.unjudged
        part = await system.start("worker", **settings)
        try:
            first = 0.0
            async with asyncio.timeout(VERDICT_S):
                while True:
                    found = await ends.by_partition(ledger)
                    now = time.perf_counter() - part.started
                    first = first or (now if found != before else 0.0)
                    if sum(found.values()) >= total:
                        break
                    system.check()
                    await asyncio.sleep(LOOK_EVERY_S)
        finally:
            await (system.kill(part) if kill else system.stop(part))
    system.unjudged = 0
    return Verdicts(first, now)


async def group_empty(system: System) -> None:
    """Return when no worker is a member of the group any more: one that was killed is for a while.

    Without it a bare worker would be measured waiting for another's session to end.
    """
    async with asyncio.timeout(GROUP_S):
        await wait_members(system.connection, f"{system.topics.prefix}worker", 0)


async def history_rows(bench: Bench) -> None:
    """Measure the rows `restart`, `fold` and `rebuild` on one ledger."""
    records = bench.count(RECORDS, 50_000)
    how: dict[str, object] = {"records": records}
    async with bench.system("history") as system:
        await write_history(bench, system, Shape(records))
        if bench.wanted("restart", "fold"):
            await _restart_and_fold(bench, system, records, how)
        if bench.wanted("rebuild"):
            await _rebuild(bench, system, how)


async def _restart_and_fold(
    bench: Bench, system: System, records: int, how: dict[str, object]
) -> None:
    bare: list[Verdicts] = []
    again: list[Verdicts] = []
    killed: list[Verdicts] = []
    for number in range(bench.options.rounds):
        data = str(system.home / f"data-{number}")
        await group_empty(system)
        # The same worker three times: bare, with what it left in good order, and after kill -9.
        for found, kill in ((bare, False), (again, True), (killed, True)):
            run = f"{len(found)}-{kill}-{found is killed}"
            found.append(await verdicts(bench, system, run, kill=kill, XP_DATA_DIR=data))
        bench.say(
            f"round {number + 1}  bare {bare[-1].all:.2f} s, again {again[-1].first:.2f} s "
            f"(every partition {again[-1].all:.2f} s), after kill -9 {killed[-1].first:.2f} s"
        )
        await asyncio.to_thread(shutil.rmtree, data, ignore_errors=True)
    if bench.wanted("restart"):
        beside = {
            "every partition, s": [it.all for it in again],
            "after kill -9, s": [it.first for it in killed],
        }
        bench.record("restart", Figure([it.first for it in again], beside, how))
    if bench.wanted("fold"):
        rates = [
            records / max(0.001, fold.all - start.all)
            for fold, start in zip(bare, again, strict=True)
        ]
        beside = {
            "bare, to a verdict on every partition, s": [it.all for it in bare],
            "with local state, the same, s": [it.all for it in again],
        }
        note = "records by the seconds that a bare worker takes longer than one with local state"
        bench.record("fold", Figure(rates, beside, {**how, "note": note}))


async def _rebuild(bench: Bench, system: System, how: dict[str, object]) -> None:
    async with bench.ends() as ends:
        records = await ends.total(system.topics.ledger)
    rates, seconds = [], []
    for number in range(bench.options.rounds):
        await system.make_database()
        began = time.perf_counter()
        await system.run("project", "--rebuild")
        seconds.append(time.perf_counter() - began)
        rates.append(records / seconds[-1])
        bench.say(f"round {number + 1}  rebuilt in {seconds[-1]:.1f} s, {rates[-1]:,.0f} records/s")
    note = "the whole command, its start and the swap included"
    bench.record("rebuild", Figure(rates, {"the command, s": seconds}, {**how, "note": note}))


async def takeover_row(bench: Bench) -> None:
    """Measure the row `takeover`."""
    records = bench.count(bench.options.records, TAKEOVER_MIN)
    free = shutil.disk_usage(bench.scratch).free
    if free < records * BYTES_PER_RECORD:
        raise RuntimeError(
            f"{records:,} records need {records * BYTES_PER_RECORD / 1e9:.0f} GB of disk, "
            f"{free / 1e9:.0f} GB are free: take fewer with --records"
        )
    async with bench.system("takeover") as system:
        began = time.perf_counter()
        await write_history(bench, system, Shape(records))
        written = time.perf_counter()
        snapshots = system.home / "snapshots"
        await _leave_snapshots(bench, system, snapshots)
        built = time.perf_counter()
        bench.say(f"written in {written - began:.0f} s, snapshots after {built - written:.0f} s")
        rounds = []
        for number in range(bench.options.rounds):
            await group_empty(system)
            data = str(system.home / f"bare-{number}")
            found = await verdicts(
                bench,
                system,
                f"t{number}",
                kill=True,
                XP_DATA_DIR=data,
                XP_SNAPSHOT_DIR=str(snapshots),
                XP_SNAPSHOT_EVERY_S=NEVER_S,
            )
            rounds.append(found)
            bench.say(f"round {number + 1}  first {found.first:.2f} s, all {found.all:.2f} s")
            await asyncio.to_thread(shutil.rmtree, data, ignore_errors=True)
        size = await asyncio.to_thread(_size, snapshots)
    how = {
        "records": records,
        "records after the snapshots": TAIL,
        "snapshots_mb": round(size / 1e6),
        "seconds to write the ledger": round(written - began),
        "seconds to fold it and leave snapshots": round(built - written),
        "note": "until the bare worker has judged an event on every partition",
    }
    beside = {"first verdict, s": [it.first for it in rounds]}
    bench.record("takeover", Figure([it.all for it in rounds], beside, how))


async def _leave_snapshots(bench: Bench, system: System, snapshots: Path) -> None:
    """Have workers fold the ledger, leave snapshots, and judge some events after them."""
    ledger = system.topics.ledger
    async with bench.ends() as ends:
        history = await ends.by_partition(ledger)
        total = sum(history.values()) + system.unjudged
        told = {"XP_SNAPSHOT_DIR": str(snapshots), "XP_SNAPSHOT_EVERY_S": str(SNAPSHOT_EVERY_S)}
        builders = [await system.start("worker", **told) for _ in range(BUILDERS)]
        bench.say(f"{BUILDERS} workers fold {sum(history.values()):,} records")
        await system.wait_judged(ends, total, patience_s=BUILD_S, every_s=1.0)
        async with asyncio.timeout(BUILD_S):
            while not all(_reached(snapshots, ledger, n, end) for n, end in history.items()):
                system.check()
                await asyncio.sleep(1.0)
        for part in builders:
            await system.kill(part)
        await group_empty(system)
        await system.publish(reference(TAIL, TEMPLATE_USERS, run="tail"))
        total += TAIL
        told["XP_SNAPSHOT_EVERY_S"] = NEVER_S
        part = await system.start("worker", **told)
        await system.wait_judged(ends, total, patience_s=BUILD_S)
        await system.kill(part)


def _reached(snapshots: Path, topic: str, partition: int, ledger: int) -> bool:
    # A snapshot's directory is named after the offset that follows its last record.
    names = [path.parent.name for path in snapshots.glob(f"{topic}/{partition}/*/manifest.json")]
    return any(int(name.partition("-")[0]) >= ledger for name in names if name[0].isdigit())


def _size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
