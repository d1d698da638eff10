"""The table of figures: on the terminal, and between two markers in a document.

`python -m benchmarks.table RESULTS DOCUMENT` writes it there; `--check` only says whether the
document has what the results say.
"""

import argparse
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.results import read
from benchmarks.rows import ROWS, Row

BEGIN: Final = "<!-- figures: `python -m benchmarks.table` makes them, not to be edited -->"
END: Final = "<!-- end of figures -->"
COLUMNS: Final = (
    "figure",
    "to reach",
    "moonshot",
    "measured",
    "verdict",
    "beside it, medians",
    "rounds",
    "date",
)
TIMES: Final = "\u00d7"


class MarkerError(ValueError):
    """A document has no place for the table."""


def print_rows(
    console: Console,
    results: Mapping[str, Mapping[str, Any]],
    measured: Collection[str],
    failed: Mapping[str, str],
) -> None:
    """Print the rows of one run."""
    table = Table(title="Figures of this run")
    for name in ("row", "figure", "to reach", "moonshot", "measured", "verdict"):
        table.add_column(name, justify="right" if name in ("to reach", "moonshot") else "left")
    for row in ROWS:
        if row.name in failed:
            table.add_row(row.name, row.what, *_goals(row), "none", _first_line(failed[row.name]))
        elif row.name in measured:
            result = results[row.name]
            shown = shown_value(row, result["value"])
            table.add_row(row.name, row.what, *_goals(row), shown, _verdict(row, result))
    console.print(table)
    for name in measured:
        machine = results[name]["machine"]
        text = f"{machine['cores']} cores, {machine['processor']}, {machine['memory_gb']} GB"
        console.print(f"{text}, {results[name]['versions']}", highlight=False)
        break


def markdown(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the table of all rows, with what was measured beside each, and on what machines."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---" * len(COLUMNS) + "|"
    for row in ROWS:
        result = results.get(row.name)
        goals = " | ".join(_goals(row))
        if result is None or "value" not in result:
            told = _first_line(result["failed"]["reason"]) if result else "not measured yet"
            told = told.replace("|", "\\|")
            yield f"| {row.what} | {goals} | none | | {told} | | |"
            continue
        beside = "; ".join(
            f"{name}: {shown_number(other['median'])}" for name, other in result["beside"].items()
        )
        how = result["how"]
        sizes = [f"{how[name]:,} {name}" for name in ("events", "records", "users") if name in how]
        value, verdict = shown_value(row, result["value"]), _verdict(row, result)
        yield (
            f"| {row.what} | {goals} | **{value}** | {verdict} | {'; '.join([beside, *sizes])} "
            f"| {len(result['rounds'])} | {result['date'][:10]} |"
        )
    yield ""
    yield from sorted({_circumstances(it) for it in results.values() if "value" in it})


def _verdict(row: Row, result: Mapping[str, Any]) -> str:
    # Of the goals as they are now: they may have moved since it was measured.
    scale = "" if result["scale"] == 1 else f", at scale {result['scale']:g}"
    return f"{row.reached(result['value'])}{scale}"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:200]


def _circumstances(result: Mapping[str, Any]) -> str:
    machine, versions = result["machine"], result["versions"]
    told = ", ".join(f"{name} {number}" for name, number in versions.items())
    return (
        f"Measured on {machine['cores']} cores of {machine['processor']}, "
        f"{machine['memory_gb']} GB, {machine['system']}; {told}."
    )


def _goals(row: Row) -> list[str]:
    goals = (row.reach, row.moonshot)
    return ["" if goal is None else shown_value(row, goal) for goal in goals]


def shown_value(row: Row, value: float) -> str:
    """Return a value of a row with its unit."""
    return f"{shown_number(value)} {TIMES if row.unit == 'x' else row.unit}"


def shown_number(value: float) -> str:
    """Return a number with as many digits as mean something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def write_between(document: str, table: str) -> str:
    """Return a document with the table between its markers; MarkerError if they are not there."""
    head, begin, rest = document.partition(BEGIN)
    _old, end, tail = rest.partition(END)
    if not (begin and end):
        raise MarkerError(f"the document lacks the lines {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n\n{table}\n{END}{tail}"


def main() -> None:
    """Write or check; ends with 1 when the document is not what the results say."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table", description=__doc__)
    parser.add_argument("results", type=Path, help="JSON file of results")
    parser.add_argument("document", type=Path, help="Markdown file with the markers")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when it differs")
    given = parser.parse_args()
    before = given.document.read_text()
    after = write_between(before, markdown(read(given.results)))
    if given.check:
        if before != after:
            sys.exit(f"{given.document} has other figures than {given.results}")
        return
    given.document.write_text(after)


if __name__ == "__main__":
    main()
