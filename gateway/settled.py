"""Waits, for a moment, until the read models hold what the ledger was seen to hold. Nothing else.

A request that tells who is not there from who is only not there yet needs it: somebody who was
created a moment ago is known to the ledger before the projection has them.
"""

import asyncio
from typing import Final

from broker.ledger import Position
from gateway.errors import AwayError
from gateway.parts import Parts
from projections.positions import positions
from projections.users import User, user

PAUSE_S: Final = 0.02


async def settled(parts: Parts) -> bool:
    """Return whether the projection came to where the ledger is now, within a verdict's time."""
    goal = parts.receipts.offsets
    try:
        async with asyncio.timeout(parts.config.verdict_timeout_s):
            while True:
                async with parts.database.connection() as connection:
                    stored = await positions(connection)
                # Of an empty partition the projection may have no position yet.
                if all(stored.get(at, Position()).offset >= end for at, end in goal.items()):
                    return True
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        return False


async def stored(parts: Parts, tenant: str, user_id: str) -> User | None:
    """Return a user as the projection has them, None for one whom it does not."""
    # Postgres has no text with a NUL in it, so nobody is called that.
    if "\0" in user_id:
        return None
    async with parts.database.connection() as connection:
        return await user(connection, tenant, user_id)


async def known_by_now(parts: Parts, tenant: str, user_id: str) -> User | None:
    """Return a user, also one who came to be a moment ago; None for one who never did anything.

    Raises AwayError when the projection is too far behind the ledger to tell.
    """
    found = await stored(parts, tenant, user_id)
    if found is not None or "\0" in user_id:
        return found
    if not await settled(parts):
        raise AwayError("What is known of users is behind the events. Try again.")
    return await stored(parts, tenant, user_id)
