"""The effects of a ledger record that webhooks are sent. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.entries import LevelEntry
from schemas.records import Record, event_id_of


@dataclass(frozen=True, slots=True)
class Found:
    """A change of level, and the record it stands in."""

    record: Record
    index: int
    entry: LevelEntry

    @property
    def id(self) -> str:
        """The delivery's id: event id and index of the effect, the same for ever."""
        return f"{event_id_of(self.record)}:{self.index}"

    @property
    def who(self) -> tuple[str, str]:
        """Tenant and user."""
        assert self.record.user is not None, event_id_of(self.record)
        return self.record.tenant, self.record.user


def find(record: Record) -> Iterator[Found]:
    """Return the effects of a record that webhooks are sent; none where it is marked quiet."""
    if record.outcome != "applied":
        return
    for index, entry in enumerate(record.entries):
        if isinstance(entry, LevelEntry) and not entry.quiet:
            yield Found(record, index, entry)
