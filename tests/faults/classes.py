"""What a fault class is, and the register of all of them. The faults themselves are elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faults.oracle import Oracle
    from faults.world import World

# Does its harm while the load runs, and leaves the world able to recover by itself.
Strike = Callable[["World", Random], Awaitable[None]]
# Looks at something that only this class promises; returns the texts of what is violated.
Check = Callable[["World", "Oracle"], Awaitable[Sequence[str]]]

PARTS = ("worker", "project", "serve", "notify")


@dataclass(frozen=True)
class Options:
    """The system that a class needs."""

    # "worker 2" is a second worker, "serve 2" a gateway on a port of its own.
    parts: tuple[str, ...] = PARTS
    partitions: int = 4
    # Variables for every part, beside those of the world.
    environment: Mapping[str, str] = field(default_factory=dict)
    # Events of a round: at least so many, and going on at this rate while the strike lasts.
    events: int = 400
    events_max: int = 1500
    rate: float = 300.0
    # What share of the events is sent over HTTP.
    http: float = 0.3


@dataclass(frozen=True)
class FaultClass:
    """One kind of fault, to be brought about again and again with other dice."""

    id: str
    title: str
    strike: Strike
    options: Options = Options()
    # Seconds from the last blow within which all lag must be gone (I10).
    bar_s: float = 30.0
    # Called once, when the world runs and before its first round.
    prepare: Callable[[World], Awaitable[None]] | None = None
    check: Check | None = None
    # Makes the world, where the class needs another kind of one; called with home and options.
    world: Callable[..., World] | None = None
    # Whether every round needs a world of its own: what it brings about happens once in a world.
    once: bool = False
    # Whether the short run has it, and whether all others there come before it: what it leaves
    # behind, such as other definitions, is nothing for them.
    short: bool = False
    last: bool = False


CLASSES: dict[str, FaultClass] = {}


def register(fault: FaultClass) -> FaultClass:
    """Add a class to the register and return it."""
    assert fault.id not in CLASSES, fault.id
    CLASSES[fault.id] = fault
    return fault
