"""Contenders on a backlog: put it on Kafka, start a contender, watch its output grow.

The rate counts from a twentieth of the outputs on, so that neither a contender's start counts nor
what it had gathered before its first output, and up to almost the last, so that no last commit
does. Growth is what was appended, whether committed yet or not: contenders that write in
transactions would grow by leaps otherwise. In the end every output must be there, committed, once.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import peers
from benchmarks.bench import Bench
from benchmarks.events import Line
from benchmarks.kafka import (
    Ends,
    count_committed,
    create,
    drop_topics,
    fill,
    wait_members,
)
from benchmarks.system import ROOT, Part, System
from broker.connection import Connection

LOOK_EVERY_S: Final = 0.02
START_PATIENCE_S: Final = 120.0
STALL_PATIENCE_S: Final = 60.0
# A peer that takes longer is measured for so long and then stopped: its rate is known by then.
PEER_S_MAX: Final = 25.0
# What is measured of a backlog; the rest is worked off as well.
FROM: Final = 0.05
UNTIL: Final = 0.99
COMMITTED_S: Final = 30.0


class WrongOutputError(Exception):
    """A contender has not written what it should have: its rate means nothing."""


async def follow(
    ends: Ends,
    topic: str,
    *,
    begins_at: int = 0,
    records: int,
    check: Callable[[], None],
    longest_s: float = float("inf"),
) -> tuple[float, bool]:
    """Watch a topic grow by so many records; TimeoutError if it stands still.

    Returns records per second, and whether it came to the end within `longest_s`.
    """
    started, first = 0.0, 0
    last, moved = begins_at, time.perf_counter()
    while True:
        count = await ends.total(topic)
        now = time.perf_counter()
        if count > last:
            last, moved = count, now
            if not started and count >= begins_at + FROM * records:
                started, first = now, count
        ended = count >= begins_at + UNTIL * records
        if started and (ended or now - started > longest_s):
            if count == first:
                raise WrongOutputError("it was over before it could be measured: take more events")
            return (count - first) / (moved - started), ended
        if now - moved > (STALL_PATIENCE_S if last > begins_at else START_PATIENCE_S):
            raise TimeoutError(f"{topic} stands still at {count:,} of {begins_at + records:,}")
        check()
        await asyncio.sleep(LOOK_EVERY_S)


async def worker_rate(
    bench: Bench, system: System, lines: Sequence[Line], **settings: str
) -> float:
    """Put a backlog on a system whose worker does not run; return events per second of one."""
    ledger = system.topics.ledger
    async with bench.ends() as ends:
        before = await ends.total(ledger)
        await system.publish(lines)
        part = await system.start("worker", XP_LOG_LEVEL="warning", **settings)
        try:
            rate, _ = await follow(
                ends, ledger, begins_at=before, records=system.unjudged, check=system.check
            )
            await system.wait_judged(ends, before + system.unjudged)
        finally:
            await system.stop(part)
    return rate


async def worker_contends(
    bench: Bench, game: Path, lines: Sequence[Line], root: Path = ROOT, **settings: str
) -> float:
    """Return events per second of `xp worker` of a checkout on a backlog, everything new."""
    async with bench.system("worker", game=game, root=root) as system:
        return await worker_rate(bench, system, lines, **settings)


async def pair_contends(bench: Bench, game: Path, lines: Sequence[Line]) -> float:
    """Return events per second of two workers on a backlog, from when both have partitions."""
    async with bench.system("pair", game=game) as system, bench.ends() as ends:
        ledger = system.topics.ledger
        await system.publish(lines)
        parts = [await system.start("worker", XP_LOG_LEVEL="warning") for _ in range(2)]
        await wait_members(system.connection, f"{system.topics.prefix}worker", len(parts))
        await _until_all_move(ends, ledger)
        before = await ends.total(ledger)
        rate, _ = await follow(
            ends,
            ledger,
            begins_at=before,
            records=system.unjudged - before,
            check=system.check,
        )
        await system.wait_judged(ends, system.unjudged)
    return rate


async def _until_all_move(ends: Ends, topic: str) -> None:
    """Return once every partition of a topic grows: whoever joined has what is theirs."""
    async with asyncio.timeout(START_PATIENCE_S):
        grown: set[int] = set()
        first = await ends.by_partition(topic)
        while grown != first.keys():
            await asyncio.sleep(LOOK_EVERY_S)
            now = await ends.by_partition(topic)
            grown = {number for number, end in now.items() if end > first[number]}


async def peer_contends(bench: Bench, name: str, lines: Sequence[Line]) -> float:
    """Return events per second of a peer on a backlog, everything new."""
    prefix = f"{bench.new_prefix(name)}."
    scratch = bench.scratch / prefix
    await asyncio.to_thread(scratch.mkdir, parents=True)
    partitions, connection = bench.options.partitions, bench.connection
    source, output = f"{prefix}events", f"{prefix}output"
    command = peers.command(name, connection.bootstrap, prefix, scratch, partitions)
    try:
        await create(connection, [source, output], partitions)
        await create(connection, peers.changelogs(name, prefix), partitions, compact=True)
        await fill(connection, source, lines, partitions)
        part = await Part.start(name, command, scratch / "log", dict(os.environ))
        try:
            async with bench.ends() as ends:
                rate, ended = await follow(
                    ends, output, records=len(lines), check=part.check, longest_s=PEER_S_MAX
                )
            passed = time.perf_counter() - part.started
            bench.say(f"{name}: measured until {passed:.1f} s after its start")
            if ended:
                await _all_there(connection, output, partitions, len(lines))
        finally:
            await part.stop()
        return rate
    finally:
        await drop_topics(connection, prefix)


async def _all_there(connection: Connection, topic: str, partitions: int, wanted: int) -> None:
    """Return when as many records are committed as there were events."""
    until = time.perf_counter() + COMMITTED_S
    while True:
        written = await count_committed(connection, topic, partitions)
        if written == wanted:
            return
        if written > wanted or time.perf_counter() > until:
            raise WrongOutputError(f"{written} outputs for {wanted} events")
        await asyncio.sleep(1.0)
