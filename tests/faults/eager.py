"""A worker that leaves a snapshot after a few records, and takes one over to save a few.

A script, started by `SnapshotsWorld` as `ops/part.py` is elsewhere: a round has too few events for
the numbers that make sense in production. Nothing else may be different here.
"""

import sys
from functools import partial
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[2])

import processor.worker  # noqa: E402  the line above is what lets it be found
from ops.cli import main  # noqa: E402  likewise
from processor.storage import StorageConfig  # noqa: E402  likewise

if __name__ == "__main__":
    processor.worker.StorageConfig = partial(  # type: ignore[assignment,attr-defined]  # called, and no more
        StorageConfig, snapshot_records_min=20, load_records_min=10
    )
    main([sys.argv[1]])
