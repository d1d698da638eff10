"""The oracle says nothing of logs that are right, and something of each way to be wrong."""

from datetime import UTC, datetime
from typing import Any

import pytest
from faults.event import Event
from faults.logs import MILLIS, PARTITIONS, Logs
from faults.partitions import partition_of

from schemas.entries import LevelEntry, PointsEntry, TotalEntry


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
    before, record = logs.records(0)[4:6]
    record.after = before.after
    logs.replace(0, 5, record)
    del logs.ledger[0][4]
    assert "I5" in _kinds(logs.problems())


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (PointsEntry, {"awarded": 1_000}),
        (TotalEntry, {"total": 77}),
        (LevelEntry, {"after": "l400"}),
    ],
)
def test_other_effects_than_those_of_the_rules_are_told(
    logs: Logs, kind: type, fields: dict[str, Any]
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
    record = logs.records(0)[-1]
    applied = next(it for it in logs.records(0) if it.outcome == "applied" and it.key is not None)
    for name in ("outcome", "user", "key", "input", "entries"):
        setattr(record, name, getattr(applied, name))
    logs.replace(0, -1, record)
    assert {"I2", "I3"} <= _kinds(logs.problems())


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def test_what_the_clock_says_when_it_is_time_is_right_however_often_it_says_so(logs: Logs) -> None:
    user, at = logs.due()
    assert logs.tell(user, at, _millis(at) + 700).outcome == "applied"
    assert logs.tell(user, at, _millis(at) + 900).outcome == "replayed"
    assert logs.problems() == []


def test_a_due_input_of_an_instant_that_nothing_fell_due_at_is_told(logs: Logs) -> None:
    user, _ = logs.due()
    logs.tell(user, datetime(2001, 1, 1, tzinfo=UTC), MILLIS + 1000)
    assert "I13" in _kinds(logs.problems())


def test_a_due_input_before_it_is_time_is_told(logs: Logs) -> None:
    user, at = logs.due()
    logs.tell(user, at, _millis(at) - 60_000)
    assert "I13" in _kinds(logs.problems())


def test_an_instant_that_counts_twice_is_told(logs: Logs) -> None:
    user, at = logs.due()
    record = logs.tell(user, at, _millis(at))
    again = logs.tell(user, at, _millis(at))
    for name in ("outcome", "entries", "state"):
        setattr(again, name, getattr(record, name))
    logs.replace(partition_of(user, PARTITIONS), -1, again)
    assert {"I13", "I3"} <= _kinds(logs.problems())


def test_a_clock_that_does_not_say_so_in_time_is_told(logs: Logs) -> None:
    _, at = logs.due()
    judging = logs.judged()
    assert "users are due" in judging.pending(at)
    assert "users are due" not in judging.pending(datetime(2010, 1, 1, tzinfo=UTC))


def _is(event: Event, other: Event) -> bool:
    return event.mark == other.mark
