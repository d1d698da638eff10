"""What comes to a lane and what leaves it: messages, pending records, what is sent before them."""

from typing import Literal

from msgspec import Struct

from broker.batches import Unreadable
from schemas.instants import Millis
from schemas.records import Record

# A header may have no value.
Headers = tuple[tuple[str, bytes | None], ...]


class Message(Struct, frozen=True, gc=False):
    """One record of xp.events as the broker hands it out."""

    offset: int
    # Append time.
    timestamp: Millis
    key: bytes | None
    value: bytes | Unreadable | None
    headers: Headers


class Send(Struct, frozen=True, gc=False):
    """Something to be sent before the record may be appended."""

    to: Literal["dead-letters", "events", "profiles"]
    key: bytes
    value: bytes | None
    headers: Headers = ()
    partition: int | None = None


class PendingRecord(Struct, frozen=True, gc=False):
    """A record that has not been appended, its key and bytes, and what has to be sent before."""

    record: Record
    key: bytes
    raw: bytes
    sends: tuple[Send, ...] = ()
    # What somebody said who may not: a type, or "headers".
    forged: str | None = None
