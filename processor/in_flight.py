"""How many inputs of the clocks may be under way: events go first."""

from typing import Final

# Of all clocks of a worker together: what an event that comes now may have to wait behind. At some
# thousand a second that is a tenth of a second.
IN_FLIGHT_MAX: Final = 200
# Of one clock at the least, however many there are.
IN_FLIGHT_MIN: Final = 10


class InFlightBudget:
    """How much the clocks of one worker may have under way, shared evenly by those with work."""

    def __init__(self) -> None:
        """Begin with nobody who has work."""
        self._busy: set[int] = set()

    def share(self, partition: int, *, busy: bool) -> int:
        """Return how much the clock of a partition may have under way; it says if it has work."""
        if busy:
            self._busy.add(partition)
        else:
            self._busy.discard(partition)
        return max(IN_FLIGHT_MIN, IN_FLIGHT_MAX // max(1, len(self._busy)))
