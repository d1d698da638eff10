"""A worker whose clock is ahead of all others', or behind: by so many seconds as it is told.

A script, started by `World` as `ops/part.py` is elsewhere. Nothing else may be different here.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

import processor.worker  # noqa: E402  the line above is what lets it be found
from ops.cli import main  # noqa: E402  likewise
from processor.worker import WorkerConfig  # noqa: E402  likewise

SKEW = timedelta(seconds=float(os.environ["XP_FAULT_SKEW_S"]))


def _now() -> datetime:
    return datetime.now(UTC) + SKEW


if __name__ == "__main__":
    processor.worker.WorkerConfig = partial(  # type: ignore[assignment,misc]  # called, and no more
        WorkerConfig, now=_now
    )
    main([sys.argv[1]])
