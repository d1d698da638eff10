"""API keys: made, adopted, listed and revoked. Who bears one is for `gateway.keyring`.

A key that is made is `{prefix}.{body}`; only the SHA-256 of the whole key is kept. A slow password
hash would add nothing: the body has 256 random bits, which nobody searches through, however fast
the hash. The prefix names the key in lists and says nothing about the rest of it; a key that
somebody chose gets a name of its own.
"""

import hashlib
import secrets
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import structlog
from psycopg.errors import LockNotAvailable
from psycopg.rows import class_row

from projections.database import Connection, parse_queries
from schemas.text import USER_ID_LENGTH_MAX, text_problem
from schemas.topics import DEFAULT_TENANT

QUERIES: Final = parse_queries(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))

PREFIX_LENGTH: Final = 8
# How the keys of applications begin.
APPLICATION_PREFIX: Final = "app_"
BODY_BYTES: Final = 32
# A key that somebody chose has to be long enough not to be guessed, and has to fit a header.
ADOPTED_LENGTH_MIN: Final = 32
ADOPTED_LENGTH_MAX: Final = 255

# "xp-keys" in ASCII. Every gateway that remembers keys shares this lock; see `gateway.keyring`.
LOCK: Final = int.from_bytes(b"xp-keys", "big")
# For how long a gateway that hears nothing from Postgres goes on with what it remembers. A revoker
# waits for longer, and for no more.
LEASE_S: Final = 5.0
REVOKE_WAIT_S: Final = LEASE_S + 1.0
# On which gateways are told of a change: by a trigger (migration 3), and by who waits for them.
CHANNEL: Final = "xp_api_keys"
# How often gateways are told again that a key has changed, by one who waits for them.
TELL_EVERY_S: Final = 0.3

# admin: both APIs; a key of the tenant `default` acts for every tenant. application: the
# Application API of its own tenant, and where it is bound to a user, about that one alone.
Scope = Literal["admin", "application"]

log = structlog.get_logger(__name__)


class WeakKeyError(ValueError):
    """The key to adopt is too short to be safe, or is none that a header can carry."""


class KeyUserError(ValueError):
    """A key cannot be bound to this user."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as it is listed: everything but the key."""

    prefix: str
    name: str
    tenant: str
    scope: Scope
    user: str | None
    created: datetime
    last_used: datetime | None
    revoked: datetime | None


def hash_of(key: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def weakness(key: str) -> str | None:
    """Return why no key may be like this one, None if it may."""
    if not ADOPTED_LENGTH_MIN <= len(key) <= ADOPTED_LENGTH_MAX:
        return f"an API key needs {ADOPTED_LENGTH_MIN} to {ADOPTED_LENGTH_MAX} characters"
    if key.startswith(APPLICATION_PREFIX):
        return f"an administrator's API key does not begin with {APPLICATION_PREFIX}"
    if not all("!" <= character <= "~" for character in key):
        return "an API key has ASCII letters, digits and signs only, and no spaces"
    return None


async def create(
    connection: Connection,
    name: str,
    tenant: str = DEFAULT_TENANT,
    scope: Scope = "admin",
    user: str | None = None,
) -> str:
    """Make a key and return it; it is shown this once and kept nowhere.

    `user` binds an application's key to one user. Raises KeyUserError when it cannot.
    """
    if user is not None:
        _check_user(user, scope)
    while True:
        prefix = _new_prefix(scope)
        key = f"{prefix}.{secrets.token_urlsafe(BODY_BYTES)}"
        row = {"prefix": prefix, "name": name, "tenant": tenant, "scope": scope, "user_id": user}
        if await _add(connection, key, row):
            return key


def _check_user(user: str, scope: Scope) -> None:
    if scope != "application":
        raise KeyUserError("only a key of the scope application can be bound to a user")
    problem = text_problem(user)
    if not 1 <= len(user) <= USER_ID_LENGTH_MAX:
        problem = f"must have 1 to {USER_ID_LENGTH_MAX} characters"
    if problem is not None:
        raise KeyUserError(f"the user {problem}")


def _new_prefix(scope: Scope) -> str:
    alphabet = string.ascii_letters + string.digits
    name = "".join(secrets.choice(alphabet) for _ in range(PREFIX_LENGTH))
    return f"{APPLICATION_PREFIX}{name}" if scope == "application" else name


async def adopt(connection: Connection, key: str, name: str, tenant: str = DEFAULT_TENANT) -> None:
    """Take a given key as valid, an admin's; nothing if it is known, revoked or not.

    Raises WeakKeyError for one that is none.
    """
    problem = weakness(key)
    if problem is not None:
        raise WeakKeyError(problem)
    while True:
        known = await connection.execute(QUERIES["known"], {"hash": hash_of(key)})
        if await known.fetchone() is not None:
            return
        row = {"prefix": _new_prefix("admin"), "name": name, "tenant": tenant, "scope": "admin"}
        if await _add(connection, key, {**row, "user_id": None}):
            return


async def _add(connection: Connection, key: str, row: Mapping[str, str | None]) -> bool:
    added = await connection.execute(QUERIES["add"], {**row, "hash": hash_of(key)})
    return await added.fetchone() is not None


async def listed(connection: Connection) -> list[KeyRow]:
    """Return all keys, oldest first, the revoked ones included."""
    async with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        await cursor.execute(QUERIES["all"])
        return await cursor.fetchall()


async def revoke(connection: Connection, prefix: str) -> bool:
    """Revoke a key; return whether there is one with this prefix.

    Once it returns, the next request gets 401 from every gateway. A gateway that does not answer
    delays it by six seconds at most: by then that one no longer believes what it remembers.
    """
    cursor = await connection.execute(QUERIES["revoke"], {"prefix": prefix})
    if await cursor.fetchone() is None:
        return False
    give_up_s = time.monotonic() + REVOKE_WAIT_S
    await connection.execute(
        "SELECT set_config('lock_timeout', %s, false)", [f"{TELL_EVERY_S * 1000:.0f}"]
    )
    try:
        while not await _all_forgot(connection):
            if time.monotonic() > give_up_s:
                log.warning("key.gateway_silent", waited_s=REVOKE_WAIT_S)
                break
            # A gateway may have forgotten and shared the lock again before it was waited for.
            await connection.execute(QUERIES["tell"], {"channel": CHANNEL})
    finally:
        await connection.execute("SET lock_timeout TO DEFAULT")
    return True


async def _all_forgot(connection: Connection) -> bool:
    """Wait until no gateway shares the lock; False where one still does after TELL_EVERY_S."""
    try:
        await connection.execute(QUERIES["exclude"], {"lock": LOCK})
    except LockNotAvailable:
        return False
    await connection.execute(QUERIES["include"], {"lock": LOCK})
    return True
