"""Whose key a request bears: remembered, and forgotten at once when a key is changed or revoked.

Postgres tells every gateway of each change of a key (LISTEN), and a gateway that remembers keys
shares an advisory lock. Told of a change it forgets, and lets go of the lock for a moment; who
revokes a key waits for the lock to be free, and knows then that everyone has forgotten. What is
remembered counts only while the connection that listens is known to live, so a gateway that cannot
be told asks Postgres for each request. Nothing of this is on the way of a request with a known key.
"""

import asyncio
import hmac
import time
from collections import OrderedDict
from typing import Final, NamedTuple

import structlog
from psycopg import Error
from psycopg.rows import dict_row

from gateway.keys import CHANNEL, LEASE_S, LOCK, QUERIES, Scope, hash_of
from projections.database import Connection, Database, DatabaseError, connect

# How often a connection that hears nothing is asked whether it lives.
HEARTBEAT_S: Final = 2.0
PAUSE_S: Final = 1.0
# For how long a gateway that was told lets go of the lock: who revoked may have yet to ask for it.
LET_GO_S: Final = 0.05
# So many keys are remembered, and as many that are none: strangers push no good one out.
KNOWN_MAX: Final = 10_000
# So many are asked for at once: made-up keys leave the other connections to who has a good one.
ASKED_MAX: Final = 4
USED_EVERY_S: Final = 60.0

# A session whose gateway is gone is noticed by the server within half a minute.
_KEEPALIVES: Final = (
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
)

log = structlog.get_logger(__name__)


class Caller(NamedTuple):
    """Who a request comes from: the key's name, its tenant, and what it is for."""

    prefix: str
    tenant: str
    scope: Scope
    # The only user whom the key may be about; None: all.
    user: str | None


class _Known(NamedTuple):
    hash: bytes
    caller: Caller


class KeyRing:
    """Tells whose key a request bears."""

    def __init__(self, database: Database) -> None:
        """Take the database that has the keys."""
        self._database = database
        # By hash; None: there is no such key, or it is revoked.
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._strange: OrderedDict[bytes, None] = OrderedDict()
        # What is remembered counts until then.
        self._trusted_until_s = 0.0
        # How often all was forgotten: what was asked before that is not remembered after it.
        self._forgotten = 0
        # One asks the database for a key, and all who bear it wait for that one answer.
        self._asking: dict[bytes, asyncio.Task[_Known | None]] = {}
        self._room = asyncio.Semaphore(ASKED_MAX)
        self._used: dict[str, float] = {}

    async def caller(self, key: str | None) -> Caller | None:
        """Return who a key belongs to, None for none, an unknown or a revoked one.

        Raises DatabaseUnreachableError when that cannot be known.
        """
        if not key:
            return None
        digest = hash_of(key)
        known = None
        if time.monotonic() < self._trusted_until_s:
            known = self._known.get(digest)
            if known is None and digest in self._strange:
                return None
        if known is None:
            known = await self._ask_once(digest)
        # Found by its hash already; compared in constant time, how long it takes tells nothing.
        if known is None or not hmac.compare_digest(known.hash, digest):
            return None
        await self._note_use(known.caller.prefix)
        return known.caller

    async def _ask_once(self, digest: bytes) -> _Known | None:
        asking = self._asking.get(digest)
        if asking is None:
            asking = asyncio.create_task(self._ask(digest))
            self._asking[digest] = asking
            asking.add_done_callback(lambda ended: self._asked(digest, ended))
        return await asyncio.shield(asking)

    def _asked(self, digest: bytes, ended: "asyncio.Task[_Known | None]") -> None:
        if self._asking.get(digest) is ended:
            del self._asking[digest]
        # Nobody may be left to take what it raises.
        if not ended.cancelled():
            ended.exception()

    async def _ask(self, digest: bytes) -> _Known | None:
        forgotten = self._forgotten
        async with (
            self._room,
            self._database.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(QUERIES["find"], {"hash": digest})
            row = await cursor.fetchone()
        known = None
        if row is not None:
            caller = Caller(row["prefix"], row["tenant"], row["scope"], row["user_id"])
            known = _Known(bytes(row["hash"]), caller)
        if forgotten == self._forgotten:
            self._remember(digest, known)
        return known

    def _remember(self, digest: bytes, known: _Known | None) -> None:
        if known is None:
            self._strange[digest] = None
            if len(self._strange) > KNOWN_MAX:
                self._strange.popitem(last=False)
        else:
            self._known[digest] = known
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)

    def _forget(self) -> None:
        self._trusted_until_s = 0.0
        self._forgotten += 1
        self._known.clear()
        self._strange.clear()
        # Who comes from now on asks anew: the answers to these may be old.
        self._asking.clear()

    async def _note_use(self, prefix: str) -> None:
        now_s = time.monotonic()
        if now_s - self._used.get(prefix, -USED_EVERY_S) < USED_EVERY_S:
            return
        if len(self._used) > KNOWN_MAX:
            self._used.clear()
        self._used[prefix] = now_s
        async with self._database.connection() as connection:
            await connection.execute(QUERIES["used"], {"prefix": prefix})

    async def run(self) -> None:
        """Listen until cancelled; what is remembered counts only meanwhile."""
        while True:
            try:
                async with connect(self._database.dsn) as connection:
                    await self._listen(connection)
            except (DatabaseError, Error, OSError) as error:
                log.warning("keys.unheard", error=type(error).__name__)
            finally:
                self._forget()
            await asyncio.sleep(PAUSE_S)

    async def _listen(self, connection: Connection) -> None:
        await connection.execute(_KEEPALIVES)
        await connection.execute(f"LISTEN {CHANNEL}")
        while True:
            await connection.execute(QUERIES["share"], {"lock": LOCK})
            # Of what was remembered without the lock nobody knows.
            self._forget()
            await self._trust_until_told(connection)
            self._forget()
            await connection.execute(QUERIES["unshare"], {"lock": LOCK})
            await asyncio.sleep(LET_GO_S)

    async def _trust_until_told(self, connection: Connection) -> None:
        """Return at the first word of a change."""
        told = False
        while not told:
            asked_s = time.monotonic()
            await connection.execute("SELECT 1")
            # What came before that answer is looked at before anything is trusted.
            told = await _is_told(connection, 0.0)
            if not told:
                self._trusted_until_s = asked_s + LEASE_S
                told = await _is_told(connection, HEARTBEAT_S)


async def _is_told(connection: Connection, timeout_s: float) -> bool:
    """Return whether there is word of a change within some seconds."""
    told = False
    async for _ in connection.notifies(timeout=timeout_s, stop_after=1):
        told = True
    return told
