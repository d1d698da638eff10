"""The logs of a system that does everything right, for tests that spoil them."""

from __future__ import annotations

import json
from typing import Any

from faults.judging import Judging
from faults.lines import Raw
from faults.load import partition_of
from faults.plan import draw, founded

from processor.clock import due_input
from processor.judge import Message, Seat, judge
from processor.rules.game import compile_version
from processor.state import PartitionState
from schemas.topics import Topics

PARTITIONS = 2
MILLIS = 1_750_000_000_000
MARKER = b'{"type": "definitions", "tenant": "default", "version": 1}'


class Logs:
    """The logs of a system that does everything right, to be spoilt."""

    def __init__(self) -> None:
        self.sent = [event for event in draw("seed", "F1", 2, 150, 0.0) if not event.occurred]
        self.events: list[list[Raw]] = [[], []]
        self.ledger: list[list[bytes]] = [[], []]
        for partition in range(PARTITIONS):
            self._append(partition, MARKER)
        for event in self.sent:
            event.attempts = 1
            partition = partition_of(event.user, PARTITIONS)
            offset = self._append(partition, event.record())
            event.acknowledged.add(f"0-{partition}-{offset}")
        self._game = compile_version(founded())
        blank = Judging(PARTITIONS, Topics())
        self._states: list[PartitionState] = [line.state for line in blank.lines]
        for partition in range(PARTITIONS):
            for raw in self.events[partition]:
                self._judge(partition, raw)

    def _judge(self, partition: int, raw: Raw) -> None:
        seat = Seat(partition, PARTITIONS, 0, "lane", lambda _tenant, _version: self._game)
        judged = judge(seat, self._states[partition], Message(*raw))
        self.ledger[partition].append(judged.raw)

    def tell(self, user: str, at: str, millis: int) -> dict[str, Any]:
        """Have the clock say that a user was due, at an append time; return what comes of it."""
        partition = partition_of(user, PARTITIONS)
        offset = self._append(partition, due_input(at, "default", user)[1], millis)
        self._judge(partition, self.events[partition][offset])
        return self.records(partition)[-1]

    def records(self, partition: int) -> list[dict[str, Any]]:
        """The records of a partition."""
        return [json.loads(value) for value in self.ledger[partition]]

    def due(self) -> tuple[str, str]:
        """A user and when time itself will next do something to them."""
        for record in self.records(0):
            for entry in record["entries"]:
                if entry["kind"] == "due" and entry["at"] is not None:
                    standing = self._states[0].standing("default", record["user"])
                    assert standing is not None
                    return record["user"], standing["due"]
        raise AssertionError("nobody is ever due")

    def _append(self, partition: int, value: bytes, millis: int = 0) -> int:
        log = self.events[partition]
        log.append(Raw(len(log), millis or MILLIS + len(log), None, value, ()))
        return len(log) - 1

    def replace_last(self, user: str, record: dict[str, Any]) -> None:
        """Put another record in the place of the last one in the partition of a user."""
        self.ledger[partition_of(user, PARTITIONS)][-1] = json.dumps(record).encode()

    def problems(self) -> list[str]:
        """What the oracle says of the logs as they are now."""
        return self.judged().problems

    def judged(self) -> Judging:
        """The oracle after it has read the logs as they are now."""
        judging = Judging(PARTITIONS, Topics())
        for event in self.sent:
            if event.raw is None:
                judging.sent[event.mark] = event
            else:
                judging.poison.add(event.raw)
        for partition in range(PARTITIONS):
            for raw in self.events[partition]:
                judging.add_event(partition, raw)
            for offset, value in enumerate(self.ledger[partition]):
                judging.add_record(partition, offset, value)
        judging.check_ends({number: len(log) for number, log in enumerate(self.events)})
        judging.check_sent(self.sent)
        return judging

    def change(self, partition: int, kind: str, **fields: Any) -> None:
        """Change the fields of the first entry of a kind on the ledger."""
        for place, value in enumerate(self.ledger[partition]):
            record = json.loads(value)
            for entry in record["entries"]:
                if entry["kind"] == kind:
                    entry.update(fields)
                    self.ledger[partition][place] = json.dumps(record).encode()
                    return
        raise AssertionError(f"no entry of kind {kind}")
