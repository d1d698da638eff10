"""All connections of the gateway together: how many there may be, and who has to go.

A connection that owes something, the head of a request or its body or the reading of an answer, has
a deadline. Where there are as many as may be, the one that has been silent for longest makes room,
so that silence keeps nobody out. What a single connection does is `connections`.
"""

import asyncio
import resource
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, Literal, Protocol, assert_never

import structlog

from gateway.http import metrics
from gateway.http.repeats import Repeats

SWEEP_EVERY_S: Final = 1.0
# Files that are no connections of clients: those to Kafka and Postgres, logs, libraries.
OTHER_FILES: Final = 256
# At least so many connections there may be, however few files.
LEAST: Final = 64

# What a connection owes, or that it owes nothing: `idle` between two requests, `left` when all
# that is wanted of the client is that it reads the last answer.
Debt = Literal["head", "body", "reading", "idle", "left"]
Reason = Literal["head", "body", "reading", "left", "crowded", "refused"]

log = structlog.get_logger(__name__)


class Visitor(Protocol):
    """A connection, as the door sees it."""

    def expire(self, debt: Debt) -> None:
        """End, for what was owed has not come in time."""

    def make_room(self) -> None:
        """End, for others are waiting and this one has been silent."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many connections there may be, and how many seconds each may take."""

    connections_max: int = 5000
    # From the first byte of a head, or from the beginning of the connection, to the head's end.
    head_s: float = 10.0
    # From the end of the head to that of the body.
    body_s: float = 30.0
    # For the client to read what waits to be sent.
    reading_s: float = 30.0
    # Between an answer and the next request: longer than the usual proxies keep a connection.
    idle_s: int = 75
    # After an answer that came before the body: for the client to see it.
    left_s: float = 2.0


def raise_files() -> int:
    """Let this process have as many open files as it may; return how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def room_for(wanted: int, files: int) -> int:
    """Return how many connections there may be with so many open files; no more than wanted."""
    if files == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(LEAST, files - OTHER_FILES))


class Door:
    """Knows what each connection owes, and since when."""

    def __init__(self, limits: Limits) -> None:
        """Take the limits."""
        self.limits = limits
        self._loop = asyncio.get_running_loop()
        # Longest first, for each is put in at its time.
        self._since: dict[Debt, OrderedDict[Visitor, float]] = {
            debt: OrderedDict() for debt in ("head", "body", "reading", "idle", "left")
        }
        self._sweeping = False
        self._repeats = Repeats()

    def owes(self, visitor: Visitor, debt: Debt) -> None:
        """Note that from now on a connection owes something."""
        self._since[debt][visitor] = self._loop.time()
        if not self._sweeping and debt != "idle":
            self._sweeping = True
            self._loop.call_later(SWEEP_EVERY_S, self._sweep)

    def settled(self, visitor: Visitor, debt: Debt) -> None:
        """Note that it no longer does."""
        self._since[debt].pop(visitor, None)

    def admits(self, count: int) -> bool:
        """Tell whether one more may come when there are `count` with it; makes room if it can."""
        if count <= self.limits.connections_max:
            return True
        for debt in ("head", "idle"):
            waiting = self._since[debt]
            # The one that has just come is the last of those that owe a head.
            if len(waiting) > (debt == "head"):
                silent, _ = waiting.popitem(last=False)
                silent.make_room()
                self.count("crowded")
                return True
        self.count("refused")
        return False

    def count(self, reason: Reason) -> None:
        """Count a connection that was ended, and log one of a kind in a while."""
        metrics.CONNECTIONS_ENDED.labels(reason).inc()
        dropped = self._repeats.dropped(reason)
        if dropped is not None:
            log.warning("connection.ended", reason=reason, repeated=dropped)

    def _sweep(self) -> None:
        now_s = self._loop.time()
        owing = False
        for debt, waiting in self._since.items():
            if debt == "idle":
                # The server's own timer ends these.
                continue
            before_s = now_s - self._patience_s(debt)
            for visitor in [it for it, since_s in waiting.items() if since_s < before_s]:
                waiting.pop(visitor, None)
                visitor.expire(debt)
                if debt != "left":
                    self.count(debt)
            owing = owing or bool(waiting)
        self._sweeping = owing
        if owing:
            self._loop.call_later(SWEEP_EVERY_S, self._sweep)

    def _patience_s(self, debt: Debt) -> float:
        match debt:
            case "head":
                return self.limits.head_s
            case "body":
                return self.limits.body_s
            case "reading":
                return self.limits.reading_s
            case "left":
                return self.limits.left_s
            case "idle":
                return self.limits.idle_s
            case _:
                assert_never(debt)
