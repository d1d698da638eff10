"""Runs the rounds of one class, one after the other on one world; a new world after a violation."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from faults.classes import FaultClass
from faults.load import Load
from faults.oracle import AWAY, Oracle
from faults.plan import draw, draw_seed
from faults.report import Round
from faults.world import World

STRIKE_S_MAX = 240.0


async def run_class(
    fault: FaultClass,
    seed: str,
    numbers: Sequence[int],
    done: Callable[[Round], None],
    keep: Path | None = None,
) -> None:
    """Run the rounds of these numbers, and hand each to `done` when it is over.

    keep: where logs are left of rounds with a violation or a slow recovery; None: nowhere.
    """
    left = list(numbers)
    while left:
        try:
            await _run_until_violated(fault, seed, left, done, keep)
        except Exception:  # noqa: BLE001  a world that does not start is told, the others go on
            text = f"driver: no world for it: {traceback.format_exc()}"
            done(_round(fault, seed, left.pop(0) if left else numbers[-1], violations=[text]))


async def _run_until_violated(
    fault: FaultClass,
    seed: str,
    left: list[int],
    done: Callable[[Round], None],
    keep: Path | None,
) -> None:
    async with new_world(fault) as (world, oracle):
        while left:
            one = await run_round(fault, world, oracle, seed, left.pop(0))
            done(one)
            if one.violations or one.recovery_s > fault.bar_s / 2:
                await _keep(world, oracle, keep, one)
            if one.violations or fault.once:
                return


async def run_short(
    faults: Sequence[FaultClass], seed: str, done: Callable[[Round], None], keep: Path | None = None
) -> None:
    """Run one round of each class, those that need no special world all on the same one.

    Ends at the first violation: what comes after it on the same world would only repeat it.
    """
    kinds: dict[object, list[FaultClass]] = {}
    for fault in faults:
        kinds.setdefault((fault.world, fault.prepare), []).append(fault)
    for group in kinds.values():
        async with new_world(_joined(group)) as (world, oracle):
            # Those with a check of their own first: it may count on what was before them.
            for fault in sorted(group, key=lambda it: (it.last, it.check is None)):
                one = await run_round(fault, world, oracle, seed, 1)
                done(one)
                if one.violations:
                    await _keep(world, oracle, keep, one)
                    return


def _joined(faults: Sequence[FaultClass]) -> FaultClass:
    """Return a class whose world has what each of these needs."""
    options = [fault.options for fault in faults]
    joined = replace(
        options[0],
        parts=tuple(dict.fromkeys(name for it in options for name in it.parts)),
        environment={name: text for it in options for name, text in it.environment.items()},
    )
    return replace(faults[0], options=joined)


@contextlib.asynccontextmanager
async def new_world(fault: FaultClass) -> AsyncIterator[tuple[World, Oracle]]:
    """Run a world for the length of the block, with an oracle that saw its beginning."""
    home = Path(tempfile.mkdtemp(prefix=f"xp-{fault.id}-"))
    world = (fault.world or World)(home, fault.options)
    oracle = Oracle(world)
    try:
        await world.start()
        if fault.prepare is not None:
            await fault.prepare(world)
        yield world, oracle
    finally:
        await oracle.close()
        await world.stop()
        shutil.rmtree(home, ignore_errors=True)


async def run_round(
    fault: FaultClass, world: World, oracle: Oracle, seed: str, number: int
) -> Round:
    """Run one round: load and strike together, then wait for quiet and check."""
    dice = Random(f"{draw_seed(seed, fault.id, number)}/strike")
    world.last_blow, world.notes = None, []
    dropped, skipped = oracle.judging.dropped, oracle.judging.skipped
    options = fault.options
    events = draw(seed, fault.id, number, options.events_max, options.http)
    struck = asyncio.Event()
    problems: list[str] = []
    async with Load(world, dice, options, fault.bar_s) as load:
        world.load = load
        striking = asyncio.create_task(_strike(fault, world, dice, struck))
        await load.send_all(events, struck)
        problems += await striking
        await load.settled()
        sent = load.events
    problems += load.problems
    try:
        violations, took_s = await oracle.check(sent, load.last_sent, fault.bar_s)
        if fault.check is not None:
            violations = [*violations, *await fault.check(world, oracle)]
    except Exception:  # noqa: BLE001  whatever stops the check is a finding about this round
        violations, took_s = [f"driver: {traceback.format_exc()}"], 0.0
    if oracle.judging.skipped > skipped:
        world.notes.append(f"{oracle.judging.skipped - skipped} records of two writers skipped")
    if took_s > fault.bar_s / 2:
        world.notes.append(f"slow: waited {oracle.waited_for[:200]}")
    return _round(
        fault,
        seed,
        number,
        events=len(sent),
        violations=[*problems, *violations],
        duplicates_dropped=oracle.judging.dropped - dropped,
        recovery_s=round(took_s, 2),
        notes=list(world.notes),
    )


def _round(fault: FaultClass, seed: str, number: int, **found: Any) -> Round:
    nothing: dict[str, Any] = {"events": 0, "duplicates_dropped": 0, "recovery_s": 0.0}
    return Round(
        fault=fault.id,
        title=fault.title,
        seed=seed,
        number=number,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        **(nothing | found),
    )


async def _strike(
    fault: FaultClass, world: World, dice: Random, struck: asyncio.Event
) -> list[str]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(STRIKE_S_MAX):
            await fault.strike(world, dice)
    except Exception:  # noqa: BLE001  a strike that fails is a failed round, not the end of all
        return [f"driver: the strike failed: {traceback.format_exc()}"]
    finally:
        struck.set()
        if world.last_blow is None or world.last_blow < began:
            world.blow()
    return []


async def _keep(world: World, oracle: Oracle, keep: Path | None, one: Round) -> None:
    """Leave logs and what was noted for somebody to look at."""
    if keep is None:
        return
    place = keep / f"{one.fault}-{one.number}-{one.seed}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "round.txt").write_text("\n\n".join([*one.violations, *one.notes]) + "\n")
    for name in world.parts:
        (place / f"{name.replace(' ', '-')}.log").write_text(world.log_of(name, 2_000_000))
    if one.violations:
        with contextlib.suppress(*AWAY, ValueError):
            await oracle.dump(place)
