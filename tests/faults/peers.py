"""The same faults on others: kill -9 and SIGSTOP, on Faust and on Quix Streams, both exactly once.

A round has topics of its own, two workers of the peer (one for kill -9), uniquely numbered events
from an idempotent producer that waits for all replicas, one fault at a seeded instant, and a reader
of committed records. When the output is quiet, or after PATIENCE_S, the oracle compares. One line
of JSON per round; the lines have the fields of the fault suite's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import stack
from faults.peer_round import FAULTS, Round
from faults.peer_trial import NotBegunError, Trial

from benchmarks.peers import prepare
from ops.embedded.kafka import EmbeddedKafka

PEERS = ("faust", "quix")
STARTS = 3


def _ignore(_round: Round) -> None:
    pass


async def rounds(
    peer: str,
    fault: str,
    count: int,
    seed: int,
    bootstrap: str,
    scratch: Path,
    *,
    report: Callable[[Round], None] = _ignore,
) -> list[Round]:
    """Run `count` rounds of a fault on a peer; their seeds count up from `seed`.

    peer: "faust" or "quix", prepared. fault: "kill", "stop" or "none". scratch: for the workers'
    state and logs. report: is given each round when it is over. A peer that does not come to work
    at all, which is not the fault's doing, gets STARTS attempts; then NotBegunError is raised.
    """
    found = []
    for more in range(count):
        for left in reversed(range(STARTS)):
            try:
                found.append(await Trial(peer, fault, seed + more, bootstrap, scratch).run())
                break
            except NotBegunError as error:
                if not left:
                    raise
                sys.stderr.write(f"{error}; once more\n")
        report(found[-1])
    return found


def main() -> None:
    """Run rounds of one fault on one peer."""
    parser = argparse.ArgumentParser(prog="python -m faults.peers", description=__doc__)
    parser.add_argument("--peer", choices=PEERS, required=True)
    parser.add_argument("--fault", choices=FAULTS, required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--out", type=Path, help="file that a line of JSON per round is added to")
    parser.add_argument("--keep", type=Path, help="directory for the workers' logs, to be kept")
    options = parser.parse_args()

    def report(one: Round) -> None:
        line = json.dumps(one.line(), ensure_ascii=False)
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        if options.out:
            with options.out.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")

    prepare(options.peer, Path())
    with (
        tempfile.TemporaryDirectory(prefix="xp-peers-") as made,
        EmbeddedKafka(Path(made), stack.jars(), open_to_all=True) as kafka,
    ):
        asyncio.run(
            rounds(
                options.peer,
                options.fault,
                options.rounds,
                options.seed,
                kafka.bootstrap_servers,
                options.keep or Path(made),
                report=report,
            )
        )


if __name__ == "__main__":
    main()
