"""The oracle says nothing of logs that are right, and something of each way to be wrong."""

import json
from typing import Any

import pytest
from faults.judging import Judging, Raw
from faults.load import partition_of
from faults.plan import GAME, Event, draw

from processor.judge import Message, Seat, judge
from processor.rules.game import compile_game
from processor.state import PartitionState
from schemas.definitions import Definitions
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
        game = compile_game(Definitions.model_validate(GAME), 1)
        blank = Judging(PARTITIONS, Topics())
        for partition in range(PARTITIONS):
            state: PartitionState = blank.lines[partition].state
            seat = Seat(partition, PARTITIONS, 0, "lane", lambda _tenant, _version: game)
            self.ledger[partition] = [
                judge(seat, state, Message(*raw)).raw for raw in self.events[partition]
            ]

    def _append(self, partition: int, value: bytes) -> int:
        log = self.events[partition]
        log.append(Raw(len(log), MILLIS + len(log), None, value, ()))
        return len(log) - 1

    def problems(self) -> list[str]:
        """What the oracle says of the logs as they are now."""
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
        return judging.problems

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


@pytest.fixture
def logs() -> Logs:
    """Return logs that are right."""
    return Logs()


def _kinds(problems: list[str]) -> set[str]:
    return {problem.split()[0] for problem in problems}


def test_logs_that_are_right_are_no_violation(logs: Logs) -> None:
    assert logs.problems() == []
    assert len(logs.ledger[0]) > 20
    assert len(logs.ledger[1]) > 20


def test_a_record_judged_on_a_state_that_did_not_come_to_be_is_skipped(logs: Logs) -> None:
    logs.ledger[0].insert(20, logs.ledger[0][10])
    assert logs.problems() == []


def test_a_record_that_lacks_is_a_loss(logs: Logs) -> None:
    del logs.ledger[0][-1]
    assert "I1" in _kinds(logs.problems())


def test_a_record_that_skips_an_event_is_a_gap(logs: Logs) -> None:
    record = json.loads(logs.ledger[0][5])
    record["after"] = json.loads(logs.ledger[0][4])["after"]
    logs.ledger[0][4:6] = [json.dumps(record).encode()]
    assert "I5" in _kinds(logs.problems())


@pytest.mark.parametrize(
    ("kind", "fields"),
    [("points", {"awarded": 1_000}), ("total", {"total": "77"}), ("level", {"after": "l400"})],
)
def test_other_effects_than_those_of_the_rules_are_told(
    logs: Logs, kind: str, fields: dict[str, Any]
) -> None:
    logs.change(0, kind, **fields)
    assert "I7" in _kinds(logs.problems())


def test_an_acknowledged_event_that_the_broker_has_lost_is_a_loss(logs: Logs) -> None:
    event = next(event for event in logs.sent if event.raw is None)
    event.acknowledged.add("0-0-99999")
    assert any("acknowledged, not there" in problem for problem in logs.problems())


def test_an_answer_that_names_an_event_of_somebody_else_is_told(logs: Logs) -> None:
    first, second = [event for event in logs.sent if event.raw is None][:2]
    first.answers.append((201, min(second.acknowledged), False, False))
    assert any("answered with" in problem for problem in logs.problems())


def test_an_event_that_nobody_sent_is_told(logs: Logs) -> None:
    logs.sent = [event for event in logs.sent if not _is(event, logs.sent[0])]
    assert "I1" in _kinds(logs.problems())


def test_a_key_that_counts_twice_is_told(logs: Logs) -> None:
    """Both the second implementation and the set of used keys say so."""
    record = json.loads(logs.ledger[0][-1])
    applied = next(
        it for it in map(json.loads, logs.ledger[0]) if it["outcome"] == "applied" and "key" in it
    )
    record |= {name: applied[name] for name in ("outcome", "user", "key", "input", "entries")}
    logs.ledger[0][-1] = json.dumps(record).encode()
    assert {"I2", "I3"} <= _kinds(logs.problems())


def _is(event: Event, other: Event) -> bool:
    return event.mark == other.mark
