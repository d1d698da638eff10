"""Read model: events that count with another value than they came with, and why."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from projections.database import Connection, Statement, load_queries
from projections.effects import Applied
from schemas.entries import CorrectionEntry

_QUERIES = load_queries("corrections")


class CorrectionRow(NamedTuple):
    """One correction of an event."""

    # Id of the correction itself: the id of its input, and the place of the entry in its record.
    id: str
    user: str
    # The value that the event counted with, and the one that it has from then on.
    before: Decimal
    after: Decimal
    reason: str | None
    at: datetime


class CorrectionChanges:
    """What a batch adds: every correction."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._corrections: list[dict[str, object]] = []

    def add(self, of: Applied, place: int, entry: CorrectionEntry) -> None:
        """Take an entry, and its index in its record."""
        self._corrections.append(
            {
                "id": of.effect(place),
                "tenant": of.tenant,
                "user_id": of.user,
                "event_id": entry.event,
                "before": entry.before,
                "after": entry.after,
                "reason": entry.reason,
                "at": of.at,
                "ledger_offset": of.offset,
                "index": place,
            }
        )

    def statements(self) -> Iterator[Statement]:
        """Yield what stores it."""
        yield Statement(_QUERIES["apply"], self._corrections)


async def corrections_of(connection: Connection, tenant: str, event: str) -> list[CorrectionRow]:
    """Return the corrections of an event by its id, oldest first."""
    rows = await connection.execute(_QUERIES["of_event"], {"tenant": tenant, "event": event})
    return [CorrectionRow(*row) for row in await rows.fetchall()]
