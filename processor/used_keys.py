"""Which idempotency keys of a partition were used, and by which event first, in a window of days.

What decides whether a use has ended is the latest day of append times on the ledger, the asking
event's included: no clock, so that whoever judges the same log comes to the same answer, and
nothing that ended is used again.
"""

from processor.hashed_rows import day_end, day_of, pack_use, read_use
from processor.rows import KEY, KEYS_END
from processor.store import Store
from schemas.instants import Millis
from schemas.records import Source
from schemas.text import EventId


class UsedKeys:
    """The first uses in a store, and those that are not in it yet."""

    def __init__(self, store: Store, partition: int, window_days: int | None) -> None:
        """A key counts as used for `window_days` after its first use, None: for ever."""
        self._store = store
        self._partition = partition
        self._window = window_days
        # First uses since the last `keep`, by the hash of their key.
        self.fresh: dict[bytes, bytes] = {}
        # The latest day on the ledger, the append time with which it ends, and the day as of the
        # store.
        self.day = self._kept_day = 0
        self.day_end: Millis = 0
        self._swept = KEY

    def load(self, day: int) -> None:
        """Begin from what the store has: nothing fresh, and its latest day."""
        self.fresh = {}
        self.day = self._kept_day = day
        self.day_end = day_end(day)

    def kept(self) -> None:
        """Note that what was fresh is in the store."""
        self.fresh = {}
        self._kept_day = self.day

    def turn(self, appended: Millis) -> None:
        """Take note of an append time at or after `day_end`."""
        self.day = day_of(appended)
        self.day_end = day_end(self.day)

    def first(self, digest: bytes, appended: Millis | None = None) -> EventId | None:
        """Return the id of the event that used a key first, None if none has.

        `appended`, the append time of the event that asks, lets the window end.
        """
        raw = self.fresh.get(digest)
        if raw is None:
            raw = self._store.get(KEY + digest)
            if raw is None:
                return None
        event, day = read_use(raw, self._partition)
        if self._window is None or appended is None:
            return event
        has_ended = max(day_of(appended), self.day) - day > self._window
        return None if has_ended else event

    def add(self, digest: bytes, source: Source) -> None:
        """Note the use of a key by the event of a source, on the latest day."""
        self.fresh[digest] = pack_use(source, self.day, self._partition)

    def rows(self) -> list[tuple[bytes, bytes]]:
        """Return the rows of what is fresh."""
        return [(KEY + digest, use) for digest, use in self.fresh.items()]

    def sweep(self, rows_max: int) -> int:
        """Delete keys whose window has ended, among the next rows; return how many.

        Only saves room: `first` knows that they have ended. Goes around, a piece at a time.
        """
        if self._window is None or not self._kept_day:
            return 0
        rows = [it for it in self._store.scan(self._swept, rows_max) if it[0] < KEYS_END]
        self._swept = rows[-1][0] + b"\0" if len(rows) == rows_max else KEY
        ended = [
            key
            for key, raw in rows
            if self._kept_day - read_use(raw, self._partition)[1] > self._window
        ]
        if ended:
            self._store.write([], ended)
        return len(ended)
