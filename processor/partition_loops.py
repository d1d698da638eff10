"""The loops of the partitions that are assigned now: started, fed, ended."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, Protocol

import structlog

from processor.metrics import LOOPS
from processor.pending import Message

CANCEL_AGAIN_S: Final = 1.0

log = structlog.get_logger(__name__)


class Loop(Protocol):
    """What a lane and an announcer have in common."""

    def put(self, start: int, messages: Sequence[Message]) -> None:
        """Take delivered messages."""

    async def run(self) -> None:
        """Work until cancelled."""


class PartitionLoops:
    """One task per assigned partition of a topic; the end of any of them ends the worker."""

    def __init__(
        self, name: str, make: Callable[[int], Loop], failed: Callable[[BaseException], None]
    ) -> None:
        """Make each loop with `make`; `failed` is called with the error of one that fails."""
        self._name = name
        self._make = make
        self._failed = failed
        self._loops: dict[int, Loop] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    @property
    def partitions(self) -> Collection[int]:
        """The partitions that have a loop now."""
        return self._loops.keys()

    def put(self, partition: int, start: int, messages: Sequence[Message]) -> None:
        """Hand a chunk to its partition's loop; one that came too late is dropped."""
        loop = self._loops.get(partition)
        if loop is not None:
            loop.put(start, messages)

    def start(self, partitions: Iterable[int]) -> None:
        """Start the loops of newly assigned partitions."""
        for partition in partitions:
            if partition in self._loops:
                continue
            loop = self._loops[partition] = self._make(partition)
            task = asyncio.create_task(loop.run(), name=f"{self._name}-{partition}")
            task.add_done_callback(self._done)
            self._tasks[partition] = task
        LOOPS.labels(self._name).set(len(self._loops))

    async def stop(self, partitions: Iterable[int] | None = None) -> None:
        """End the loops of revoked partitions (of all when None) and wait until they have ended."""
        ending = list(self._loops if partitions is None else partitions)
        tasks = [self._tasks.pop(it) for it in ending if it in self._tasks]
        for partition in ending:
            self._loops.pop(partition, None)
        await _end(tasks)
        LOOPS.labels(self._name).set(len(self._loops))

    def _done(self, task: asyncio.Task[None]) -> None:
        if task not in self._tasks.values():
            return
        # Nobody asked it to end, so however it did, nobody works on its partition now.
        error = None if task.cancelled() else task.exception()
        log.error("loop.failed", loop=task.get_name(), error=repr(error), exc_info=error)
        self._failed(error or RuntimeError(f"{task.get_name()} ended by itself"))


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended.

    Once is not enough: aiokafka's clients, while they are being closed, swallow the cancellation of
    whoever closes them. A loop that went on would hold up the rebalance for ever.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=CANCEL_AGAIN_S)
