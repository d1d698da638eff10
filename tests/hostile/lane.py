"""Throw many hostile records at a lane: PYTHONPATH=.:tests python -m hostile.lane --count 1000000.

Each is made of the seed and its number alone, and every so many begin with a new lane. `--from N`
begins at a number: the one at fault is told, and is met again from the beginning of its lane.
"""

import argparse
import gc
import logging
import sys
import time
from random import Random
from typing import Final

import structlog
from hostile.inputs import thrown, thrown_batch
from hostile.lanes import Intake

# So many are thrown at one lane: a user state that has grown for ever is another test's.
LANE: Final = 2000
BATCH_EVERY: Final = 10
TOLD_EVERY_S: Final = 10.0


def throw(seed: int, first: int, count: int) -> Intake:
    """Throw so many records at one lane, from a number on; return it."""
    lane, dice = Intake(), Random()
    number = first
    try:
        for number in range(first, first + count):
            dice.seed(f"{seed}/{number}")
            if number % BATCH_EVERY == 0:
                lane.take_batch(thrown_batch(dice, number), number)
            else:
                lane.take(thrown(dice))
    except Exception as error:
        error.add_note(f"record {number} of seed {seed}: --seed {seed} --from {first}")
        raise
    return lane


def main() -> int:
    """Run, and print what was thrown and what came of it."""
    parser = argparse.ArgumentParser(prog="hostile.lane", description=__doc__)
    parser.add_argument("--count", type=int, default=200_000, help="how many (default 200,000)")
    parser.add_argument("--seed", type=int, default=0, help="of all of them")
    parser.add_argument("--from", type=int, default=0, dest="first", help="number of the first")
    asked = parser.parse_args()
    gc.set_threshold(100_000, 50, 100)
    # What cannot be read is said to be so, a million times.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    began = told = time.monotonic()
    outcomes: dict[str, int] = {}
    done, slowest_s = 0, 0.0
    while done < asked.count:
        lane = throw(asked.seed, asked.first + done, min(LANE, asked.count - done))
        done += min(LANE, asked.count - done)
        slowest_s = max(slowest_s, lane.slowest_s)
        for outcome, count in lane.outcomes.items():
            outcomes[outcome] = outcomes.get(outcome, 0) + count
        if done == asked.count or time.monotonic() > told + TOLD_EVERY_S:
            told = time.monotonic()
            words = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(outcomes.items()))
            sys.stdout.write(
                f"{done:,} thrown in {told - began:.0f} s: {words}; "
                f"the slowest took {slowest_s * 1000:.0f} ms\n"
            )
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
