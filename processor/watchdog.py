"""Ends a worker whose consumer has stalled, so that its supervisor starts it anew.

A consumer can come to rest without an error: a fetch that never returns, a group that was lost and
is not joined again, a thread that hangs. What shows it from outside is that the broker answers, a
partition has more than was delivered, nobody asked for it to be held back, and nothing comes.
Nothing that counts depends on a clean end, so the process ends at once.

A finding counts in looks, not in seconds: a machine that slept, or a process that was stopped, has
not looked meanwhile. No rules and no state of the ledger here; what it looks at is the transport's.
"""

import asyncio
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, Self

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from broker.connection import Connection
from broker.ends import EndOffsets
from processor.metrics import STALLS

LOOK_EVERY_S: Final = 5.0
LOOKS_MAX: Final = 12
# A rebalance waits a minute for a member that is slow, and a loop for a disk that is.
SLOW_LOOKS_MAX: Final = 24
ANSWER_WAIT_S: Final = 5.0
EXIT_CODE: Final = 70

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the consumer says that it is."""

    # It belongs to the group, or is on its way back by itself.
    member: bool
    # It delivers; not so while the group is rebalanced.
    flowing: bool
    # The offset that is to be delivered next, by topic and partition, where a loop waits for it.
    awaited: Mapping[tuple[str, int], int]


class Finding(NamedTuple):
    """What one look has found; the same words again are the same finding."""

    what: str
    slow: bool = False


class Patient(Protocol):
    """What a watchdog looks at."""

    async def pulse(self) -> Pulse:
        """Return the consumer's pulse, or hang as the consumer does."""


class Ends(Protocol):
    """What the broker says, over a connection that is not the consumer's."""

    async def __call__(self, awaited: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
        """Return the offset after the last message of these partitions.

        Raises KafkaError or TimeoutError when the broker does not answer.
        """


class Watchdog:
    """Looks at a consumer again and again, and ends the process when it has stalled."""

    def __init__(
        self,
        patient: Patient,
        ends: Ends,
        *,
        end: Callable[[str], None] | None = None,
        look_every_s: float = LOOK_EVERY_S,
        looks_max: int = LOOKS_MAX,
        slow_looks_max: int = SLOW_LOOKS_MAX,
    ) -> None:
        """Take whom to look at, whom to ask, and what to do with the reason when it has stalled.

        `end` None ends the process. It stalled when the same finding came `looks_max` times in a
        row, or `slow_looks_max` times if it is about the group or the event loop.
        """
        self._patient = patient
        self._ends = ends
        self._end = end or end_process
        self._look_every_s = look_every_s
        self._looks_max = looks_max
        self._slow_looks_max = slow_looks_max
        self._findings: Counter[Finding] = Counter()
        self._turns = 0
        self._over = threading.Event()

    async def __aenter__(self) -> Self:
        """Begin to look."""
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._turn())]
        threading.Thread(target=self._watch_loop, name="watchdog", daemon=True).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Look no longer."""
        self._over.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._look_every_s)
            await self.look()

    async def look(self) -> None:
        """Look once, and end the process if this finding is one too many."""
        found = await self._find()
        # What is not found again is forgotten: only what lasts without a change is a stall.
        self._findings = Counter({it: self._findings[it] + 1 for it in found})
        for finding, looks in self._findings.items():
            if looks >= (self._slow_looks_max if finding.slow else self._looks_max):
                self._stop(f"{finding.what} (looked {looks} times)")
                return

    async def _find(self) -> set[Finding]:
        try:
            async with asyncio.timeout(ANSWER_WAIT_S):
                pulse = await self._patient.pulse()
        except TimeoutError:
            return {Finding("the consumer's thread does not answer")}
        try:
            async with asyncio.timeout(ANSWER_WAIT_S):
                ends = await self._ends(pulse.awaited)
        except (KafkaError, TimeoutError):
            # Nothing can be known, and a new process would fare no better.
            return set()
        if not pulse.member:
            return {Finding("the consumer is no member of its group", slow=True)}
        if not pulse.flowing:
            return {Finding("a rebalance does not end", slow=True)}
        return {
            Finding(f"{topic}/{partition} holds record {awaited} and does not deliver it")
            for (topic, partition), awaited in pulse.awaited.items()
            if awaited < ends.get((topic, partition), 0)
        }

    async def _turn(self) -> None:
        while True:
            self._turns += 1
            await asyncio.sleep(self._look_every_s / 2)

    def _watch_loop(self) -> None:
        turns, looks = -1, 0
        while not self._over.wait(self._look_every_s):
            looks = looks + 1 if turns == self._turns else 0
            turns = self._turns
            if looks >= self._slow_looks_max:
                self._stop(f"the event loop is blocked (looked {looks} times)")
                return

    def _stop(self, reason: str) -> None:
        STALLS.inc()
        log.critical("worker.stalled", reason=reason)
        self._end(reason)


class BrokerEnds:
    """The ends of partitions as a client of its own sees them."""

    def __init__(self, connection: Connection, topic: str) -> None:
        """Take the cluster, and a topic whose partition 0 is asked for where nothing is awaited."""
        self._topic = topic
        self._ends = EndOffsets(connection)

    async def __call__(self, awaited: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
        """See Ends."""
        ends = await self._ends(TopicPartition(*it) for it in awaited or {(self._topic, 0): 0})
        return {(tp.topic, tp.partition): offset for tp, offset in ends.items()}

    async def close(self) -> None:
        """Disconnect."""
        await self._ends.close()


def end_process(reason: str) -> None:
    """End this process at once, with what was logged written out."""
    del reason
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(EXIT_CODE)
