"""The logs of a system that does everything right, for tests that spoil them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from faults.game import founded
from faults.judging import Judging
from faults.lines import Raw
from faults.partitions import partition_of
from faults.plan import draw

from processor.clock import due_input
from processor.judge import judge
from processor.messages import LaneContext
from processor.partition_state import PartitionState
from processor.pending import Message
from processor.rules.compiling import compile_version
from schemas.codec import read_record, write_record
from schemas.entries import DueEntry
from schemas.instants import micros
from schemas.records import Record
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
        self._ruleset = compile_version(founded())
        blank = Judging(PARTITIONS, Topics())
        self._states: list[PartitionState] = [line.state for line in blank.lines]
        for partition in range(PARTITIONS):
            for raw in self.events[partition]:
                self._judge(partition, raw)

    def _judge(self, partition: int, raw: Raw) -> None:
        context = LaneContext(
            partition, PARTITIONS, 0, "lane", lambda _tenant, _version: self._ruleset
        )
        judged = judge(context, self._states[partition], Message(*raw))
        self.ledger[partition].append(judged.raw)

    def tell(self, user: str, at: datetime, millis: int) -> Record:
        """Have the clock say that a user was due, at an append time; return what comes of it."""
        partition = partition_of(user, PARTITIONS)
        _key, value = due_input(micros(at), "default", user)
        offset = self._append(partition, value, millis)
        self._judge(partition, self.events[partition][offset])
        return self.records(partition)[-1]

    def records(self, partition: int) -> list[Record]:
        """The records of a partition."""
        return [read_record(value) for value in self.ledger[partition]]

    def due(self) -> tuple[str, datetime]:
        """A user and when time itself will next do something to them."""
        due: dict[str, datetime | None] = {}
        for record in self.records(0):
            for entry in record.entries:
                if isinstance(entry, DueEntry):
                    assert record.user is not None
                    due[record.user] = entry.at
        return next((user, at) for user, at in due.items() if at is not None)

    def _append(self, partition: int, value: bytes, millis: int = 0) -> int:
        log = self.events[partition]
        log.append(Raw(len(log), millis or MILLIS + len(log), None, value, ()))
        return len(log) - 1

    def replace(self, partition: int, place: int, record: Record) -> None:
        """Put another record in the place of one on the ledger."""
        self.ledger[partition][place] = write_record(record)

    def problems(self) -> list[str]:
        """What the oracle says of the logs as they are now."""
        return self.judged().problems

    def judged(self) -> Judging:
        """The oracle after it has read the logs as they are now."""
        judging = Judging(PARTITIONS, Topics())
        for event in self.sent:
            judging.sent.add(event)
        for partition in range(PARTITIONS):
            for raw in self.events[partition]:
                judging.add_event(partition, raw)
            for offset, value in enumerate(self.ledger[partition]):
                judging.add_record(partition, offset, value)
        judging.check_ends({number: len(log) for number, log in enumerate(self.events)})
        judging.sent.check(self.sent, judging.records)
        return judging

    def change(self, partition: int, kind: type, **fields: Any) -> None:
        """Change the fields of the first entry of a kind on the ledger."""
        for place, record in enumerate(self.records(partition)):
            for entry in record.entries:
                if isinstance(entry, kind):
                    for name, value in fields.items():
                        setattr(entry, name, value)
                    self.replace(partition, place, record)
                    return
        raise AssertionError(f"no entry of kind {kind}")
