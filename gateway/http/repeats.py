"""Lines of the log that strangers can cause: one of a kind in a while, and how many more.

Who needs no key for it could fill the disk otherwise, and nobody finds anything among their lines.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

EVERY_S: Final = 10.0
KINDS_MAX: Final = 1024


class Repeats:
    """Remembers of which kinds there were lines."""

    def __init__(self) -> None:
        """Begin with none."""
        # Kind -> from when on the next line is wanted, and how many were dropped before that.
        self._kinds: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def dropped(self, kind: Hashable) -> int | None:
        """Return how many lines of a kind were dropped before this one; None: drop this one too."""
        now_s = time.monotonic()
        wanted_s, dropped = self._kinds.get(kind, (0.0, 0))
        if now_s < wanted_s:
            self._kinds[kind] = wanted_s, dropped + 1
            return None
        self._kinds[kind] = now_s + EVERY_S, 0
        self._kinds.move_to_end(kind)
        if len(self._kinds) > KINDS_MAX:
            self._kinds.popitem(last=False)
        return dropped


class NoRepeats(logging.Filter):
    """Drops the warnings of a library's logger that repeat; for what it says of bad requests."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self._repeats = Repeats()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether a line is to be written; it then says how many were dropped before."""
        if record.levelno != logging.WARNING:
            return True
        dropped = self._repeats.dropped(record.msg)
        if dropped:
            record.msg = f"{record.msg} ({dropped} more since the last of these lines)"
        return dropped is not None
