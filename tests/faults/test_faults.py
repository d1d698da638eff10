"""The faults of the short run, one round of each, on one system; and the report made of rounds."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from faults.__main__ import load_classes
from faults.report import Round, append, markdown, read_sums, write_markdown
from faults.rounds import run_short

# What happens is not drawn from the seed alone, but what is sent and where it strikes is.
SEED = secrets.token_hex(4)


# Clients that are cut off say so in a log, and leave sockets to the collector.
@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_nothing_is_lost_or_counted_twice_whatever_is_killed_under_load(tmp_path: Path) -> None:
    faults = [fault for fault in load_classes().values() if fault.short]
    rounds: list[Round] = []
    asyncio.run(run_short(faults, SEED, rounds.append, tmp_path))
    found = {f"{it.fault}:{it.number}": it.violations for it in rounds}
    assert found == {f"{fault.id}:1": [] for fault in faults}, f"--seed {SEED}"
    assert all(it.events >= 200 for it in rounds)
    assert sum(it.duplicates_dropped for it in rounds) > 0


def _round(number: int, violations: Sequence[str] = (), **fields: Any) -> Round:
    known: dict[str, Any] = {
        "fault": "F1",
        "title": "a fault",
        "seed": "s",
        "number": number,
        "events": 10,
        "violations": violations,
        "duplicates_dropped": 2,
        "recovery_s": number / 10,
        "at": "2025-01-01T00:00:00+00:00",
    }
    return Round(**{**known, **fields})


def test_rounds_add_up_over_runs_and_bound_the_rate_of_failures(tmp_path: Path) -> None:
    file = tmp_path / "faults.jsonl"
    for number in range(1, 61):
        append(file, _round(number))
    (entry,) = read_sums(file).values()
    assert (entry.rounds, entry.events, entry.duplicates) == (60, 600, 120)
    assert entry.recovery_s == 6.0
    assert entry.bound() == "5.0%"


def test_a_class_with_a_violation_has_no_bound(tmp_path: Path) -> None:
    file = tmp_path / "faults.jsonl"
    append(file, _round(1))
    append(file, _round(2, ["I1 something is missing", "I4 a row differs"]))
    (entry,) = read_sums(file).values()
    assert (entry.violations, entry.failed, entry.bound()) == (2, 1, "-")
    assert "2 in 1 rounds" in markdown(read_sums(file))


def test_the_table_stands_between_its_markers_with_other_systems_after_ours(tmp_path: Path) -> None:
    file, document = tmp_path / "faults.jsonl", tmp_path / "document.md"
    append(file, _round(1, fault="F10"))
    append(file, _round(1, system="another"))
    append(file, _round(1))
    document.write_text("before\n<!-- faults -->\nold\n<!-- /faults -->\nafter\n")
    write_markdown(document, read_sums(file))
    text = document.read_text()
    assert text.startswith("before\n<!-- faults -->\n| class |")
    assert text.endswith("|\n<!-- /faults -->\nafter\n")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| F")]
    assert [(row[0], row[2]) for row in rows] == [
        ("| F1", "xpledger"),
        ("| F1", "another"),
        ("| F10", "xpledger"),
    ]
