"""What runs beside a partition's lane for as long as it does, and what it is given to work with.

A companion reads what its lane has stored and asks for effects by publishing inputs to the lane's
own events partition, as everyone else does. It writes neither state nor ledger.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from broker.connection import Connection
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.rulesets import Rulesets
from schemas.instants import MILLISECOND, SECOND, micros
from schemas.topics import Topics

# A hold is over when nothing old has come for so long: whoever asked for it must have died.
HOLD_MAX: Final = 10 * 60 * SECOND

# One input: record key and value.
KeyedInput = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class LaneTools:
    """What a companion of one lane works with.

    `state` is the lane's own: a companion asks it for what is stored (`versions` excepted, which
    may be ahead of the store by the batch in flight) and never applies, keeps or drops anything.
    """

    context: LaneContext
    state: PartitionState
    rulesets: Rulesets
    topics: Topics
    connection: Connection
    # Appends inputs to the lane's own events partition, in order, and returns once all are
    # acknowledged. Raises a KafkaError; some may have been appended then.
    publish: Callable[[Sequence[KeyedInput]], Awaitable[None]]
    # How many delivered messages wait to be judged by the lane.
    waiting: Callable[[], int]
    # Whether the lane has more to do than it can be given: it folds, it has not yet judged all that
    # was there when it began, or much waits for it. What is published meanwhile would only wait
    # behind it, and may have been published before.
    behind: Callable[[], bool]

    def is_held(self, now: datetime) -> bool:
        """Tell whether old events are coming, and time has to wait; `now` has its zone."""
        hold = self.state.hold
        return hold.on and micros(now) - hold.since * MILLISECOND < HOLD_MAX


class Companion(Protocol):
    """Something that runs beside a lane."""

    async def run(self) -> None:
        """Work until cancelled: begun when the lane has folded, cancelled with it.

        What it raises ends the assignment as if the lane had raised it: a KafkaError or a
        StoreError begins it anew, anything else ends the worker. It must not return.
        """


class CompanionEndedError(Exception):
    """A companion returned although nobody asked it to end."""
