"""Try many hostile definition files: PYTHONPATH=.:tests python -m hostile --count 100000.

Each is made of the seed and its number alone. They are tried in a process beside this one, so that
one that ends a process is known by its number, too. With `--input N` one is tried again, and with
`--show` printed.
"""

import argparse
import faulthandler
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Final

from hostile.doors import BOUND_S, try_doors
from hostile.files import hostile_file

# A process for so many: what one leaves behind in memory is not another's fault.
BATCH: Final = 20_000


def main() -> int:
    """Run, and print what was tried and what was wrong; 1 if anything was."""
    parser = argparse.ArgumentParser(prog="hostile", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="how many (default 100,000)")
    parser.add_argument("--seed", type=int, default=0, help="of all of them")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--input", type=int, help="try this one alone, in this process")
    parser.add_argument("--show", action="store_true", help="print it instead")
    parser.add_argument("--at", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.input is not None:
        raw = made(asked.seed, asked.input)
        if asked.show:
            sys.stdout.buffer.write(raw)
        else:
            sys.stdout.write(f"{len(raw):,} bytes, {try_doors(raw):.3f} s\n")
        return 0
    if asked.at is not None:
        try_some(asked.seed, asked.first, asked.count, asked.at)
        return 0
    return supervise(asked.seed, asked.first, asked.count)


def made(seed: int, number: int) -> bytes:
    """Return the file of a number."""
    return hostile_file(Random(f"{seed}/{number}"))


def try_some(seed: int, first: int, count: int, at: Path) -> None:
    """Try some, leaving in a file which one is being tried and how long the slowest took."""
    slowest = 0.0
    with at.open("w", buffering=1, encoding="ascii") as told:
        for number in range(first, first + count):
            told.seek(0)
            told.write(f"{number} {slowest:.3f}\n")
            # In C, so that it comes even where no line of Python is reached any more.
            faulthandler.dump_traceback_later(3 * BOUND_S, exit=True)
            slowest = max(slowest, try_doors(made(seed, number)))
            faulthandler.cancel_dump_traceback_later()


def supervise(seed: int, first: int, count: int) -> int:
    """Have all tried by processes, one after the other; 1 if an input was too much for one."""
    began, slowest, number, last = time.monotonic(), 0.0, first, first + count
    bad: list[int] = []
    with tempfile.TemporaryDirectory() as work:
        at = Path(work) / "at"
        while number < last:
            some = min(BATCH, last - number)
            words = ["--seed", str(seed), "--first", str(number), "--count", str(some)]
            command = [sys.executable, "-X", "faulthandler", "-m", "hostile", *words]
            done = subprocess.run([*command, "--at", str(at)], check=False)
            tried, took = at.read_text(encoding="ascii").split()
            slowest = max(slowest, float(took))
            if done.returncode:
                bad.append(int(tried))
                sys.stdout.write(f"input {tried} of seed {seed}: exit code {done.returncode}\n")
            number = int(tried) + 1
            sys.stdout.write(f"{number - first:,} tried, the slowest took {slowest:.1f} s\n")
            sys.stdout.flush()
    took_s = time.monotonic() - began
    sys.stdout.write(f"{count:,} files in {took_s:.0f} s: {len(bad)} wrong {bad or ''}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
