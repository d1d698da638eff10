"""One event to be sent, and what became of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

Channel = Literal["kafka", "http"]


@dataclass
class Event:
    """One event to be sent, and what is known of its sending; or raw bytes in its place."""

    mark: str
    channel: Channel
    user: str
    metric: str = "commits"
    value: float = 1
    attributes: dict[str, str] = field(default_factory=dict)
    tz: str | None = None
    team: str | None = None
    occurred: str | None = None
    key: str | None = None
    # How far from its right partition it is put (Kafka only).
    astray: int = 0
    # Bytes to be sent as they are, and what is to come of them.
    raw: bytes | None = None
    outcome: str = "dead"
    # The partition it is put on, whoever it is of (Kafka only).
    partition: int | None = None
    # Whether it may be refused: it is from the future, or what it is of may be archived.
    may_fail: bool = False
    # No value at all (`raw` is then b""); another record key than the user's; headers (Kafka only).
    tombstone: bool = False
    wire_key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    # Whether it says what only a part may say, and is none (Kafka only).
    forged: bool = False
    # Bytes to which the record is filled up, with spaces.
    size: int = 0

    # What became of it: how often it was handed over, and the ids that were given back for it.
    attempts: int = 0
    # Acknowledged by the broker: event ids by position.
    acknowledged: set[str] = field(default_factory=set)
    # Answered with 2xx: status, event id, whether it was called a replay, whether pending.
    answers: list[tuple[int, str, bool, bool]] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)

    @property
    def who(self) -> dict[str, Any]:
        """The user as an event names them."""
        given: dict[str, Any] = {"id": self.user}
        if self.tz is not None:
            given["tz"] = self.tz
        if self.team is not None:
            given["attributes"] = {"team": self.team or None}
        return given

    def body(self) -> dict[str, Any]:
        """The body of a POST."""
        given: dict[str, Any] = {
            "user": self.who,
            "value": self.value,
            "attributes": {**self.attributes, "mark": self.mark},
        }
        if self.occurred is not None:
            given["occurredAt"] = self.occurred
        return given

    def record(self) -> bytes:
        """The value of a record on the events topic."""
        if self.raw is not None:
            return self.raw
        given = {"metric": self.metric, **self.body()}
        if self.key is not None:
            given["idempotencyKey"] = self.key
        return json.dumps(given).encode().ljust(self.size)
