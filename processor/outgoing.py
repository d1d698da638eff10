"""What is sent besides a record: dead letters, forwarded events, profiles. Pure."""

from collections.abc import Mapping
from typing import Final

import orjson

from broker.partitions import partition_of
from processor.messages import LaneContext, append_time
from processor.pending import Message, Send
from schemas.inputs import EventUser, UserInput
from schemas.records import Record, event_id_of
from schemas.signing import signed
from schemas.text import Reason
from schemas.topics import (
    EVENT_BYTES_MAX,
    HEADER_FORWARDED,
    HEADER_LENGTH,
    HEADER_ORIGIN,
    HEADER_TIME,
    RECORD_BYTES_MAX,
    profile_key,
)

# Of what came, and of its key: decompressed, both may be as large as anything.
LETTER_BYTES_MAX: Final = RECORD_BYTES_MAX
LETTER_KEY_BYTES_MAX: Final = 1024
REASON_LENGTH_MAX: Final = 2000


def _reason(text: Reason) -> bytes:
    if len(text) > REASON_LENGTH_MAX:
        text = f"{text[:REASON_LENGTH_MAX]} …"
    return text.encode("utf-8", "backslashreplace")


def dead_letter(message: Message, record: Record, told: Reason | None = None) -> Send:
    """Return the bytes of an input that is refused or dead, with the reason.

    `told` is the reason where it is not that of the record. Of what is too large for a letter it
    has the beginning, and says how long it was.
    """
    value, key = message.value, message.key or b""
    headers: list[tuple[str, bytes | None]] = [
        ("xp-outcome", record.outcome.encode()),
        ("xp-reason", _reason(told or record.reason or "")),
        ("xp-key", key[:LETTER_KEY_BYTES_MAX]),
    ]
    if not isinstance(value, bytes):
        value = None
    elif len(value) > LETTER_BYTES_MAX:
        headers.append((HEADER_LENGTH, str(len(value)).encode()))
        value = value[:EVENT_BYTES_MAX]
    return Send("dead-letters", event_id_of(record).encode(), value, tuple(headers))


def forward(
    context: LaneContext,
    message: Message,
    record: Record,
    headers: Mapping[str, bytes | None],
    key: bytes,
) -> Send:
    """Return an input for the partition where it belongs, with where and when it was found."""
    value = message.value
    assert isinstance(value, bytes), "it has been read"
    kept: dict[str, bytes | None] = {
        HEADER_FORWARDED: event_id_of(record).encode(),
        HEADER_TIME: str(append_time(message.timestamp, headers)).encode(),
    }
    if HEADER_ORIGIN in headers:
        kept[HEADER_ORIGIN] = headers[HEADER_ORIGIN]
    right = partition_of(key, context.partitions)
    return Send("events", key, value, tuple(signed(context.signer, right, key, value, kept)), right)


def profile(given: UserInput) -> tuple[Send, ...]:
    """Return what an input says of a user that is personal; nothing for most inputs."""
    user = given.user
    if not isinstance(user, EventUser):
        return ()
    personal = user.profile()
    if not personal:
        return ()
    value = orjson.dumps({"tenant": given.tenant, "user": user.id, **personal})
    return (Send("profiles", profile_key(given.tenant, user.id), value),)
