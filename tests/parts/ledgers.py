"""Ledgers of version 1 as a released program wrote them, and what today's would have written."""

import gzip
from functools import cache
from pathlib import Path

from processor.rules.compiling import compile_version
from schemas.codec import read_record, read_version, write_record

FOLDER = Path(__file__).parents[1] / "data" / "ledger-v1"
LEDGERS = ("commits", *(f"rules-{number}" for number in range(6)))


@cache
def lines(name):
    """Return the lines of a file of a ledger."""
    return gzip.decompress((FOLDER / f"{name}.ndjson.gz").read_bytes()).splitlines()


def rulesets(name):
    """Return the rules by which a ledger was judged, by version."""
    versions = map(read_version, lines(f"{name}.versions"))
    return {it.version: compile_version(it) for it in versions}


def lifted(line):
    """Return a record as version 2 has it."""
    return write_record(read_record(line))


# How the records of a ledger are written: at which places in version 2.
MIXES = {
    "version 2 throughout": lambda _at, _count: True,
    "version 1 throughout": lambda _at, _count: False,
    "an update in the midst": lambda at, count: at >= count // 2,
    "two programs in turns": lambda at, _count: at % 2 == 0,
    "an update that was taken back": lambda at, count: count // 3 <= at < count // 2,
}


def mixed(name, mix):
    """Return the records of a ledger in a mix of versions."""
    raws = lines(name)
    return [lifted(it) if MIXES[mix](at, len(raws)) else it for at, it in enumerate(raws)]
