"""The stand-in for Kafka: partitions are lists, and what lies between them and a client goes wrong.

What the broker does is kept: a batch lands whole, an idempotent producer's batch lands once and in
its order, what was sent before a process died may land long after. Nothing of xpledger is in here.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, NamedTuple, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, OutOfOrderSequenceNumber
from simulation.clock import Clock

Result = TypeVar("Result")
Headers = tuple[tuple[str, bytes], ...]

TIMEOUT_S: Final = 2.0
LATE_S: Final = 20.0
# As many of a session's last batches a broker can say the offset of.
BATCHES_KNOWN: Final = 5


class Stored(NamedTuple):
    """One record of a partition, with the names that aiokafka's have."""

    offset: int
    # Milliseconds since 1970.
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Landed(NamedTuple):
    """What a producer hears of a batch; aiokafka's has more."""

    offset: int


@dataclass
class Rates:
    """How often what goes wrong, from 0 to 1; all 0 once the faults have ended."""

    lost: float = 0  # a request never arrives
    unanswered: float = 0  # a request arrives, its answer does not
    late: float = 0  # a request arrives long after it was given up
    broken: float = 0  # a producer's session ends with an error that says nothing of the batch
    failed: float = 0  # a reader's request fails
    slow: float = 0.05  # seconds, a usual delay

    def end(self) -> None:
        """Let nothing go wrong any more."""
        self.lost = self.unanswered = self.late = self.broken = self.failed = 0


@dataclass
class Log:
    """All topics, and how they are reached."""

    clock: Clock
    dice: Random
    rates: Rates
    # Returns the append time, in milliseconds since 1970.
    millis: Callable[[], int]
    injected: Counter[str]
    topics: dict[TopicPartition, list[Stored]] = field(default_factory=lambda: defaultdict(list))
    # Called with the partition that has grown.
    grown: Callable[[TopicPartition], None] = lambda _tp: None
    # Whether all is over: what is still under way lands nowhere.
    is_over: bool = False
    _sessions: Any = field(default_factory=dict)

    def append(self, tp: TopicPartition, records: Sequence[tuple[bytes | None, Any, Any]]) -> int:
        """Append (key, value, headers) as one batch; return the offset of the first."""
        partition = self.topics[tp]
        base, now = len(partition), self.millis()
        if self.is_over:
            return base
        for key, value, headers in records:
            kept = tuple((name, bytes(text)) for name, text in headers)
            partition.append(Stored(len(partition), now, key, value, kept))
        self.grown(tp)
        return base

    def append_once(
        self, tp: TopicPartition, session: int, sequence: int, records: Sequence[Any]
    ) -> int:
        """Append a batch of an idempotent session once; -1 if it landed too long ago to know.

        Raises OutOfOrderSequenceNumber when the one before it is missing.
        """
        due, known = self._sessions.setdefault((session, tp), (0, {}))
        if sequence < due:
            self.injected["batch repeated"] += 1
            return int(known.get(sequence, -1))
        if sequence > due:
            raise OutOfOrderSequenceNumber
        base = self.append(tp, records)
        newest = dict([*known.items(), (sequence, base)][-BATCHES_KNOWN:])
        self._sessions[session, tp] = (sequence + len(records), newest)
        return base

    def delay(self) -> float:
        """Return how long a message is under way, in seconds."""
        # Mostly short, sometimes ten times as long as usual.
        return self.rates.slow * 10 * self.dice.random() ** 4

    def hit(self, rate: float, name: str) -> bool:
        """Tell whether something goes wrong now, and count it."""
        if rate <= 0 or self.dice.random() >= rate:
            return False
        self.injected[name] += 1
        return True

    async def ask(self, request: Callable[[], Result]) -> Result:
        """Do something at the broker and return what it says. Raises KafkaConnectionError."""
        if self.hit(self.rates.failed, "read failed"):
            await asyncio.sleep(self.delay())
            raise KafkaConnectionError("simulated")
        answer: asyncio.Future[Result] = self.clock.create_future()
        self.at_broker(self.delay(), self._answer, answer, request)
        return await answer

    def _answer(self, answer: asyncio.Future[Result], request: Callable[[], Result]) -> None:
        said = request()
        self.at_broker(self.delay(), settle, answer, said)

    def at_broker(self, delay: float, action: Callable[..., object], *args: Any) -> None:
        """Have something happen at the broker, which no fault of a client stops."""
        self.clock.call_later(delay, action, *args, context=Context())


def settle(answer: asyncio.Future[Result], said: Result) -> None:
    """Answer, unless nobody waits any more."""
    if not answer.done():
        answer.set_result(said)
