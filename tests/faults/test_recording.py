"""What the released version has left is right by today's words, and told of where it is not."""

import json
from pathlib import Path
from typing import Any

import pytest
from faults.judging import Judging
from faults.lines import Raw
from faults.recording import Recording, read_recording, write_recording

from schemas.topics import Topics


@pytest.fixture
def recording() -> Recording:
    """Return the logs that the released version has left."""
    return read_recording()


def _judged(recording: Recording) -> Judging:
    judging = Judging(len(recording.ledger), Topics())
    judging.recall(recording)
    return judging


def _spoilt(recording: Recording, kind: str, **fields: Any) -> Recording:
    """Change the first entry of a kind in the first partition; or, of no kind, a state."""
    ledger = list(recording.ledger[0])
    for place, raw in enumerate(ledger):
        record = json.loads(raw.value or b"")
        parts = [it for it in record["entries"] if it["kind"] == kind]
        if not kind and "state" in record:
            parts = [record["state"]]
        if parts:
            parts[0].update(fields)
            ledger[place] = raw._replace(value=json.dumps(record).encode())
            return recording._replace(ledger={**recording.ledger, 0: ledger})
    raise AssertionError(f"no entry of kind {kind}")


def test_every_record_of_version_1_is_what_its_event_leads_to_today(recording: Recording) -> None:
    judging = _judged(recording)
    assert judging.problems == []
    judging.check_ends({partition: len(log) for partition, log in recording.events.items()})
    assert judging.problems == []
    assert judging.formats == {1: sum(map(len, recording.ledger.values()))}
    assert judging.formats[1] > 400


def test_all_outcomes_are_in_the_recording(recording: Recording) -> None:
    records = [json.loads(raw.value or b"") for log in recording.ledger.values() for raw in log]
    found = {it["outcome"] for it in records}
    assert found >= {"applied", "replayed", "forwarded", "dead"}
    kinds = {entry["kind"] for it in records for entry in it["entries"]}
    assert kinds >= {"user", "total", "streak", "points", "level", "achievement", "due", "freezes"}
    assert any("tz" in (it["input"] or {}) for it in records)


@pytest.mark.parametrize(
    ("kind", "fields"),
    [("points", {"awarded": 1_000}), ("total", {"total": "77"}), ("", {"total": "77"})],
)
def test_a_record_of_version_1_that_says_something_else_is_told(
    recording: Recording, kind: str, fields: dict[str, Any]
) -> None:
    problems = _judged(_spoilt(recording, kind, **fields)).problems
    assert "I7" in {problem.split()[0] for problem in problems}


def test_a_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    events = {
        0: [
            Raw(0, 5, b"\xff", b"\x00\xfe{", (("a", b"\x80"), ("b", b""))),
            Raw(1, 6, None, None, ()),
        ]
    }
    recording = Recording(events, {0: [Raw(0, 7, b"", b"{}", ())]})
    write_recording(tmp_path / "logs.gz", recording)
    assert read_recording(tmp_path / "logs.gz") == recording
