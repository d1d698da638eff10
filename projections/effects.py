"""What the read models are told: an applied record of the ledger, and the names of its effects.

Pure. Records that were not applied have no effects; only the position moves on past them.
"""

from datetime import date
from typing import NamedTuple

from schemas.entries import TotalEntry
from schemas.inputs import RecordedCorrection
from schemas.instants import instant, write_instant
from schemas.records import Record, event_id_of, time_of
from schemas.text import EventId, InstantText, TenantKey, UserId


class Applied(NamedTuple):
    """An applied record, as far as read models need it besides its entries."""

    partition: int
    offset: int
    # Event id, and event time.
    id: EventId
    at: InstantText
    tenant: TenantKey
    # Empty for a record that is of no user.
    user: UserId
    # The date under which summaries count it: the local one of the total that moved, else in UTC.
    day: date
    definitions: int
    # How many events of a user it is: none for a correction, which changes one that was counted.
    events: int

    def effect(self, place: int) -> str:
        """Return the name, the same everywhere and for ever, of the entry at this index."""
        return f"{self.id}:{place}"


def applied(partition: int, offset: int, record: Record) -> Applied:
    """Return what read models need of a record that was applied."""
    at = instant(time_of(record))
    day = at.date()
    for entry in record.entries:
        if isinstance(entry, TotalEntry):
            day = entry.day
            break
    return Applied(
        partition,
        offset,
        event_id_of(record),
        write_instant(at),
        record.tenant,
        record.user or "",
        day,
        record.definitions,
        0 if isinstance(record.input, RecordedCorrection) else 1,
    )
