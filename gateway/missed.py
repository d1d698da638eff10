"""What was looked for and not found, remembered for a moment: until then asking costs nothing.

Bounded in time, for it may come to be, and in number, for whoever asks chooses the names.
"""

import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

FOR_S: Final = 5.0
MAX: Final = 4096


class Missed:
    """Names of what is known not to be there."""

    def __init__(self) -> None:
        """Begin with none."""
        # By name's hash, for names may be long: until when. In the order in which they end.
        self._until_s: OrderedDict[int, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many names are remembered."""
        return len(self._until_s)

    def note(self, name: Hashable) -> None:
        """Remember that there is nothing of a name."""
        key = hash(name)
        self._until_s[key] = time.monotonic() + FOR_S
        self._until_s.move_to_end(key)
        if len(self._until_s) > MAX:
            self._until_s.popitem(last=False)

    def __contains__(self, name: Hashable) -> bool:
        """Tell whether it was not there a moment ago."""
        return time.monotonic() < self._until_s.get(hash(name), 0.0)
