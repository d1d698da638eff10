"""What is sent besides a record: dead letters, forwarded events, profiles. Pure."""

from collections.abc import Mapping

import orjson

from processor.messages import append_time
from processor.pending import Headers, Message, Send
from schemas.inputs import EventUser, UserInput
from schemas.records import Record, event_id_of
from schemas.topics import HEADER_FORWARDED, HEADER_ORIGIN, HEADER_TIME, profile_key


def dead_letter(message: Message, record: Record) -> Send:
    """Return the bytes of an input that is refused or dead, with the reason."""
    headers: Headers = (
        ("xp-outcome", record.outcome.encode()),
        ("xp-reason", (record.reason or "").encode()),
        ("xp-key", message.key or b""),
    )
    return Send("dead-letters", event_id_of(record).encode(), message.value, headers)


def forward(
    message: Message, record: Record, headers: Mapping[str, bytes], key: bytes, right: int
) -> Send:
    """Return an input for the partition where it belongs, with where and when it was found."""
    kept = [
        (HEADER_FORWARDED, event_id_of(record).encode()),
        (HEADER_TIME, str(append_time(message.timestamp, headers)).encode()),
    ]
    if HEADER_ORIGIN in headers:
        kept.append((HEADER_ORIGIN, headers[HEADER_ORIGIN]))
    return Send("events", key, message.value, tuple(kept), right)


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
