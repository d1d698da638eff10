"""API keys: made, adopted, listed, revoked, and recognized.

A key is `{prefix}.{body}`. Only the SHA-256 of the whole key is kept. A slow password hash would
add nothing: the body has 256 random bits, which nobody searches through, however fast the hash.
"""

import asyncio
import hashlib
import hmac
import secrets
import string
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from psycopg.rows import class_row, dict_row

from projections.database import Connection, Database, parse_queries
from schemas.topics import DEFAULT_TENANT

QUERIES: Final = parse_queries(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))

PREFIX_LENGTH: Final = 8
BODY_BYTES: Final = 32
# A key that somebody chose has to be long enough not to be guessed.
ADOPTED_LENGTH_MIN: Final = 16

# How long a revoked key may still be taken, and how long a new one may not.
CACHE_S: Final = 2.0
CACHE_MAX: Final = 1024
USED_EVERY_S: Final = 60.0


class KeyTakenError(Exception):
    """A key with the same first eight characters exists already: choose another."""


class WeakKeyError(ValueError):
    """The key to adopt is too short to be safe."""


class Caller(NamedTuple):
    """Who a request comes from: the key's prefix, and the tenant that it belongs to."""

    prefix: str
    tenant: str


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is listed: everything but the key."""

    prefix: str
    name: str
    tenant: str
    created: datetime
    last_used: datetime | None
    revoked: datetime | None


def hash_of(key: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


async def create(connection: Connection, name: str, tenant: str = DEFAULT_TENANT) -> str:
    """Make a key and return it; it is shown this once and kept nowhere."""
    alphabet = string.ascii_letters + string.digits
    while True:
        prefix = "".join(secrets.choice(alphabet) for _ in range(PREFIX_LENGTH))
        key = f"{prefix}.{secrets.token_urlsafe(BODY_BYTES)}"
        if await _add(connection, key, name, tenant):
            return key


async def adopt(connection: Connection, key: str, name: str, tenant: str = DEFAULT_TENANT) -> None:
    """Take a given key as valid; nothing if it is known, revoked or not.

    Raises WeakKeyError for a key of fewer than 16 characters, KeyTakenError when another key has
    the same prefix.
    """
    if len(key) < ADOPTED_LENGTH_MIN:
        raise WeakKeyError(f"an API key needs at least {ADOPTED_LENGTH_MIN} characters")
    if await _add(connection, key, name, tenant):
        return
    row = await (
        await connection.execute(QUERIES["find"], {"prefix": key[:PREFIX_LENGTH]})
    ).fetchone()
    if row is None or not hmac.compare_digest(bytes(row[1]), hash_of(key)):
        raise KeyTakenError(f"another key begins with {key[:PREFIX_LENGTH]}: choose another")


async def _add(connection: Connection, key: str, name: str, tenant: str) -> bool:
    row = {
        "prefix": key[:PREFIX_LENGTH],
        "hash": hash_of(key),
        "name": name,
        "tenant": tenant,
    }
    return await (await connection.execute(QUERIES["add"], row)).fetchone() is not None


async def listed(connection: Connection) -> list[KeyRow]:
    """Return all keys, oldest first, the revoked ones included."""
    async with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        await cursor.execute(QUERIES["all"])
        return await cursor.fetchall()


async def revoke(connection: Connection, prefix: str) -> bool:
    """Revoke a key, effective within seconds; return whether there is one with this prefix."""
    cursor = await connection.execute(QUERIES["revoke"], {"prefix": prefix})
    return await cursor.fetchone() is not None


class _Known(NamedTuple):
    # None: there is no such key, or it is revoked.
    hash: bytes | None
    tenant: str
    until_s: float


class KeyRing:
    """Tells whose key a request bears; remembers for seconds what the database said."""

    def __init__(self, database: Database) -> None:
        """Take the database that has the keys."""
        self._database = database
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._used: dict[str, float] = {}
        # One asks the database for a key, and all who bear it wait for that one answer.
        self._asking: dict[str, asyncio.Task[_Known]] = {}

    async def caller(self, key: str | None) -> Caller | None:
        """Return who a key belongs to, None for none, an unknown or a revoked one.

        Raises DatabaseUnreachableError when that cannot be known.
        """
        if not key:
            return None
        prefix = key[:PREFIX_LENGTH]
        known = await self._find(prefix)
        # Hashed and compared in constant time: how long it takes tells nothing about a key.
        if known.hash is None or not hmac.compare_digest(known.hash, hash_of(key)):
            return None
        await self._note_use(prefix)
        return Caller(prefix, known.tenant)

    async def _find(self, prefix: str) -> _Known:
        known = self._known.get(prefix)
        if known is not None and time.monotonic() < known.until_s:
            return known
        asking = self._asking.get(prefix)
        if asking is None:
            asking = asyncio.create_task(self._ask(prefix))
            self._asking[prefix] = asking
            asking.add_done_callback(lambda _: self._asking.pop(prefix, None))
        return await asyncio.shield(asking)

    async def _ask(self, prefix: str) -> _Known:
        row = None
        if "\0" not in prefix:
            async with (
                self._database.connection() as connection,
                connection.cursor(row_factory=dict_row) as cursor,
            ):
                await cursor.execute(QUERIES["find"], {"prefix": prefix})
                row = await cursor.fetchone()
        until_s = time.monotonic() + CACHE_S
        if row is None or row["revoked"]:
            known = _Known(None, "", until_s)
        else:
            known = _Known(bytes(row["hash"]), row["tenant"], until_s)
        self._known[prefix] = known
        self._known.move_to_end(prefix)
        if len(self._known) > CACHE_MAX:
            self._known.popitem(last=False)
        return known

    async def _note_use(self, prefix: str) -> None:
        now_s = time.monotonic()
        if now_s - self._used.get(prefix, -USED_EVERY_S) < USED_EVERY_S:
            return
        self._used[prefix] = now_s
        async with self._database.connection() as connection:
            await connection.execute(QUERIES["used"], {"prefix": prefix})
