"""The leader lock: of several notifiers on one database, one works and the others stand by.

It is a session's advisory lock: it ends with the process that holds it, however that ends,
and the next takes over at once. It needs a session of its own: behind a pooler of transactions
(pgbouncer's transaction mode) give the notifier a direct address.
"""

import asyncio
from typing import Final

import structlog
from psycopg import AsyncConnection, Error

from projections.database import Connection

# "xpnotify" in ASCII: the lock's number, the same for every notifier.
LOCK: Final = int.from_bytes(b"xpnotify", "big")
POLL_S: Final = 1.0
TIMEOUT_S: Final = 10.0

# A session whose machine is gone is noticed by the server within half a minute, not two hours.
_KEEPALIVES: Final = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
)

log = structlog.get_logger(__name__)


class LeaderLockLostError(Exception):
    """Another notifier is the leader now."""


class LeaderLock:
    """The lock as one notifier sees it: `acquire` it, `hold` it, `release` it."""

    def __init__(self, dsn: str) -> None:
        """Compete for the lock on the database at `dsn`."""
        self._dsn = dsn
        self._session: Connection | None = None

    async def acquire(self) -> None:
        """Wait for the lock; outages of Postgres are waited out."""
        is_logged = False
        while not await self._try():
            if not is_logged and self._session is not None:
                log.info("notifier.standing_by")
                is_logged = True
            await asyncio.sleep(POLL_S)

    async def hold(self) -> None:
        """Watch over the lock until cancelled; LeaderLockLostError when another has it.

        While the database is away nobody can acquire it, and requests in flight may go on.
        """
        while True:
            await asyncio.sleep(POLL_S)
            if not await self._try() and self._session is not None:
                raise LeaderLockLostError

    async def release(self) -> None:
        """Let the next one have it."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _try(self) -> bool:
        """Tell whether we hold the lock; a session that is broken is replaced by another."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                if self._session is None:
                    self._session = await AsyncConnection.connect(self._dsn, autocommit=True)
                    await self._session.execute(_KEEPALIVES)
                # Taken again by its holder it only counts up, and all of it ends with the session.
                cursor = await self._session.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
                row = await cursor.fetchone()
                return row is not None and bool(row[0])
        except (Error, OSError) as error:
            log.warning("notifier.leader_unknown", error=str(error))
            await self.release()
            return False
