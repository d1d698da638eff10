"""Run faults against a real system and say what came of it: `python -m faults --help`."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import secrets
import signal
import sys
from pathlib import Path

import structlog
from faults.classes import CLASSES, FaultClass
from faults.report import Round, append, order_of, read_sums, show, write_markdown
from faults.rounds import run_class, run_short
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "faults.jsonl"
KEPT = ROOT / ".xp" / "faults"
# Of what is printed into a file.
WIDTH = 170


class UnknownClassError(ValueError):
    """There is no such class; the message names those that there are."""


def load_classes() -> dict[str, FaultClass]:
    """Import every module of classes and return the register."""
    for path in sorted(Path(__file__).parent.glob("classes_*.py")):
        importlib.import_module(f"faults.{path.stem}")
    return dict(sorted(CLASSES.items(), key=lambda item: order_of(item[0])))


def chosen(arguments: argparse.Namespace) -> list[tuple[FaultClass, list[int]]]:
    """Return the classes to run and the numbers of their rounds; UnknownClassError."""
    classes = load_classes()
    if arguments.only:
        fault, _, number = arguments.only.partition(":")
        wanted = {fault: [int(number)] if number else None}
    else:
        names = arguments.classes or [
            name for name, fault in classes.items() if fault.short or not arguments.short
        ]
        wanted = dict.fromkeys(names)
    unknown = sorted(wanted.keys() - classes.keys())
    if unknown:
        raise UnknownClassError(f"there is no class {', '.join(unknown)}: {', '.join(classes)}")
    rounds = arguments.rounds
    first = arguments.first
    return [
        (classes[name], numbers or list(range(first, first + rounds)))
        for name, numbers in wanted.items()
    ]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="faults", description=__doc__)
    made.add_argument("--rounds", type=int, default=20, help="rounds per class (20)")
    made.add_argument("--first", type=int, default=1, help="number of the first round")
    made.add_argument("--classes", nargs="+", metavar="F", help="only these, such as F1 F4")
    made.add_argument("--only", metavar="F:N", help="one round of one class, such as F1:7")
    made.add_argument("--seed", help="draws the same plans again; a new one unless given")
    made.add_argument("--short", action="store_true", help="one round of the main classes")
    made.add_argument("--out", type=Path, default=RESULTS, help="file that rounds are added to")
    made.add_argument("--keep", type=Path, default=KEPT, help="where logs of failed rounds go")
    made.add_argument("--markdown", type=Path, help="document to put the table into, and be done")
    made.add_argument("--list", action="store_true", help="name the classes, and be done")
    return made


class Session:
    """One run of the command: what to run, and what came of it so far."""

    def __init__(self, arguments: argparse.Namespace, console: Console) -> None:
        self._arguments = arguments
        self._console = console
        self.failed = 0

    async def run(self) -> None:
        """Run what is asked for; ended by SIGTERM as by Ctrl-C, with everything stopped."""
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        arguments, picked = self._arguments, chosen(self._arguments)
        seed = arguments.seed or secrets.token_hex(4)
        self._print(f"seed {seed}: --seed {seed} draws the same plans again", "bold")
        if arguments.short:
            await run_short([fault for fault, _ in picked], seed, self._done, arguments.keep)
            return
        for fault, numbers in picked:
            self._print(f"{fault.id} {fault.title}", "bold")
            await run_class(fault, seed, numbers, self._done, arguments.keep)

    def _done(self, one: Round) -> None:
        self.failed += bool(one.violations)
        # A round that the driver itself could not bring to its end says nothing of the system.
        if one.events and not all(text.startswith("driver:") for text in one.violations or "-"):
            append(self._arguments.out, one)
        notes = f", {'; '.join(one.notes)}" if one.notes else ""
        self._print(
            f"{one.fault}:{one.number} {one.events} events, "
            f"{one.duplicates_dropped} duplicates dropped, "
            f"recovery {one.recovery_s:.1f} s{notes}",
            "red" if one.violations else None,
        )
        for text in one.violations:
            self._print(f"  {text}", "red")

    def _print(self, text: str, style: str | None) -> None:
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def main(words: list[str] | None = None) -> int:
    """Run what the command line says; 1 if anything was violated."""
    arguments = parser().parse_args(words)
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    _hush()
    if arguments.markdown:
        write_markdown(arguments.markdown, read_sums(arguments.out))
        return 0
    if arguments.list:
        for fault in load_classes().values():
            console.print(f"{fault.id:5} {fault.title}", highlight=False)
        return 0
    session = Session(arguments, console)
    try:
        asyncio.run(session.run())
    except (UnknownClassError, asyncio.CancelledError, KeyboardInterrupt) as error:
        console.print(str(error) or "stopped", style="red", highlight=False)
        return 2
    show(console, read_sums(arguments.out))
    return 1 if session.failed else 0


def _hush() -> None:
    # An outage makes every client of the driver complain, thousands of times.
    for name in ("aiokafka", "psycopg", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    sys.exit(main())
