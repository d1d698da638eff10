"""Run schedules from the command line: PYTHONPATH=.:tests python -m simulation --schedules 2000."""

import argparse
import sys

from simulation.runs import run_schedules


def main() -> int:
    """Run, print what was run and what was violated; 1 if anything was."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the first; the next has the next")
    parser.add_argument("--keep-on", action="store_true", help="do not stop at a violation")
    parser.add_argument("--seconds", type=float, help="end after so many, whatever is left")
    asked = parser.parse_args()
    summary = run_schedules(
        asked.seed, asked.schedules, keep_on=asked.keep_on, seconds_max=asked.seconds
    )
    sys.stdout.write(summary.text())
    return 1 if summary.violations else 0


if __name__ == "__main__":
    sys.exit(main())
