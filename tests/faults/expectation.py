"""What must come of an event, by the second implementation: asked in the order of the ledger."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from datetime import datetime

from faults.lines import OF_PARTITION, Line, Raw
from faults.partitions import partition_of
from faults.second import Effects, Given, Second
from faults.sent import read
from reference.translation import no_effects

from schemas.instants import from_millis
from schemas.topics import DEFAULT_TENANT, EVENT_BYTES_MAX

NOTHING: Effects = {"definitions": 0, **no_effects("dead")}


class Expectation:
    """Who says what must come of an event."""

    def __init__(
        self,
        partitions: int,
        second: Second,
        poison: Collection[bytes],
        tell: Callable[[str], None],
        may_be: Callable[[int, Raw], bool],
    ) -> None:
        """Ask `second`; `poison` are bytes that are no events, violations are handed to `tell`.

        `may_be` knows whether who sent a record to a partition may have.
        """
        self._may_be = may_be
        self._partitions = partitions
        self._second = second
        self._poison = poison
        self._tell = tell
        # Ids of forwarded events that were judged where they belong.
        self._origins: set[str] = set()

    def of(self, line: Line, raw: Raw) -> Effects:
        """Return what must come of an event of a partition, as far as anybody can say."""
        origin = origin_of(raw) if self._may_be(line.number, raw) else ""
        expected: Effects = {"id": origin or f"{line.epoch}-{line.number}-{raw.offset}", **NOTHING}
        given, value = read(raw.value), raw.value or b""
        if given is None or len(value) > EVENT_BYTES_MAX or value in self._poison:
            return expected
        if not self._may_be(line.number, raw):
            return expected
        expected["definitions"] = line.version
        if given.get("type", "metric") in OF_PARTITION:
            return expected | line.of_partition(given)
        user = given["user"] if isinstance(given["user"], str) else given["user"]["id"]
        if partition_of(user, self._partitions) != line.number:
            return expected | {"outcome": "forwarded"}
        millis = int(dict(raw.headers)["xp-time"] or b"") if origin else raw.timestamp
        appended = from_millis(millis)
        if origin and origin in self._origins:
            return expected | self._second.again(line.number, line.version, given, appended)
        if origin:
            self._origins.add(origin)
        return self._of_user(line, given, appended, expected)

    def _of_user(self, line: Line, given: Given, appended: datetime, expected: Effects) -> Effects:
        """What must come of an input of a user, judged where it belongs and for the first time."""
        if given.get("type") == "due":
            if stale := line.stale(given, appended):
                return expected | stale
            who = (given.get("tenant", DEFAULT_TENANT), given["user"])
            due = line.dues[who]
            assert due is not None, who
            # It may be a later one that came before: what matters is the first.
            if missed := self._second.unforeseen(line.number, who, due):
                self._tell(f"I13 {who}: before {due} there was {missed}")
        effects = self._second.play(line.number, line.version, given, appended)
        if effects is None:
            # Too much is known of the user to ask: what was recorded is checked by I6 and I7 alone.
            return {name: expected[name] for name in ("id", "definitions")}
        return expected | effects


def origin_of(raw: Raw) -> str:
    """Return where a forwarded event was first found; empty for all others."""
    origin = (dict(raw.headers).get("xp-forwarded") or b"").decode("ascii", "replace")
    return origin if re.fullmatch(r"[0-9]{1,8}-[0-9]{1,8}-[0-9]{1,18}", origin) else ""
