"""What a round of a peer has shown, told as the rounds of this system are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# What the command line calls a fault, and what a line of the report does. A round without any shows
# that what is found in the others is not of this harness's making.
FAULTS = {"kill": "kill -9", "stop": "SIGSTOP", "none": "none"}
# The classes of our own suite that do the same.
CLASSES = {"kill -9": "F1", "SIGSTOP": "F6", "none": "none"}
TITLES = {
    "kill -9": "kill -9 of the worker in the middle of a batch",
    "SIGSTOP": "pause of a worker past its session timeout, beside another",
    "none": "no fault",
}


@dataclass(frozen=True)
class Round:
    """What one round has shown."""

    fault: str
    system: str
    seed: int
    number: int
    events: int
    violations: list[str]
    recovery_s: float | None
    at: str

    def line(self) -> dict[str, Any]:
        """Return the round as the fault suite reports its own."""
        return {
            "class": CLASSES[self.fault],
            "title": TITLES[self.fault],
            "system": self.system,
            "seed": str(self.seed),
            "number": self.number,
            "events": self.events,
            "violations": self.violations,
            # A peer's duplicates are in the events' outputs or nowhere: no reader drops any.
            "duplicates_dropped": 0,
            "recovery_s": self.recovery_s,
            "at": self.at,
        }
