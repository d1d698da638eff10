"""Rows of a partition's store that are found by a hash: how they are named, packed and read.

Used idempotency keys, first positions of forwarded events, and values of corrected events. A first
use takes 3 to 12 bytes, whatever the key was: the day of it, and where the event was found. No
store in here.
"""

from hashlib import blake2b
from typing import Final

from schemas.inputs import MetricEvent, RecordedEvent, RecordedInput, UserInput
from schemas.instants import Millis
from schemas.records import Source, event_id
from schemas.text import EventId, IdempotencyKey, UserPath

DAY_MS: Final = 86_400_000
# 2020-01-01: days are counted from here, in 15 bits, up to the year 2109.
FIRST_DAY: Final = 18_262
DAYS_MAX: Final = 0x7FFF
# Set in a row of an event that was first found in another partition or epoch.
ELSEWHERE: Final = 0x8000

_KEYS: Final = blake2b(digest_size=16)
_ORIGINS: Final = blake2b(digest_size=16, person=b"xp-origin")
_CORRECTED: Final = blake2b(digest_size=16, person=b"xp-corrected")


def scope_of(given: UserInput) -> str:
    """Return what an idempotency key is unique in, for one user: the metric, or the kind of input.

    The colon keeps a kind apart from a metric of that name.
    """
    if isinstance(given, MetricEvent):
        return given.metric
    return f":{given.__struct_config__.tag}"


def recorded_scope(given: RecordedInput) -> str:
    """Return the same of an input as its record has it."""
    if isinstance(given, RecordedEvent):
        return given.metric
    return f":{given.__struct_config__.tag}"


def key_hash(who: UserPath, scope: str, key: IdempotencyKey) -> bytes:
    """Return the 16 bytes under which the use of an idempotency key is kept."""
    # No part holds a NUL: no two lists of parts make the same text.
    made = _KEYS.copy()
    made.update(f"{who}\0{scope}\0{key}".encode())
    return made.digest()


def origin_hash(origin: EventId) -> bytes:
    """Return the 16 bytes under which a forwarded event's first position is kept."""
    made = _ORIGINS.copy()
    made.update(origin.encode())
    return made.digest()


def corrected_hash(who: UserPath, event: EventId) -> bytes:
    """Return the 16 bytes under which the value of a corrected event is kept."""
    made = _CORRECTED.copy()
    made.update(f"{who}\0{event}".encode())
    return made.digest()


def day_of(at: Millis) -> int:
    """Return the number of the UTC day of an instant, as first uses have it."""
    return min(max(at // DAY_MS - FIRST_DAY, 0), DAYS_MAX)


def day_end(day: int) -> Millis:
    """Return the append time with which a day ends, as `day_of` counts them."""
    return (day + FIRST_DAY + 1) * DAY_MS


def pack_use(found: Source, day: int, partition: int) -> bytes:
    """Return the row of a first use: its day, and where the event was first found.

    `partition` is the one that keeps the row.
    """
    epoch, where, offset = found.epoch, found.partition, found.offset
    size = (offset.bit_length() + 7) // 8
    if epoch == 0 and where == partition:
        return day.to_bytes(2, "big") + offset.to_bytes(size, "big")
    place = epoch.to_bytes(3, "big") + where.to_bytes(3, "big")
    return (day | ELSEWHERE).to_bytes(2, "big") + place + offset.to_bytes(size, "big")


def read_use(raw: bytes, partition: int) -> tuple[EventId, int]:
    """Return the event id and the day of a first use."""
    head = int.from_bytes(raw[:2], "big")
    if head & ELSEWHERE:
        epoch, found = int.from_bytes(raw[2:5], "big"), int.from_bytes(raw[5:8], "big")
        return event_id(epoch, found, int.from_bytes(raw[8:], "big")), head & DAYS_MAX
    return event_id(0, partition, int.from_bytes(raw[2:], "big")), head
