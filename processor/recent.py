"""The records that a lane has appended last, in memory, for the announcer of the same partition.

A window on the ledger's end: it begins where the lane has folded to, grows with every batch that
was acknowledged where it was expected, and forgets what is oldest. Nothing in here is not on the
ledger: who finds the window closed, or further on, reads the ledger instead.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from schemas.records import Record

# Of the batches of 500 records that a lane appends.
RECORDS_MAX: Final = 2000


class RecentRecords:
    """The window of one partition."""

    def __init__(self, records_max: int = RECORDS_MAX) -> None:
        """Begin closed."""
        self._records_max = records_max
        self._records: deque[Record] = deque()
        # Ledger offset of the first record, or of the next one while there is none; -1: closed.
        self._first = -1
        # What the announcer waits for: the window reaching up to this offset, or beginning anew.
        self._wanted = 0
        self._reached = asyncio.Event()

    def open_at(self, offset: int) -> None:
        """Begin anew, empty, at the end of the ledger to which a lane has folded."""
        self._records.clear()
        self._first = offset
        self._reached.set()

    def close(self) -> None:
        """Forget all: the lane does not know any more where the ledger ends."""
        self._records.clear()
        self._first = -1
        self._reached.set()

    def add(self, records: Sequence[Record]) -> None:
        """Take records that were appended right after the last one."""
        if self._first < 0:
            return
        self._records.extend(records)
        while len(self._records) > self._records_max:
            self._records.popleft()
            self._first += 1
        if self._first + len(self._records) >= self._wanted:
            self._reached.set()

    def covers(self, offset: int) -> bool:
        """Tell whether all from an offset on is here, or will be."""
        return 0 <= self._first <= offset <= self._first + len(self._records)

    def since(self, offset: int, most: int) -> list[Record]:
        """Return the records from an offset on, which is covered; `most` at most."""
        start = offset - self._first
        return list(islice(self._records, start, start + most))

    async def reaches(self, offset: int) -> None:
        """Return once all before an offset has been taken, or the window has begun anew or closed.

        For the one announcer of the partition: the offset is that of its last call.
        """
        if self._first + len(self._records) >= offset:
            return
        self._wanted = offset
        self._reached.clear()
        await self._reached.wait()
