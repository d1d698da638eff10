"""Points at which a process can be told to die: tests of recovery hit the gaps between steps.

A point lies on each side of every step that makes something last. Nothing is armed unless the
setting `failpoint` says so, and then the process ends there as kill -9 would end it.
"""

import os
import signal
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
    "sender.sent",  # the receiver has answered, the outcome is not stored
)

_armed: dict[str, int] = {}


class UnknownFailpointError(ValueError):
    """There is no such point."""


def arm(text: str) -> None:
    """Arm the point NAME, or NAME:N for the Nth time that it is reached.

    Raises UnknownFailpointError.
    """
    name, _, times = text.partition(":")
    if name not in POINTS or (times and not times.isdigit()):
        raise UnknownFailpointError(f"{text!r}: NAME or NAME:N, of {', '.join(POINTS)}")
    _armed[name] = int(times or 1)


def reach(name: str) -> None:
    """Die here if that was asked for."""
    if not _armed or name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
