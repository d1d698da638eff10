"""The contenders beside the worker: what starts each of them, and what each needs before.

Imports nothing but the standard library at the top, for the contenders of `.peers/venv` are modules
of this package and have none of xpledger's packages. Measures nothing: the benchmark fills
`{prefix}events`, creates `{prefix}output` and the topics that `changelogs` names, starts the
command in the root of the checkout, and watches the output grow. `own_api` is of another kind: it
is sent POSTs, and says for itself how it is started.
"""

import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
# What `prepare` makes, outside of git.
HOME: Final = ROOT / ".peers"

NAMES: Final = {
    "faust-total": "idiomatic Faust, one total per user, memory table and changelog",
    "faust-small": "idiomatic Faust, the small job, memory table and changelog",
    "quix": "Quix Streams exactly-once, the small job, RocksDB and changelog",
    "streams": "Kafka Streams exactly_once_v2, 2 threads, the small job, RocksDB and changelog",
}
# Their outputs are visible to readers of committed records only once a transaction ends, and each
# transaction leaves a marker per partition, which takes an offset and is no record.
TRANSACTIONAL: Final = frozenset({"quix", "streams"})
MODULES: Final = {
    "faust-total": "benchmarks.peers.faust_total",
    "faust-small": "benchmarks.peers.faust_small",
    "quix": "benchmarks.peers.quix_small",
}


class PeerError(RuntimeError):
    """A contender cannot be made ready; the message says why."""


def available(name: str) -> str | None:
    """Return None if the contender can run here once prepared, else a sentence why it cannot."""
    if name == "streams":
        from benchmarks.peers.java import compiler  # noqa: PLC0415  see the file's docstring

        return compiler()[1]
    return None


def prepare(name: str, cache_dir: Path) -> None:
    """Install, fetch and compile what the contender needs, unless that was done.

    cache_dir: where the jars are kept between runs, the cache of the embedded stack. Raises
    PeerError, and StackError where a jar cannot be had.
    """
    if name == "quix":
        from benchmarks.peers.venv import install  # noqa: PLC0415  see the file's docstring

        install()
    elif name == "streams":
        from benchmarks.peers.java import build  # noqa: PLC0415  see the file's docstring

        build(cache_dir)


def changelogs(name: str, prefix: str) -> list[str]:
    """Return the compacted topics that must exist before the contender starts.

    Quix Streams and Kafka Streams make their own.
    """
    return [f"{prefix}{name}-standings-changelog"] if name.startswith("faust-") else []


def command(name: str, bootstrap: str, prefix: str, scratch: Path, partitions: int) -> list[str]:
    """Return what starts the prepared contender, to be run in the root of the checkout.

    scratch: a directory of this run alone, for local state.
    """
    given = [bootstrap, prefix, str(scratch), str(partitions)]
    if name == "streams":
        from benchmarks.peers.java import start  # noqa: PLC0415  see the file's docstring

        return [*start(), *given]
    python = HOME / "venv" / "bin" / "python" if name == "quix" else Path(sys.executable)
    return [str(python), "-m", MODULES[name], *given]
