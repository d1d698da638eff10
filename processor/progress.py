"""For how long a lane has had work before it and not moved: what readiness and an alert go by.

Counted from when work came, whatever the lane did meanwhile: one that folds and fails again and
again stands still.
"""

import time
from collections.abc import Callable
from typing import Final

# A batch takes milliseconds, and a rebalance seconds.
STILL_MAX_S: Final = 30.0


class Progress:
    """Of the lane of one partition, for as long as that is assigned."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin idle."""
        self._clock = clock
        self._since: float | None = None

    def begin(self) -> None:
        """Note that the partition has been assigned: what there is to do is not known yet."""
        self._since = self._clock()

    def wait(self) -> None:
        """Note that there is work, if that is not known already."""
        if self._since is None:
            self._since = self._clock()

    def move(self, *, more: bool) -> None:
        """Note that work was done, and whether there is more."""
        self._since = self._clock() if more else None

    @property
    def still_s(self) -> float:
        """For how many seconds there has been work and nothing was done of it; 0 when idle."""
        return 0.0 if self._since is None else self._clock() - self._since
