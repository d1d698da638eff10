"""Waits, for a moment, until the read models hold what the ledger was seen to hold. Nothing else.

A request that tells who is not there from who is only not there yet needs it: somebody who was
created a moment ago is known to the ledger before the projection has them.
"""

import asyncio
from typing import Final

from broker.ledger import Position
from gateway.log.receipts import Receipts
from projections.database import Database
from projections.positions import positions

PAUSE_S: Final = 0.02


async def settled(receipts: Receipts, database: Database, timeout_s: float) -> bool:
    """Return whether the projection came to where the ledger is now, within some seconds."""
    goal = receipts.offsets
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                async with database.connection() as connection:
                    stored = await positions(connection)
                # Of an empty partition the projection may have no position yet.
                if all(stored.get(at, Position()).offset >= end for at, end in goal.items()):
                    return True
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        return False
