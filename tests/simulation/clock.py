"""An event loop with a clock of its own: time jumps to the next timer, and dice choose who is next.

Real coroutines run in it unchanged, in one thread, and the same seed gives the same run. Every
callback belongs to a process of the simulated world, which can be paused (SIGSTOP: its callbacks
are held back) or dead (kill -9: they never run again, not even to clean up). Nothing of xpledger.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from itertools import count
from random import Random
from typing import Any, TypeVar

Result = TypeVar("Result")


class StuckError(Exception):
    """Nothing is left that could happen, or far too much has happened."""


class Process:
    """What is paused and killed together."""

    def __init__(self, name: str) -> None:
        """Begin alive."""
        self.name = name
        self.dead = False
        self.paused = False
        self.held: list[Turn] = []
        self.context = copy_context()
        self.context.run(PROCESS.set, self)


# Whose callback runs now; None is the world's own: the broker and the injection of faults.
PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)


class Turn(asyncio.Handle):
    """A callback that waits for its turn, and the process that it belongs to."""

    def __init__(
        self, callback: Callable[..., object], args: Any, loop: "Clock", context: Context | None
    ) -> None:
        """Take what is to be called."""
        self.place = context if context is not None else copy_context()
        super().__init__(callback, args, loop, self.place)
        self.callback, self.args = callback, args
        self.process: Process | None = self.place.get(PROCESS)


class Clock(asyncio.AbstractEventLoop):
    """The loop. Time is in seconds and begins at 0."""

    def __init__(self, dice: Random) -> None:
        """Take the dice that choose among the callbacks that are ready."""
        self._dice = dice
        self._now = 0.0
        self._ready: list[Turn] = []
        self._timers: list[tuple[float, int, Turn]] = []
        self._numbers = count()
        self._halted: set[Process] = set()
        self._burying = False
        self.turns = 0
        self.errors: list[dict[str, Any]] = []

    def run(self, main: Coroutine[Any, Any, Result], *, turns_max: int) -> Result:
        """Run until a coroutine is done. StuckError when that takes more than so many turns."""
        asyncio._set_running_loop(self)
        try:
            task = self.create_task(main)
            while not task.done():
                self._turn()
                if self.turns > turns_max:
                    raise StuckError(f"not over after {turns_max} turns, at {self._now:.1f} s")
            return task.result()
        finally:
            asyncio._set_running_loop(None)

    def _turn(self) -> None:
        ready = self._ready
        if not ready:
            self._jump()
        # The chosen one changes places with the last, which is the cheapest way out of a list.
        chosen = int(self._dice.random() * len(ready))
        ready[chosen], ready[-1] = ready[-1], ready[chosen]
        turn = ready.pop()
        process = turn.process
        if turn.cancelled():
            return
        if process is not None and (process.dead or process.paused) and not self._burying:
            # A dead one's is held for ever: nothing of it runs, not even what cleans up.
            self._halted.add(process)
            process.held.append(turn)
            return
        self.turns += not self._burying
        turn.place.run(turn.callback, *turn.args)

    def _jump(self) -> None:
        if not self._timers:
            raise StuckError(f"nothing is left that could happen, at {self._now:.1f} s")
        self._now = max(self._now, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(self._timers)[2])

    def resume(self, process: Process) -> None:
        """Let a paused process go on where it was held."""
        process.paused = False
        self._ready += process.held
        process.held = []

    def bury(self) -> None:
        """Unwind what is left once all is over, so that no coroutine is thrown away half-way."""
        self._burying = True
        self.errors = []
        for process in self._halted:
            self.resume(process)
        asyncio._set_running_loop(self)
        try:
            left = asyncio.all_tasks(self)
            while left:
                for task in left:
                    task.cancel()
                while self._ready:
                    self._turn()
                left = {task for task in left if not task.done()}
                if left:
                    self._jump()
        finally:
            asyncio._set_running_loop(None)
        self._timers.clear()

    # What asyncio asks of a loop

    def time(self) -> float:
        """Return the time."""
        return self._now

    def call_soon(  # type: ignore[override]  # arguments are not checked against the callback
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Turn:
        """See asyncio; but what is called soon is called in any order."""
        turn = Turn(callback, args, self, context)
        self._ready.append(turn)
        return turn

    def call_at(  # type: ignore[override]  # a Turn does for a TimerHandle: nobody asks it when
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Turn:
        """See asyncio."""
        turn = Turn(callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), turn))
        return turn

    def call_later(  # type: ignore[override]  # likewise
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> Turn:
        """See asyncio."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        """See asyncio."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, Result] | Generator[Any, None, Result],
        *,
        name: object = None,
        context: Context | None = None,
        **_: Any,
    ) -> asyncio.Task[Result]:
        """See asyncio."""
        text = None if name is None else str(name)
        return asyncio.Task(coro, loop=self, name=text, context=context)

    def run_in_executor(  # type: ignore[override]  # no executor is needed
        self, _executor: object, func: Callable[..., Result], *args: Any
    ) -> asyncio.Future[Result]:
        """See asyncio; but it is done by nobody else, in one go, some time later."""
        done: asyncio.Future[Result] = self.create_future()

        def work() -> None:
            if self._burying:
                # The disk belongs to the next schedule.
                done.cancel()
                return
            try:
                result = func(*args)
            except BaseException as error:  # noqa: BLE001  whoever waits for it is told
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(result)

        self.call_later(self._dice.random() ** 3, work)
        return done

    def get_debug(self) -> bool:
        """See asyncio."""
        return False

    def is_running(self) -> bool:
        """See asyncio."""
        return True

    def is_closed(self) -> bool:
        """See asyncio."""
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Collect what nobody caught; a task of a dead process that never ended is no error."""
        if "exception" in context:
            self.errors.append(context)


def new_clock(dice: Random) -> Clock:
    """Return a clock."""
    # It has no sockets, subprocesses and signals, and need not say so thirty times.
    return Clock(dice)  # type: ignore[abstract]
