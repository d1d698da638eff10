"""Schedules of the simulator hold every invariant, and the simulator itself can be believed.

More of them: PYTHONPATH=.:tests python -m simulation --schedules 5000 --seed 1000
"""

import asyncio
from random import Random

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import OutOfOrderSequenceNumber
from simulation.clock import Process, StuckError, new_clock
from simulation.disk import Disks, GuardedStore
from simulation.runs import run_schedules
from simulation.worker import TOPICS
from simulation.world import World

from processor.rows import KEY

SEED = 0
SCHEDULES = 200

# A process that is killed in the midst leaves generators behind that nobody closes in good order.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def test_no_schedule_violates_an_invariant():
    summary = run_schedules(SEED, SCHEDULES)
    assert not summary.violations, summary.text()
    # A schedule in which nothing goes wrong proves nothing.
    missing = [it for it in EXPECTED if not summary.injected[it]]
    assert (missing, summary.skipped > 0) == ([], True), summary.text()


EXPECTED = (
    "adjusted",
    "blocked",
    "corrected",
    "due",
    "held",
    "answer lost",
    "batch repeated",
    "chunk lost",
    "chunk repeated",
    "crash at lane.judged",
    "crash at lane.appended",
    "crash at lane.stored",
    "crash at store.write",
    "crash at store.written",
    "cut off",
    "disk failed",
    "disk wiped",
    "kill",
    "misrouted",
    "pause",
    "poison",
    "power",
    "rebalance",
    "refused",
    "repeated",
    "request late",
    "request lost",
    "session broken",
    "zombie",
)


@pytest.fixture
def disks(tmp_path):
    made = Disks(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_a_seed_says_all_that_happens(disks, seed):
    first, second = World(seed, disks), World(seed, disks)
    assert first.run() == second.run() == []
    assert first.log.topics == second.log.topics
    assert (first.injected, first.clock.turns) == (second.injected, second.clock.turns)


def test_a_dropped_dedupe_is_noticed(monkeypatch):
    # Where compiled modules, whose own functions nobody can replace, ask too.
    get = GuardedStore.get
    monkeypatch.setattr(
        GuardedStore, "get", lambda store, key: None if key[:1] == KEY else get(store, key)
    )
    assert run_schedules(SEED, 20).violations


def test_a_chain_that_the_higher_offset_wins_is_noticed(monkeypatch):
    def higher(last, record):
        return last is None or tuple(record["source"])[2] > last.offset

    monkeypatch.setattr("broker.ledger.follows", higher)
    assert run_schedules(SEED, 250).violations


def test_time_jumps_and_a_paused_process_goes_on_where_it_was_held():
    clock, process = new_clock(Random(1)), Process("paused")
    seen: list[float] = []

    async def work():
        while len(seen) < 4:
            seen.append(clock.time())
            await asyncio.sleep(10)

    async def main():
        working = clock.create_task(work(), context=process.context)
        await asyncio.sleep(15)
        process.paused = True
        await asyncio.sleep(100)
        clock.resume(process)
        await working

    clock.run(main(), turns_max=100)
    assert seen == [0, 10, 115, 125]


def test_a_dead_process_does_nothing_more_not_even_clean_up():
    clock, process = new_clock(Random(1)), Process("dead")
    seen: list[str] = []

    async def work():
        try:
            await asyncio.sleep(1)
        finally:
            seen.append("cleaned up")

    async def main():
        clock.create_task(work(), context=process.context)
        await asyncio.sleep(0.5)
        process.dead = True
        await asyncio.sleep(10)
        return list(seen)

    assert clock.run(main(), turns_max=100) == []
    clock.bury()


def test_what_never_ends_is_noticed():
    async def forever():
        while True:
            await asyncio.sleep(1)

    async def never():
        await asyncio.Event().wait()

    for endless in (forever, never):
        clock = new_clock(Random(1))
        with pytest.raises(StuckError):
            clock.run(endless(), turns_max=100)
        clock.bury()


def test_the_log_takes_a_batch_of_a_session_once_and_in_order(disks):
    log, tp = World(0, disks).log, TopicPartition(TOPICS.profiles, 0)
    assert [log.append_once(tp, 1, 0, [(b"a", b"1", ()), (b"a", b"2", ())]) for _ in "ab"] == [0, 0]
    with pytest.raises(OutOfOrderSequenceNumber):
        log.append_once(tp, 1, 3, [(b"a", b"4", ())])
    assert log.append_once(tp, 2, 0, [(b"b", b"1", ())]) == 2
    assert log.append_once(tp, 1, 2, [(b"a", b"3", ())]) == 3
    assert [it.value for it in log.topics[tp]] == [b"1", b"2", b"1", b"3"]
