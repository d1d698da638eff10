"""How far a reader is behind the ledger, in seconds. Pure: the time is passed in."""

from collections import deque
from collections.abc import Mapping
from typing import Final

# Marks per partition; with one a tenth of a second apart they reach back longer than any limit.
MARKS_MAX: Final = 1024
APART_S: Final = 0.1


class LagTracker:
    """Remembers when the ledger was seen to reach which offset, partition by partition."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        # (offset after the last record, when it was first seen), both rising.
        self._marks: dict[int, deque[tuple[int, float]]] = {}

    def reached(self, partition: int, end: int, now_s: float) -> None:
        """Note that the partition reaches up to `end` (exclusive) at a monotonic time."""
        marks = self._marks.setdefault(partition, deque(maxlen=MARKS_MAX))
        if marks and end <= marks[-1][0]:
            return
        if marks and now_s - marks[-1][1] < APART_S:
            # Marks close together are one, at the time of the first: lag is never understated.
            marks[-1] = (end, marks[-1][1])
        else:
            marks.append((end, now_s))

    def lag_s(self, positions: Mapping[int, int], now_s: float) -> float:
        """Return for how long the oldest record that a reader has not read has been there.

        `positions` is the next offset to read by partition; one that is missing has read nothing.
        """
        lag = 0.0
        for partition, marks in self._marks.items():
            position = positions.get(partition, 0)
            unread = next((seen for end, seen in marks if end > position), None)
            if unread is not None:
                lag = max(lag, now_s - unread)
        return lag
