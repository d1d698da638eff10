"""The same lane, with records that atheris grows by the code that they reach.

    PYTHONPATH=.:tests .fuzz-venv/bin/python tests/hostile/lane_guided.py CORPUS -runs=1000000

Run by `make hostile-lane-guided`: atheris has a place of its own, as it is nothing that the tests
need. CORPUS is a directory; what an earlier run found there is gone on with.
"""

import gc
import logging
import sys
from pathlib import Path
from typing import Final

import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]  # it is in no lock
import structlog

with atheris.instrument_imports(include=["broker", "schemas", "processor"]):
    from hostile.inputs import GOOD, HEADERS, Thrown
    from hostile.lane import LANE
    from hostile.lanes import Intake

import json

from wording import batches

# What the first byte says: a value alone, a signed one, one with headers, records of a batch.
PLAIN, SIGNED, HEADED, BATCH = range(4)
HEAD: Final = batches.batch(*[(b"a", b"b", ())] * 3)[: batches.RECORDS_AT]


class Thrower:
    """Throws what it is given at a lane, and at another one after so many."""

    def __init__(self) -> None:
        """Begin with a lane."""
        self._lane = Intake()
        self._count = 0

    def __call__(self, data: bytes) -> None:
        """Throw one record, or one batch."""
        self._count += 1
        if self._count % LANE == 0:
            self._lane = Intake()
        kind, rest = data[0] % 4 if data else PLAIN, data[1:]
        if kind == BATCH:
            self._lane.take_batch(batches.sealed(HEAD + rest), 0)
        elif kind == HEADED:
            self._lane.take(_headed(rest))
        else:
            self._lane.take(Thrown(b"bob", rest, (), signed=kind == SIGNED))


def _headed(data: bytes) -> Thrown:
    """Read headers, each by its number, and the value behind them."""
    headers: list[tuple[str, bytes | None]] = []
    while len(data) > 1 and data[0] < len(HEADERS):
        length = data[1] % 64
        headers.append((HEADERS[data[0]], None if length == 0 else data[2 : 1 + length]))
        data = data[2 + length :]
    return Thrown(
        data[:8] or None, data[1:], tuple(headers), signed=bool(data) and data[0] % 2 == 0
    )


def main() -> None:
    """Run what the command line of libFuzzer says."""
    corpus = Path(sys.argv[1])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, words in enumerate(GOOD):
        raw = json.dumps(words).encode()
        for kind in (PLAIN, SIGNED):
            (corpus / f"seed-{kind}-{number}").write_bytes(bytes([kind]) + raw)
        headed = bytes([HEADED, 0, 6]) + b"0-0-1" + b"\x00\xff" + raw
        (corpus / f"seed-{HEADED}-{number}").write_bytes(headed)
    body = batches.batch((b"bob", b"{}", [("a", b"b")]), (None, None, [("c", None)]))
    (corpus / "seed-batch").write_bytes(bytes([BATCH]) + body[batches.RECORDS_AT :])
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    gc.set_threshold(100_000, 50, 100)
    atheris.Setup(sys.argv, Thrower())
    atheris.Fuzz()


if __name__ == "__main__":
    main()
