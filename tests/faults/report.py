"""Rounds as lines of a file, added up over all runs, and the table that is made of them.

A line is one round of one system; systems other than this one may write lines as well.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

SYSTEM = "xpledger"
# The markers between which `write_markdown` puts the table.
BEGIN, END = "<!-- faults -->", "<!-- /faults -->"
HEADINGS = (
    "class",
    "fault",
    "system",
    "rounds",
    "events",
    "violations",
    "duplicates dropped",
    "longest recovery",
    "failing rounds, at most (95 %)",
)


@dataclass(frozen=True)
class Round:
    """How one round went; `violations` are the texts, `recovery_s` counts from the last blow."""

    fault: str
    title: str
    seed: str
    number: int
    events: int
    violations: Sequence[str]
    duplicates_dropped: int
    recovery_s: float
    at: str
    system: str = SYSTEM
    notes: Sequence[str] = ()

    def line(self) -> str:
        """Return the round as a line of the results file."""
        fields = asdict(self)
        fields["class"] = fields.pop("fault")
        return json.dumps(fields, ensure_ascii=False)


@dataclass
class Sum:
    """What the rounds of one class on one system add up to."""

    title: str = ""
    rounds: int = 0
    events: int = 0
    # Rounds with a violation.
    failed: int = 0
    violations: int = 0
    duplicates: int = 0
    recovery_s: float = 0.0
    # Rounds that had not recovered when the patience was over.
    stuck: int = 0

    def cells(self, fault: str, system: str) -> tuple[str, ...]:
        """Return a row of the table."""
        return (
            fault,
            self.title,
            system,
            f"{self.rounds:,}",
            f"{self.events:,}",
            f"{self.violations:,}" + (f" in {self.failed} rounds" if self.failed else ""),
            f"{self.duplicates:,}",
            f"{self.recovery_s:.1f} s" + (f", never in {self.stuck} rounds" if self.stuck else ""),
            self.bound(),
        )

    def bound(self) -> str:
        """Say what so many rounds without a violation prove: 3/n at 95 %."""
        if self.failed or not self.rounds:
            return "-"
        return f"{min(1.0, 3 / self.rounds):.1%}"


def append(path: Path, one: Round) -> None:
    """Add a round to the results file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(one.line() + "\n")


def sums(lines: Iterable[str]) -> dict[tuple[str, str], Sum]:
    """Add up lines by class and system, in the order of classes."""
    added: dict[tuple[str, str], Sum] = defaultdict(Sum)
    for line in lines:
        if not line.strip():
            continue
        fields = json.loads(line)
        entry = added[fields["class"], fields["system"]]
        entry.title = fields["title"]
        entry.rounds += 1
        entry.events += fields["events"]
        entry.failed += bool(fields["violations"])
        entry.violations += len(fields["violations"])
        entry.duplicates += fields["duplicates_dropped"]
        entry.stuck += fields["recovery_s"] is None
        entry.recovery_s = max(entry.recovery_s, fields["recovery_s"] or 0.0)
    return dict(
        sorted(
            added.items(),
            key=lambda item: (order_of(item[0][0]), item[0][1] != SYSTEM, item[0][1]),
        )
    )


def order_of(fault: str) -> tuple[int, str]:
    """Return by what classes are sorted: F2 comes before F10."""
    digits = "".join(letter for letter in fault if letter.isdigit())
    return int(digits or 0), fault


def read_sums(path: Path) -> dict[tuple[str, str], Sum]:
    """Add up a results file; an absent one has no rounds."""
    return sums(path.read_text(encoding="utf-8").splitlines()) if path.exists() else {}


def show(console: Console, added: dict[tuple[str, str], Sum]) -> None:
    """Print the table."""
    table = Table(*HEADINGS)
    for column in table.columns[3:]:
        column.justify = "right"
    for (fault, system), entry in added.items():
        table.add_row(*entry.cells(fault, system), style="red" if entry.failed else None)
    console.print(table)


def markdown(added: dict[tuple[str, str], Sum]) -> str:
    """Return the same table in Markdown."""
    lines = ["| " + " | ".join(HEADINGS) + " |", "|---" * 3 + "|---:" * 6 + "|"]
    lines += [
        "| " + " | ".join(entry.cells(fault, system)) + " |"
        for (fault, system), entry in added.items()
    ]
    return "\n".join(lines)


def write_markdown(document: Path, added: dict[tuple[str, str], Sum]) -> None:
    """Put the table between the markers of a document; ValueError where they are not."""
    text = document.read_text(encoding="utf-8")
    before, found, rest = text.partition(BEGIN)
    _old, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"{document} lacks {BEGIN} and {END}")
    document.write_text(f"{before}{BEGIN}\n{markdown(added)}\n{END}{after}", encoding="utf-8")
