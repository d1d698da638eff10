"""When a delivery is tried again. Pure: what happened and the time go in, what to do comes out.

No clock, no database and no HTTP in here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

# Seconds to wait before each retry: three retries, as the contract has it.
SCHEDULE: Final = (60.0, 120.0, 240.0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt: the status of an answer, or why there was none."""

    # HTTP status; None when no answer came (network error, refused address, timeout).
    status: int | None
    # A sentence for the operator; None for a success.
    error: str | None = None

    @property
    def success(self) -> bool:
        """Tell whether the receiver took it: any 2xx. All else is a failure, redirects too."""
        return self.status is not None and self.status // 100 == 2  # noqa: PLR2004  2xx


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Another attempt is due at this instant."""

    at: datetime


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The schedule is used up: an operator's turn."""


NextAttempt = Delivered | TryAgain | GiveUp


def after(attempt: int, outcome: Outcome, now: datetime, schedule: Sequence[float]) -> NextAttempt:
    """Say what follows an attempt.

    `attempt` counts from 1; `now` is when the attempt ended; `schedule` holds the seconds to wait
    before each retry, so that its length is the number of retries.
    """
    assert attempt >= 1, attempt
    if outcome.success:
        return Delivered()
    if attempt > len(schedule):
        return GiveUp()
    return TryAgain(now + timedelta(seconds=schedule[attempt - 1]))
