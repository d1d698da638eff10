"""What happens in which order, where it matters: appends to the ledger that wait to be let through.

Where two lanes race, or a lane and its companion, chance decides who is first. A test that asserts
what follows from it says who is.
"""

import asyncio


class HeldLedger:
    """A ledger whose appends are held back, each until it is let through, or all are."""

    def __init__(self, ledger, holds=lambda _batch: True):
        """Hold the appends of the batches for which `holds` says so."""
        self._ledger = ledger
        self._holds = holds
        # Of the append that is held: that there is one, that it may go on, and that it is over.
        self._held = asyncio.Event()
        self._go = asyncio.Event()
        self._over = asyncio.Event()

    def read(self, position, end):
        return self._ledger.read(position, end)

    async def link_at(self, offset):
        return await self._ledger.link_at(offset)

    async def append(self, batch, expected):
        if self._holds(batch):
            self._held.set()
            await self._go.wait()
            self._held.clear()
            self._go.clear()
        try:
            return await self._ledger.append(batch, expected)
        finally:
            self._over.set()

    async def held(self):
        """Wait until an append is held."""
        await self._held.wait()

    async def let_through(self):
        """Let the append through that is held, or will be next; return once it is over."""
        await self.held()
        self._over.clear()
        self._go.set()
        await self._over.wait()

    def open(self):
        """Let everything through from now on."""
        self._holds = lambda _batch: False
        self._go.set()


class Counted:
    """Counts how often something was done, for whoever waits until it was done so often."""

    def __init__(self):
        self.times = 0
        self._done = asyncio.Condition()

    async def add(self):
        async with self._done:
            self.times += 1
            self._done.notify_all()

    async def more(self, times):
        """Wait until it was done so often from now on."""
        wanted = self.times + times
        async with self._done:
            await self._done.wait_for(lambda: self.times >= wanted)
