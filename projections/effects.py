"""What the read models are told: an applied record of the ledger, and the names of its effects.

Pure. Records that were not applied have no effects; only the position moves on past them.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from schemas.entries import Record


class Applied(NamedTuple):
    """An applied record, as far as read models need it besides its entries."""

    partition: int
    offset: int
    # Event id, and event time in ISO 8601.
    id: str
    at: str
    tenant: str
    # Empty for a record that is of no user.
    user: str
    # The date under which summaries count it: the local one of the total that moved, else in UTC.
    day: str
    definitions: int
    # How many events of a user it is: none for a correction, which changes one that was counted.
    events: int

    def effect(self, place: int) -> str:
        """Return the name, the same everywhere and for ever, of the entry at this index."""
        return f"{self.id}:{place}"


def applied(partition: int, offset: int, record: Record) -> Applied:
    """Return what read models need of a record that was applied."""
    at = record["at"]
    return Applied(
        partition,
        offset,
        record["id"],
        at,
        record["tenant"],
        record["user"] or "",
        _day_of(record, at),
        record["definitions"],
        0 if (record["input"] or {}).get("type") == "correction" else 1,
    )


def _day_of(record: Record, at: str) -> str:
    for entry in record["entries"]:
        if entry["kind"] == "total":
            return entry["day"]
    return datetime.fromisoformat(at).astimezone(UTC).date().isoformat()
