"""The processes of a peer, Faust or Quix Streams, and their supervisor."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers import HOME
from benchmarks.peers.venv import LOCK

HERE = Path(__file__).parent
PARTITIONS = 4
RESTART_S, RESTART_MAX_S = 1.0, 32.0


class Workers:
    """The processes of a peer, each with a directory of its own, and their supervisor."""

    def __init__(self, peer: str, bootstrap: str, prefix: str, scratch: Path) -> None:
        self._peer, self._scratch = peer, scratch
        self._given = (bootstrap, prefix)
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        # How often a worker was started again, the one that we killed included.
        self.restarts = 0

    def start(self, number: int) -> None:
        """Start one worker, again where it ended."""
        home = self._scratch / f"worker-{number}"
        home.mkdir(parents=True, exist_ok=True)
        python = HOME / "venv" / "bin" / "python" if self._peer == "quix" else sys.executable
        with (home / "log").open("ab") as log:
            self._running[number] = subprocess.Popen(
                [python, HERE / f"peer_{self._peer}.py", *self._given, home, str(PARTITIONS)],
                cwd=home,
                stdout=log,
                stderr=log,
            )

    def strike(self, number: int, what: signal.Signals) -> None:
        """Send a signal to one worker."""
        self._running[number].send_signal(what)

    async def supervise(self) -> None:
        """Start each worker that has ended again, until cancelled.

        RESTART_S after its first end, twice as long after each further one, up to RESTART_MAX_S:
        workers that fall over each other's restarts must have a chance to come to rest.
        """
        due: dict[int, float] = {}
        pauses = dict.fromkeys(self._running, RESTART_S)
        while True:
            for number, one in list(self._running.items()):
                if one.poll() is None:
                    continue
                if number not in due:
                    due[number] = time.monotonic() + pauses[number]
                    pauses[number] = min(2 * pauses[number], RESTART_MAX_S)
                elif time.monotonic() >= due[number]:
                    del due[number]
                    self.start(number)
                    self.restarts += 1
            await asyncio.sleep(0.05)

    def end(self) -> None:
        """Kill all."""
        for one in self._running.values():
            one.kill()
            one.wait()


def system(peer: str) -> str:
    """Return the name of a peer with its version, as the report has it."""
    if peer == "faust":
        return f"Faust {version('faust-streaming')} exactly_once"
    pinned = re.search(r"^quixstreams==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    return f"Quix Streams {pinned[1] if pinned else ''} exactly-once"
