"""Processes that are kept running: what ends is started again after a moment, as in production."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from ops.embedded.ports import StackError
from ops.embedded.process import Child
from ops.embedded.server import EmbeddedServer

RESTART_S = 0.5
LOOK_S = 0.05
STOP_S = 3.0


@dataclass
class Part:
    """A process under supervision: one of ours, or one of the servers."""

    name: str
    # Variables for its next start only.
    once: dict[str, str] = field(default_factory=dict)
    child: Child | EmbeddedServer | None = None
    # Whether it is to run; when it is due to be started again.
    wanted: bool = True
    due: float | None = None
    pause_s: float = RESTART_S
    starts: int = 0
    launching: bool = False


class Supervisor(ABC):
    """Starts the processes of one system, again where they end."""

    def __init__(self, home: Path) -> None:
        """Take the directory for all data and logs; nothing runs before `start_part`."""
        self.home = home
        self.parts: dict[str, Part] = {}
        self._supervising: asyncio.Task[None] | None = None

    @abstractmethod
    def command(self, part: str) -> list[str]:
        """Return the command line of a part of ours."""

    @abstractmethod
    def environment(self, part: str) -> dict[str, str]:
        """Return the variables of a part of ours."""

    @abstractmethod
    def addresses(self) -> tuple[str, ...]:
        """Return where the servers are: they must be there again after a restart."""

    # Life

    def supervise(self) -> None:
        """Start what ends again, from now on."""
        self._supervising = asyncio.create_task(self._supervise())

    async def end(self) -> None:
        """End everything at once: nothing of it is needed any more. `close` comes after it."""
        if self._supervising is not None:
            self._supervising.cancel()
            await asyncio.gather(self._supervising, return_exceptions=True)
        for part in self.parts.values():
            part.wanted = False
            for process in self.processes(part.name):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    async def close(self) -> None:
        """Wait for the end of everything."""
        for part in self.parts.values():
            if isinstance(part.child, Child):
                await asyncio.to_thread(part.child.stop, STOP_S)
            elif part.child is not None:
                await asyncio.to_thread(part.child.stop)

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            for part in list(self.parts.values()):
                if not part.wanted or part.child is None or part.child.alive:
                    continue
                now = time.monotonic()
                if part.due is None:
                    part.due = now + part.pause_s
                if now >= part.due:
                    part.due = None
                    # A full disk, for one, stops it from starting: it is tried again.
                    with contextlib.suppress(OSError, StackError):
                        await self._launch(part)

    async def _launch(self, part: Part) -> None:
        part.launching = True
        try:
            await self._launch_now(part)
        finally:
            part.launching = False

    async def _launch_now(self, part: Part) -> None:
        part.pause_s = RESTART_S
        part.starts += 1
        if isinstance(part.child, EmbeddedServer):
            before = self.addresses()
            await asyncio.to_thread(part.child.start)
            assert before == self.addresses(), "the port is taken"
            return
        if isinstance(part.child, Child):
            part.child.release()
        once, part.once = part.once, {}
        child = Child(
            part.name,
            self.home / "parts" / part.name.replace(" ", "-"),
            marks=(str(self.home), command_of(part.name)),
            stop_signal=signal.SIGTERM,
            environment=self.environment(part.name) | once,
        )
        await asyncio.to_thread(child.claim)
        await asyncio.to_thread(child.start, self.command(part.name))
        part.child = child

    async def start_part(self, name: str, **environment: str) -> None:
        """Start a part, a new one or one that was stopped; `environment` is for this start only."""
        part = self.parts.setdefault(name, Part(name))
        part.once |= environment
        part.wanted = True
        part.due = None
        await self._launch(part)

    async def gone(self, name: str, patience_s: float = 30.0) -> None:
        """Return when the process that runs now has ended; TimeoutError."""
        part = self.parts[name]
        child, starts = part.child, part.starts
        async with asyncio.timeout(patience_s):
            while child is not None and part.starts == starts and child.alive:
                await asyncio.sleep(0.01)

    async def back(self, name: str, patience_s: float = 120.0) -> None:
        """Return when the process runs again, and serves if it is a server; TimeoutError."""
        part = self.parts[name]
        async with asyncio.timeout(patience_s):
            while part.launching or part.child is None or not part.child.alive:
                await asyncio.sleep(0.02)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a part or server; a pause takes a server's children along."""
        whole = number in (signal.SIGSTOP, signal.SIGCONT)
        for process in self.processes(name) if whole else self.processes(name)[:1]:
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                os.kill(process.pid, number)

    def processes(self, name: str) -> list[psutil.Process]:
        """Return the process of a part or server while it runs, and its children after it."""
        child = self.parts[name].child
        if child is None or (pid := child.pid) is None:
            return []
        try:
            process = psutil.Process(pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def pid(self, name: str) -> int | None:
        """The process id of a part or server while it runs."""
        child = self.parts[name].child
        return child.pid if child is not None else None

    def log_of(self, name: str, characters: int = 3000) -> str:
        """Return the end of a part's log."""
        child = self.parts[name].child
        if child is None or not child.log.exists():
            return ""
        return child.log.read_text(errors="replace")[-characters:]


def command_of(part: str) -> str:
    """Return the command that a part runs: that of "worker 2" is "worker"."""
    return part.partition(" ")[0]
