"""I7: an event that is judged again gives the same record, byte for byte.

Judged by the worker's own code, on a state that is folded beside the ledger and kept in memory. A
record of version 1 was written in other words: there the same must be said, in the words of today.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from unittest.mock import patch

from faults.lines import Raw
from msgspec.structs import replace

from processor.judge import judge
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.store import Store
from schemas.codec import read_record
from schemas.records import RECORD_VERSION, Record, event_id_of, link_of
from schemas.topics import DEFAULT_TENANT, HEADER_ORIGIN

# The versions that poisonous markers name and nobody publishes.
ABSENT_FROM = 999_999
ABSENT_MAX = 1000
ABSENT = {(DEFAULT_TENANT, ABSENT_FROM + it) for it in range(ABSENT_MAX)}
# In version 1 every record said where its user stood, not only those that somebody waited for.
SOMEBODY_WAITS = (HEADER_ORIGIN, b"")


class Rows(Store):
    """A worker's store without a disk."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self._rows.get(key)

    def write(self, rows: Iterable[tuple[bytes, bytes]], gone: Iterable[bytes] = ()) -> None:
        self._rows.update(rows)
        for key in gone:
            self._rows.pop(key, None)


def version_of(value: bytes) -> int:
    """Return the version of a record's words."""
    return int(json.loads(value)["v"])


def difference(context: LaneContext, state: PartitionState, raw: Raw, value: bytes) -> str:
    """Judge the event of a record again; say how it differs from `value`, empty: in nothing."""
    record = read_record(value)
    is_older = version_of(value) < RECORD_VERSION
    if is_older and HEADER_ORIGIN not in dict(raw.headers):
        raw = raw._replace(headers=(*raw.headers, SOMEBODY_WAITS))
    # Of a worker of another version: these have the same rules under another number.
    with patch("processor.judge.RULES", record.rules):
        judged = judge(context, state, Message(*raw), ABSENT)
    is_same = judged.raw == value
    if is_older:
        is_same = _comparable(record) == _comparable(judged.record)
    if is_same:
        return ""
    return f"I7 {event_id_of(record)}: recorded {value!r:.600}, again {judged.raw!r:.600}"


def _comparable(record: Record) -> Record:
    """Return what a record says, whichever version said it."""
    # Why bytes are no input is said in other sentences now.
    reason = "dead" if record.outcome == "dead" else record.reason
    return replace(record, lane=link_of(record).lane, reason=reason)
