"""When the watchdog ends a worker, and when it must not."""

import asyncio
import subprocess
import sys
import time

import pytest
from aiokafka.errors import KafkaConnectionError

from processor.watchdog import EXIT_CODE, Pulse, Watchdog

LOOKS = 3
PATIENCE_S = 30
EVENTS = ("events", 0)


class World:
    """A consumer that says what it is told to, and a broker that holds what it is told to."""

    def __init__(self):
        self.member = True
        self.flowing = True
        self.awaited = {EVENTS: 10}
        self.held = {EVENTS: 12}
        self.failure = None
        self.ended: list[str] = []
        self.dog = Watchdog(
            self,
            self.ends,
            end=self.ended.append,
            look_every_s=0.01,
            looks_max=LOOKS,
            slow_looks_max=2 * LOOKS,
        )

    async def pulse(self):
        return Pulse(member=self.member, flowing=self.flowing, awaited=dict(self.awaited))

    async def ends(self, _awaited):
        if self.failure:
            raise self.failure
        return self.held

    async def look(self, times):
        for _ in range(times):
            await self.dog.look()


@pytest.fixture
def world():
    return World()


async def test_a_partition_that_holds_more_and_delivers_nothing_ends_the_process(world):
    await world.look(LOOKS - 1)
    assert not world.ended
    await world.look(1)
    assert "events/0 holds record 10" in world.ended[0]


async def test_slow_delivery_and_an_idle_topic_are_no_stall(world):
    for offset in range(10, 20):
        world.awaited = {EVENTS: offset}
        world.held = {EVENTS: offset + 1_000_000}
        await world.look(LOOKS - 1)
    world.held = world.awaited
    await world.look(5 * LOOKS)
    assert not world.ended


async def test_a_partition_for_which_no_loop_waits_is_no_stall(world):
    world.awaited = {}
    await world.look(5 * LOOKS)
    assert not world.ended


@pytest.mark.parametrize("failure", [KafkaConnectionError(), TimeoutError()])
async def test_while_the_broker_is_away_nothing_is_held_against_the_consumer(world, failure):
    world.flowing = world.member = False
    for _ in range(4):
        world.failure = None
        await world.look(LOOKS - 1)
        world.failure = failure
        await world.look(3 * LOOKS)
    assert not world.ended


async def test_a_rebalance_may_take_its_time_but_not_for_ever(world):
    world.flowing = False
    await world.look(2 * LOOKS - 1)
    assert not world.ended
    await world.look(1)
    assert "rebalance" in world.ended[0]


async def test_a_group_that_is_lost_and_joined_again_is_no_stall(world):
    world.held = world.awaited
    for member in (False, True, False, True):
        world.member = member
        await world.look(2 * LOOKS - 1)
    assert not world.ended


async def test_a_group_that_is_lost_for_good_ends_the_process(world):
    world.member = False
    await world.look(2 * LOOKS)
    assert "no member" in world.ended[0]


async def test_a_consumer_that_does_not_answer_ends_the_process(world, monkeypatch):
    monkeypatch.setattr("processor.watchdog.ANSWER_WAIT_S", 0.01)

    async def hang():
        await asyncio.Event().wait()

    world.pulse = hang
    await world.look(LOOKS)
    assert "does not answer" in world.ended[0]


async def test_it_looks_by_itself_and_no_longer_once_it_is_left(world):
    async with world.dog:
        async with asyncio.timeout(PATIENCE_S):
            while not world.ended:
                await asyncio.sleep(0.01)
    count = len(world.ended)
    await asyncio.sleep(0.1)
    assert len(world.ended) == count


class Looks:
    """Stands in for the pauses of the thread: there are so many, and something happens in each."""

    def __init__(self, count, meanwhile):
        self._left = range(count)
        self._meanwhile = meanwhile

    def wait(self, _seconds):
        for number in self._left:
            self._left = self._left[1:]
            self._meanwhile(number)
            return False
        return True


def looked_at_loop(world, count, turns):
    """Have the thread look so many times at an event loop that turns in some of the pauses."""

    def meanwhile(number):
        world.dog._turns += turns(number)

    world.dog._over = Looks(count, meanwhile)
    world.dog._watch_loop()


def test_an_event_loop_that_turns_is_not_blocked_however_slowly(world):
    looked_at_loop(world, 20 * LOOKS, lambda number: number % (2 * LOOKS) == 0)
    assert not world.ended


def test_an_event_loop_that_does_not_turn_is_given_some_looks_and_no_more(world):
    looked_at_loop(world, 2 * LOOKS, lambda _number: 0)
    assert not world.ended
    looked_at_loop(world, 2 * LOOKS + 1, lambda _number: 0)
    assert world.ended == [f"the event loop is blocked (looked {2 * LOOKS} times)"]


async def test_a_blocked_event_loop_ends_the_process(world):
    world.held = world.awaited
    async with world.dog:
        end = time.monotonic() + PATIENCE_S
        while not world.ended and time.monotonic() < end:
            # On purpose: it is what the watchdog is to notice.
            time.sleep(0.01)  # noqa: ASYNC251
    assert "event loop is blocked" in world.ended[0]


def test_the_process_ends_at_once_with_a_code_that_tells_of_a_failure():
    program = (
        "import atexit\n"
        "from processor.watchdog import end_process\n"
        "atexit.register(print, 'in good order')\n"
        "end_process('stalled')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (EXIT_CODE, b"")
