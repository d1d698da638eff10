"""The ledger record: one input, its outcome, and every effect of it.

A record says no more than it must: what is left out is as its default says, or follows from other
fields (`event_id_of`, `time_of`, `link_of`). Version 2; older ones are lifted in `codec`.
"""

from typing import Final, Literal

from msgspec import Struct

from schemas.entries import Entry
from schemas.inputs import (
    RecordedBoostDue,
    RecordedCompletion,
    RecordedDue,
    RecordedEvent,
    RecordedInput,
)
from schemas.inputs.base import DEFAULT_TENANT
from schemas.instants import MILLISECOND, Micros, Millis, micros, write_micros
from schemas.numbers import Number
from schemas.streak_state import StreakState
from schemas.text import EventId, IdempotencyKey, InstantText, LaneToken, Reason, TenantKey, UserId

RECORD_VERSION: Final = 2

Outcome = Literal["applied", "replayed", "refused", "forwarded", "dead"]
RefusalCode = Literal["not_found", "invalid", "blocked"]


class Source(Struct, array_like=True, frozen=True, gc=False):
    """A source position: where in which partition of xp.events an input stands."""

    epoch: int
    partition: int
    offset: int


class Link(Struct, array_like=True, frozen=True, gc=False):
    """The identity of a record within its partition: its source position and its lane's token."""

    epoch: int
    offset: int
    lane: LaneToken


class AnswerState(Struct, omit_defaults=True, gc=False):
    """What an answer needs and no entry says: where the user stands after the input."""

    streak: StreakState
    # Of the event's metric; absent for an input that has none.
    total: Number | None = None


class Record(Struct, omit_defaults=True, gc=False):
    """One ledger record."""

    v: int
    source: Source
    # The predecessor in this partition: the record that it was judged on (`schemas.order`).
    after: Link | None
    # When the broker appended the input.
    appended: Millis
    # Versions of the tenant's definitions and of the rules that it was judged by.
    definitions: int
    rules: int
    # Absent for what is of a whole partition, and for what cannot be read.
    user: UserId | None = None
    input: RecordedInput | None = None
    entries: list[Entry] = []
    outcome: Outcome = "applied"
    key: IdempotencyKey | None = None
    tenant: TenantKey = DEFAULT_TENANT
    # Where it is not that of the source: of a forwarded event, where that was first found.
    id: EventId | None = None
    # Where it is not that of the predecessor.
    lane: LaneToken | None = None
    # Where somebody waits for the answer.
    state: AnswerState | None = None
    # Why it was refused, or is dead; and for a refusal what kind of error it is.
    reason: Reason | None = None
    code: RefusalCode | None = None
    # For a replay: the event that used the idempotency key first.
    first: EventId | None = None


def event_id(epoch: int, partition: int, offset: int) -> EventId:
    """Return the id of the event first found at a source position."""
    return f"{epoch}-{partition}-{offset}"


def event_id_of(record: Record) -> EventId:
    """Return the event id of a record: where its event was first found."""
    source = record.source
    return record.id or f"{source.epoch}-{source.partition}-{source.offset}"


def link_of(record: Record) -> Link:
    """Return the link by which a successor names this record."""
    lane = record.lane
    if lane is None:
        assert record.after is not None, "the first record of a chain says its lane"
        lane = record.after.lane
    source = record.source
    return Link(source.epoch, source.offset, lane)


def time_of(record: Record) -> Micros:
    """Return a record's event time: what its input says, else when that was appended."""
    given = record.input
    if isinstance(given, RecordedEvent):
        at = given.occurredAt
    elif isinstance(given, RecordedDue):
        at = given.at
    elif isinstance(given, RecordedCompletion):
        at = given.occurredAt
    else:
        at = given.at if isinstance(given, RecordedBoostDue) else None
    return record.appended * MILLISECOND if at is None else micros(at)


def time_text(record: Record) -> InstantText:
    """Return a record's event time in ISO 8601."""
    return write_micros(time_of(record))


def appended_text(record: Record) -> InstantText:
    """Return when a record's input was appended, in ISO 8601."""
    return write_micros(record.appended * MILLISECOND)
