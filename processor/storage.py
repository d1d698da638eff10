"""Where and how a worker keeps the state of its partitions, and the threads that do it."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from processor.slot import Slot
from processor.user_cache import CacheBudget

P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class StorageConfig:
    """Where and how a worker keeps the state of its partitions."""

    slot: Slot
    # Where snapshots lie, for all workers.
    snapshot_dir: Path
    budget: CacheBudget
    # How many days a used key counts, None: for ever.
    key_window_days: int | None = None
    # How often a snapshot is left, and after how many records at the earliest.
    snapshot_every_s: float = 300.0
    snapshot_records_min: int = 20_000
    # How far a store has to be behind for a snapshot to be quicker than folding.
    load_records_min: int = 50_000


class Threads:
    """Work on the disk of one partition, outside of the event loop."""

    def __init__(self) -> None:
        """Begin with nothing to do."""
        # Set when what is under way should end early.
        self.over = threading.Event()

    async def run(self, work: Callable[P, Result], *args: P.args, **named: P.kwargs) -> Result:
        """Run something in a thread, and wait for its end even if cancelled."""
        running = asyncio.ensure_future(asyncio.to_thread(work, *args, **named))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            self.over.set()
            await asyncio.gather(running, return_exceptions=True)
            raise
