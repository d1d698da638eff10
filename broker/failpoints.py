"""Points at which a process can be told to die: tests of recovery hit the gaps between steps.

A point lies on each side of every step that makes something last. Nothing is armed unless the
setting `failpoint` says so, and then the process ends there as kill -9 would end it.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

# Where they are, and what has just become true there.
POINTS: Final = (
    "lane.sent",  # dead letters, forwarded events and profiles are acknowledged, no record is
    "lane.judged",  # a batch is judged, not appended
    "lane.appended",  # the append is acknowledged, not stored
    "lane.stored",  # stored, and the next batch not begun
    "announcer.sent",  # notices are acknowledged, the position is not kept
    "announcer.hinted",  # the position is on its way to the group's offsets
    "projector.applied",  # the rows are written, the transaction is open
    "projector.committed",  # rows and position are committed
    "gateway.appended",  # the event is acknowledged, the client not answered
    "outbox.applied",  # deliveries are written, the transaction is open
    "outbox.committed",  # deliveries and position are committed
    "dispatcher.sent",  # the receiver has answered, the outcome is not stored
)

# How often they have to be reached yet, and what happens then.
_armed: dict[str, tuple[int, signal.Signals]] = {}
# Called with every point that is reached, in a simulation; it may raise.
_watcher: Callable[[str], None] | None = None


class UnknownFailpointError(ValueError):
    """There is no such point."""


def arm(text: str) -> None:
    """Arm the point NAME, or NAME:N for the Nth time that it is reached.

    NAME:N:stop halts the process there instead, until somebody sends it SIGCONT: what a paused
    machine does. Raises UnknownFailpointError.
    """
    name, _, rest = text.partition(":")
    times, _, how = rest.partition(":")
    if name not in POINTS or (times and not times.isdigit()) or how not in ("", "stop"):
        raise UnknownFailpointError(
            f"{text!r}: NAME, NAME:N or NAME:N:stop, of {', '.join(POINTS)}"
        )
    _armed[name] = (int(times or 1), signal.SIGSTOP if how else signal.SIGKILL)


@contextmanager
def watched(watcher: Callable[[str], None]) -> Iterator[None]:
    """Have a function called with the name of every point that is reached meanwhile."""
    global _watcher  # noqa: PLW0603  points are reached from everywhere, without an object to ask
    before, _watcher = _watcher, watcher
    try:
        yield
    finally:
        _watcher = before


def reach(name: str) -> None:
    """Die or halt here if that was asked for."""
    if _watcher is not None:
        _watcher(name)
    if not _armed or name not in _armed:
        return
    left, how = _armed[name]
    _armed[name] = (left - 1, how)
    if left <= 1:
        del _armed[name]
        os.kill(os.getpid(), how)
