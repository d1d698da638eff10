"""Rows of growth: what an event costs where there are ten times the users, rules or keys.

Each has a ledger of its own, folded before the first round; a round is a backlog of events of known
users. The base has one copy of a history.
"""

from contextlib import AsyncExitStack
from statistics import median
from typing import Final, NamedTuple

from benchmarks.backlogs import take_turns
from benchmarks.bench import Bench
from benchmarks.contest import worker_rate
from benchmarks.events import REFERENCE, Line, enlarged, reference
from benchmarks.history import TEMPLATE_EVENTS, TEMPLATE_USERS, Shape, write_history
from benchmarks.results import Figure
from benchmarks.system import System

EVENTS: Final = 60_000
TIMES: Final = 10
FOLD_S: Final = 300.0


class Case(NamedTuple):
    """One thing that is ten times as large, or none."""

    # Records of the history, users, and rules, in multiples of the base.
    records: int = 1
    users: int = 1
    rules: int = 1

    def shape(self, records: int) -> Shape:
        """Return the history, for the records of the base."""
        return Shape(records * self.records, copies_max=self.users)


CASES: Final = {
    "base": Case(),
    "growth-users": Case(records=TIMES, users=TIMES),
    "growth-rules": Case(rules=TIMES),
    "growth-keys": Case(records=TIMES),
}
NOTES: Final = {
    "growth-users": "each with the same history, so that there are ten times the keys as well",
    "growth-rules": "30 metrics, each with the rules of one of the three; events of all of them",
    "growth-keys": "of the same users",
}


async def growth_rows(bench: Bench) -> None:
    """Measure the rows of growth that are wanted, in turns with the base."""
    wanted = bench.wanted(*NOTES)
    events = bench.count(EVENTS)
    async with AsyncExitStack() as opened:
        contenders = {}
        for name in ("base", *wanted):
            game = bench.scratch / f"{name}.yaml"
            times = CASES[name].rules
            game.write_text(REFERENCE.read_text() if times == 1 else enlarged(times))
            system = await opened.enter_async_context(bench.system(name, game=game))
            await _fold(bench, system, CASES[name].shape(bench.count(TEMPLATE_EVENTS)))
            contenders[name] = _Contender(bench, system, CASES[name], events).run
        rates, missing = await take_turns(bench, contenders)
    if "base" in missing:
        raise RuntimeError(missing["base"])
    for name in wanted:
        if name in missing:
            bench.fail(name, missing[name])
            continue
        ratios = [base / rate for base, rate in zip(rates["base"], rates[name], strict=True)]
        beside = {"base, events/s": rates["base"], "grown, events/s": rates[name]}
        how = {"events": events, "note": NOTES[name]}
        exact = median(rates["base"]) / median(rates[name])
        bench.record(name, Figure(ratios, beside, how, exact))


async def _fold(bench: Bench, system: System, shape: Shape) -> None:
    await write_history(bench, system, shape)
    async with bench.ends() as ends:
        total = await ends.total(system.topics.ledger) + system.unjudged
        part = await system.start("worker")
        await system.wait_judged(ends, total, patience_s=FOLD_S)
        await system.stop(part)


class _Contender:
    """One case, round after round on the same ledger."""

    def __init__(self, bench: Bench, system: System, case: Case, events: int) -> None:
        self._bench = bench
        self._system = system
        self._case = case
        self._events = events
        self._round = 0

    async def run(self) -> float:
        """Return events per second of one more backlog."""
        self._round += 1
        lines: list[Line] = reference(
            self._events,
            TEMPLATE_USERS * self._case.users,
            run=f"g{self._round}",
            games=self._case.rules,
        )
        return await worker_rate(self._bench, self._system, lines)
