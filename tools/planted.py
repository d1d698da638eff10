"""Put in known bugs, one at a time, into a copy of the tree, and see each of them caught.

A suite that cannot go red proves nothing. Each bug is a few lines of text that take the place of
others; the simulator, and where asked the tests, run on the copy. The checkout is not touched.
Ends with 1 if a bug was not caught, or if the tree without a bug was not found clean.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from rich.console import Console
from rich.table import Table

ROOT: Final = Path(__file__).resolve().parent.parent
TREES: Final = (
    *("schemas", "broker", "processor", "projections", "contract", "gateway", "notifier", "ops"),
    *("tests", "examples", "docs"),
)
TESTS: Final = ("tests/rules", "tests/parts", "tests/laws/test_undone_everywhere.py")

# Letters of a violation that are printed.
SAID_MAX: Final = 160


class Bug(NamedTuple):
    """A bug to put in: in `file`, `old` becomes `new`."""

    name: str
    file: str
    old: str
    new: str


BUGS: Final = (
    Bug(
        "a used key is not looked up",
        "processor/judge.py",
        "            first = state.used.first(digest, self._appended)\n",
        "            first = None\n",
    ),
    Bug(
        "the higher offset wins, whatever a record was judged on",
        "schemas/order.py",
        "    return record.after == last\n",
        "    here = (record.source.epoch, record.source.offset)\n"
        "    return last is None or here > (last.epoch, last.offset)\n",
    ),
    Bug(
        "a batch counts as recorded before the append is acknowledged",
        "processor/ledger.py",
        "        landed: Any = await sent\n",
        "        if not sent.done() or sent.exception():\n"
        "            return expected + len(batch)\n"
        "        landed: Any = sent.result()\n",
    ),
    Bug(
        "the position is stored outside of the write that stores the rows",
        "processor/partition_state.py",
        "        rows.append((META, write_meta(self._meta())))\n"
        "        self._store.write(rows, gone)\n",
        "        self._store.write([(META, write_meta(self._meta()))])\n"
        "        self._store.write(rows, gone)\n",
    ),
    Bug(
        "what has fallen due stays in the store",
        "processor/partition_state.py",
        "        self._store.write(rows, gone)\n",
        "        self._store.write(rows)\n",
    ),
    Bug(
        "a correction is not remembered",
        "processor/partition_state.py",
        "            if isinstance(entry, CorrectionEntry):\n",
        "            if False and isinstance(entry, CorrectionEntry):\n",
    ),
    Bug(
        "the state is stored before the append",
        "processor/lane.py",
        "            after = await self._ledger.append(batch, self._state.ledger)\n"
        '            reach("lane.appended")\n',
        "            expected = self._state.ledger\n"
        "            self._state.keep(expected + len(batch))\n"
        "            after = await self._ledger.append(batch, expected)\n"
        '            reach("lane.appended")\n',
    ),
    Bug(
        "what a refused input has changed of its user stays",
        "processor/judge.py",
        "        state.users.undo(who)\n        if isinstance(decision, Refused):\n",
        "        if isinstance(decision, Refused):\n",
    ),
    Bug(
        "an undone state loses what was judged since the last write",
        "processor/user_states.py",
        "        for record in self._records:\n            if record.user is not None",
        "        for record in ():\n            if record.user is not None",
    ),
    Bug(
        "records are handed on before they are appended",
        "processor/lane.py",
        "            after = await self._ledger.append(batch, self._state.ledger)\n",
        "            self._recent.add([pending.record for pending in batch])\n"
        "            after = await self._ledger.append(batch, self._state.ledger)\n",
    ),
)


def plant(bug: Bug, tree: Path) -> None:
    """Put a bug into a tree. Raises LookupError when its place is not there, once."""
    path = tree / bug.file
    text = path.read_text()
    if text.count(bug.old) != 1:
        raise LookupError(f"{bug.file} has no single place for: {bug.name}")
    path.write_text(text.replace(bug.old, bug.new))


def copy(target: Path) -> None:
    """Copy what the simulator and the tests need."""
    for name in TREES:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", target)


def simulate(tree: Path, schedules: int) -> tuple[bool, str]:
    """Return whether the simulator went red, and what it said first."""
    code, said = _run(tree, "simulation", "--schedules", str(schedules))
    if code not in (0, 1):
        return False, f"did not run: {said[-300:]}"
    violations = [line.strip() for line in said.splitlines() if re.search(r"\bI\d+\b", line)]
    return code == 1, violations[0][:SAID_MAX] if violations else ""


def test(tree: Path) -> str:
    """Return the first test that failed, "" when none did."""
    _code, said = _run(tree, "pytest", "-q", "-x", "-p", "no:cacheprovider", *TESTS)
    failed = [line for line in said.splitlines() if line.startswith("FAILED")]
    return failed[0].removeprefix("FAILED ").split(" - ")[0] if failed else ""


def _run(tree: Path, *module: str) -> tuple[int, str]:
    environment = os.environ | {
        "PYTHONPATH": f"{tree}:{tree}/tests",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", *module]
    done = subprocess.run(  # noqa: S603  our own programs
        command, cwd=tree, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def main() -> int:
    """Plant every bug in turn, print what caught it."""
    parser = argparse.ArgumentParser(prog="planted", description=__doc__)
    parser.add_argument("--schedules", type=int, default=300, help="of the simulator, at most")
    parser.add_argument("--tests", action="store_true", help="run the tests without a broker too")
    told = parser.parse_args()
    console = Console()
    table = Table("Bug", "Simulator", *(["Tests"] if told.tests else []))
    missed = []
    with tempfile.TemporaryDirectory(prefix="xp-planted-") as scratch:
        for number, bug in enumerate((None, *BUGS)):
            tree = Path(scratch) / str(number)
            copy(tree)
            if bug is not None:
                plant(bug, tree)
            red, said = simulate(tree, told.schedules)
            name = bug.name if bug else "none"
            caught = [said if red else said or "clean"]
            if told.tests:
                caught.append(test(tree) or "green")
            if red != (bug is not None):
                missed.append(name)
            table.add_row(name, *caught)
            console.print(f"{name}: {', '.join(caught)}", highlight=False, markup=False)
            shutil.rmtree(tree)
    console.print(table)
    if missed:
        console.print(f"[bold red]not as it should be: {'; '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
