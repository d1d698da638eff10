"""What strikes do to processes: they kill, pause and halt through here and nowhere else."""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from faults.supervisor import RESTART_S, Supervisor


class Strikes(Supervisor):
    """Processes under supervision that can be struck."""

    def __init__(self, home: Path) -> None:
        """See Supervisor."""
        super().__init__(home)
        # When the last blow fell, by the monotonic clock; None while none did in this round.
        self.last_blow: float | None = None

    def blow(self) -> None:
        """Say that a fault has just been brought about, or is over: recovery counts from here."""
        self.last_blow = time.monotonic()

    async def kill(self, name: str, restart_s: float = RESTART_S, **environment: str) -> None:
        """End a process as kill -9 does; it is started again after `restart_s` seconds.

        `environment` is for its next start only: `XP_FAILPOINT="lane.appended:3"`.
        """
        part = self.parts[name]
        part.once |= environment
        part.pause_s = restart_s
        part.due = None
        self.signal(name, signal.SIGKILL)
        self.blow()
        await self.gone(name)

    async def terminate(self, name: str, *, restart: bool = True) -> None:
        """Ask a part to end in good order and wait for it; it is started again, or stays away."""
        part = self.parts[name]
        part.wanted = restart
        self.signal(name, signal.SIGTERM)
        self.blow()
        await self.gone(name)

    async def drop(self, name: str) -> None:
        """End a part as kill -9 does, for good."""
        self.parts[name].wanted = False
        self.signal(name, signal.SIGKILL)
        self.blow()
        await self.gone(name)

    async def die_at(self, name: str, point: str, patience_s: float = 15.0) -> bool:
        """Restart a part with a failpoint (`NAME:N`); tell whether it has died there in time.

        One that did not is killed, so that no later round dies of it.
        """
        await self.kill(name, restart_s=0.0, XP_FAILPOINT=point)
        await self.back(name)
        try:
            await self.gone(name, patience_s)
        except TimeoutError:
            await self.kill(name)
            return False
        self.blow()
        return True

    async def halt_at(
        self, name: str, point: str, seconds: float, patience_s: float = 15.0
    ) -> bool:
        """Restart a part so that it halts at a failpoint (`NAME:N`), and let it go on later.

        It goes on `seconds` after it halted; tells whether it halted within `patience_s`.
        """
        await self.kill(name, restart_s=0.0, XP_FAILPOINT=f"{point}:stop")
        await self.back(name)
        halted = await eventually(lambda: self._halted(name), patience_s)
        if not halted:
            await self.kill(name)
            return False
        self.last_blow = math.inf
        await asyncio.sleep(seconds)
        self.signal(name, signal.SIGCONT)
        self.blow()
        return True

    def _halted(self, name: str) -> bool:
        processes = self.processes(name)
        return bool(processes) and processes[0].status() == psutil.STATUS_STOPPED

    async def pause(self, name: str, seconds: float) -> None:
        """Stop a process as SIGSTOP does, for so many seconds."""
        # The blow lasts: nobody's patience ends before it is over.
        self.last_blow = math.inf
        self.signal(name, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            self.signal(name, signal.SIGCONT)
            self.blow()


async def eventually(holds: Callable[[], bool], patience_s: float) -> bool:
    """Wait until a condition holds; tell whether it did in time."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
