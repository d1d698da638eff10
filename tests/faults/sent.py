"""What was sent, where it stands on the events topic, and whether what was promised of it holds."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from faults.event import Event

Given = dict[str, Any]

# What parts of the system itself put on the events topic, apart from the events it forwards.
OF_SYSTEM = {"definitions", "due", "boost", "backfill", "backfilled"}


class Known(NamedTuple):
    """What the last record on an event says of it."""

    user: str | None
    # Its metric, or the type of another input after a colon.
    metric: str | None
    key: str | None
    outcome: str


class Sent:
    """Everything that was ever sent."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """Begin with nothing; violations are handed to `tell`."""
        self._tell = tell
        self._events: dict[str, Event] = {}
        # Raw bytes that are no events, and bytes of what is no metric event and no poison.
        self.poison: set[bytes] = set()
        self.asked: set[bytes] = set()
        # Mark -> ids under which its event stands on the events topic.
        self._copies: dict[str, set[str]] = defaultdict(set)

    def add(self, event: Event) -> None:
        """Take an event that was sent, or was to be."""
        if event.raw is None:
            self._events[event.mark] = event
        elif event.outcome == "dead":
            self.poison.add(event.raw)
        else:
            self.asked.add(event.raw)

    def place(self, here: str, value: bytes, given: Given | None) -> None:
        """Ask whether what stands on the events topic may be there; `given` is its JSON."""
        if given is None or "mark" not in (given.get("attributes") or {}):
            known = value in self.poison or value in self.asked
            if not known and (given or {}).get("type") not in OF_SYSTEM:
                self._tell(f"I1 {here} on the events topic was sent by nobody: {value!r:.200}")
            return
        mark = given["attributes"]["mark"]
        event = self._events.get(mark)
        if event is None or not _same(event, given):
            self._tell(f"I1 {here} on the events topic is not what was sent: {value!r:.300}")
            return
        self._copies[mark].add(here)

    def check(self, events: Iterable[Event], records: Mapping[str, Known]) -> None:
        """I1: of every event that was sent, what was promised is there, and nothing more.

        `records` are the last ones on each event, by its id.
        """
        for event in events:
            if event.raw is not None:
                self._check_raw(event, records)
                continue
            copies = self._copies.get(event.mark, set())
            if not event.acknowledged <= copies:
                missing = event.acknowledged - copies
                self._tell(f"I1 {event.mark}: {missing} acknowledged, not there")
            if len(copies) > event.attempts:
                text = f"I1 {event.mark} was sent {event.attempts} times, is there as {copies}"
                self._tell(text)
            for answer in event.answers:
                self._check_answer(event, answer, records)
            for status, message in event.refusals:
                if 400 <= status < 500 and not event.may_fail:
                    self._tell(f"I1 {event.mark}: a good event was answered {status} {message}")

    def _check_raw(self, event: Event, records: Mapping[str, Known]) -> None:
        for given in event.acknowledged:
            found = records.get(given)
            if found is None or found.outcome != event.outcome:
                self._tell(f"I1 {given}: {event.raw!r:.80} became {found}, not {event.outcome}")

    def _check_answer(
        self, event: Event, answer: tuple[int, str, bool, bool], records: Mapping[str, Known]
    ) -> None:
        status, given, replayed, pending = answer
        found = records.get(given)
        if found is None:
            self._tell(f"I1 {event.mark}: answered {status} with {given}, of which no record is")
            return
        if found[:3] != (event.user, event.metric, event.key):
            self._tell(f"I1 {event.mark}: answered with {given}, which is {found}")
        if pending:
            return
        if (status == 202) != replayed or found.outcome != "applied":
            self._tell(f"I1 {event.mark}: {status}, replayed {replayed}, but {given} is {found}")
        if not replayed and given not in self._copies[event.mark]:
            self._tell(f"I1 {event.mark}: {given} is not among its copies")


def read(value: bytes | None) -> Given | None:
    """Return the JSON object that a value is, its numbers exact; None if it is none."""
    try:
        given = json.loads(value or b"", parse_float=Decimal, parse_int=Decimal)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def _same(event: Event, given: Given) -> bool:
    """Whether what stands on the topic is the event that was sent."""
    sent = json.loads(event.record(), parse_float=Decimal, parse_int=Decimal)
    return {"tenant": "default", **given} == {"tenant": "default", **sent}
