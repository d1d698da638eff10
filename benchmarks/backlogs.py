"""Rows on a backlog: the worker beside its peers, one user, and more than one process."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks import peers
from benchmarks.bench import Bench
from benchmarks.contest import follow, pair_contends, peer_contends, worker_contends
from benchmarks.events import REFERENCE, SMALL, Line, backlog, evenly, reference
from benchmarks.kafka import wait_members
from benchmarks.results import Figure
from benchmarks.system import is_compiled

EVENTS: Final = 300_000
USERS: Final = 10_000
ONE_USER_EVENTS: Final = 100_000
SCALING_EVENTS: Final = 200_000
PAIR_EVENTS: Final = 600_000
JOIN_S: Final = 60.0
PLAIN: Final = "worker in plain Python"

Contend = Callable[[], Awaitable[float]]


async def reference_row(bench: Bench) -> None:
    """Measure the row `reference`."""
    lines = reference(bench.count(EVENTS), USERS)
    await _beside_peers(bench, {"reference": "faust-total"}, REFERENCE, lines)


async def small_rows(bench: Bench) -> None:
    """Measure the rows `quix` and `streams`, on the same runs of the worker."""
    lines = backlog(bench.count(EVENTS), USERS)
    rows = {name: name for name in bench.wanted("quix", "streams")}
    await _beside_peers(bench, rows, SMALL, lines)


async def pair_row(bench: Bench) -> None:
    """Measure the row `pair`: two processes of the worker, and a peer with two threads."""
    if reason := peers.available("streams"):
        bench.fail("pair", f"streams cannot run here: {reason}")
        return
    await asyncio.to_thread(peers.prepare, "streams", bench.cache_dir)
    lines = backlog(bench.count(PAIR_EVENTS), USERS)
    rates, missing = await take_turns(
        bench,
        {
            "two processes": lambda: pair_contends(bench, SMALL, lines),
            "streams": _peer(bench, "streams", lines),
        },
    )
    if missing:
        raise RuntimeError(str(missing))
    ours, theirs = rates["two processes"], rates["streams"]
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    beside = {f"{name}, events/s": found for name, found in rates.items()}
    how = {"events": len(lines), "users": USERS, "partitions": bench.options.partitions}
    bench.record("pair", Figure(ratios, beside, how, median(ours) / median(theirs)))


async def _beside_peers(
    bench: Bench, rows: Mapping[str, str], game: Path, lines: Sequence[Line]
) -> None:
    contenders: dict[str, Contend] = {"worker": lambda: worker_contends(bench, game, lines)}
    if is_compiled():
        # The worker's own other self, beside the compiled one.
        contenders[PLAIN] = lambda: worker_contends(bench, game, lines, XP_COMPILED="0")
    for row, name in rows.items():
        try:
            if reason := peers.available(name):
                bench.fail(row, f"{name} cannot run here: {reason}")
                continue
            bench.say(f"preparing {name}")
            await asyncio.to_thread(peers.prepare, name, bench.cache_dir)
        except Exception as error:  # noqa: BLE001  whatever keeps a peer away, the others run
            bench.fail(row, f"{name} cannot be prepared: {error}")
            continue
        contenders[name] = _peer(bench, name, lines)
    rates, missing = await take_turns(bench, contenders)
    if "worker" in missing:
        raise RuntimeError(f"worker: {missing['worker']}")
    how = {"events": len(lines), "users": USERS, "partitions": bench.options.partitions}
    plain = rates.get(PLAIN, [])
    for row, name in rows.items():
        if name in missing:
            bench.fail(row, f"{name}: {missing[name]}")
        elif name in contenders:
            ours, theirs = rates["worker"], rates[name]
            ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
            beside = {
                "worker, events/s": ours,
                f"{PLAIN}, events/s": plain,
                f"{name}, events/s": theirs,
            }
            exact = median(ours) / median(theirs)
            bench.record(row, Figure(ratios, beside, how | {"peer": peers.NAMES[name]}, exact))


def _peer(bench: Bench, name: str, lines: Sequence[Line]) -> Contend:
    return lambda: peer_contends(bench, name, lines)


async def take_turns(
    bench: Bench, contenders: Mapping[str, Contend]
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Return the rates of each contender, one per round, and why the others have none.

    They take turns, so that a slow minute of the machine hits all of them.
    """
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    missing: dict[str, str] = {}
    for number in range(bench.options.rounds):
        for name, contend in contenders.items():
            if name in missing:
                continue
            try:
                rate = await contend()
            except Exception as error:  # noqa: BLE001  one that fails must not stop the others
                missing[name] = f"{type(error).__name__}: {error}"
                bench.say(f"round {number + 1}  {name:<12} failed: {missing[name]}")
                continue
            rates[name].append(rate)
            bench.say(f"round {number + 1}  {name:<12} {rate:>10,.0f} /s")
    return rates, missing


async def one_user_row(bench: Bench) -> None:
    """Measure the row `one-user`: a single lane, a single user state, no help from spreading."""
    lines = evenly([b"user-0"] * bench.count(ONE_USER_EVENTS), "one")
    rates, missing = await take_turns(
        bench, {"worker": lambda: worker_contends(bench, REFERENCE, lines)}
    )
    if missing:
        raise RuntimeError(missing["worker"])
    bench.record("one-user", Figure(rates["worker"], {}, {"events": len(lines)}))


async def scaling_row(bench: Bench) -> None:
    """Measure the row `scaling`: the workers have joined before the backlog comes."""
    lines = reference(bench.count(SCALING_EVENTS), USERS)
    rates, missing = await take_turns(
        bench,
        {
            "one process": lambda: _crew_contends(bench, 1, lines),
            "two processes": lambda: _crew_contends(bench, 2, lines),
        },
    )
    if missing:
        raise RuntimeError(str(missing))
    one, two = rates["one process"], rates["two processes"]
    beside = {f"{name}, events/s": found for name, found in rates.items()}
    ratios = [more / less for more, less in zip(two, one, strict=True)]
    how = {
        "events": len(lines),
        "note": "broker, workers and producer share the same cores",
    }
    bench.record("scaling", Figure(ratios, beside, how, median(two) / median(one)))


async def _crew_contends(bench: Bench, workers: int, lines: Sequence[Line]) -> float:
    async with bench.system(f"crew-{workers}") as system, bench.ends() as ends:
        for _ in range(workers):
            await system.start("worker", XP_LOG_LEVEL="warning")
        await system.wait_judged(ends, system.unjudged)
        async with asyncio.timeout(JOIN_S):
            await wait_members(system.connection, f"{system.topics.prefix}worker", workers)
        ledger = system.topics.ledger
        before = await ends.total(ledger)
        filling = asyncio.create_task(system.publish(lines))
        try:
            rate, _ = await follow(
                ends, ledger, begins_at=before, records=len(lines), check=system.check
            )
        finally:
            await filling
        await system.wait_judged(ends, before + len(lines))
        return rate
