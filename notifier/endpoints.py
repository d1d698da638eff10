"""Webhooks as an operator sees them: add, list, remove, look at deliveries, retry.

Each function opens its own connection to Postgres and raises DatabaseUnreachableError where there
is none. No sending in here: a running notifier sees the changes by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from psycopg.rows import class_row

from notifier.addresses import ForbiddenTargetError, Resolver, check_addresses, check_url
from notifier.deliveries import QUERIES, State
from notifier.payloads import TYPES
from notifier.webhooks import new_secret
from projections.database import Connection, connect
from schemas.topics import DEFAULT_TENANT


class UnknownTypeError(ValueError):
    """There is no such type of message; the message names those that there are."""


class UnknownWebhookError(LookupError):
    """There is no such webhook or delivery."""


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook just added, with its secret: shown now and never again."""

    id: UUID
    url: str
    types: Sequence[str]
    # Left out of repr, and so of logs.
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Listed:
    """A webhook with counts of its deliveries, of the days for which their log is kept."""

    id: UUID
    tenant: str
    url: str
    types: Sequence[str]
    created: datetime
    pending: int
    delivered: int
    failed: int
    # Of the latest delivery that had an error, None if none had.
    last_error: str | None


@dataclass(frozen=True, slots=True)
class ListedDelivery:
    """A delivery without its body, which holds personal fields."""

    id: str
    type: str
    user_id: str
    state: State
    attempts: int
    next_attempt: datetime
    last_error: str | None
    created: datetime
    # When it was delivered or given up.
    finished: datetime | None


async def add(
    dsn: str,
    url: str,
    types: Sequence[str] = TYPES,
    tenant: str = DEFAULT_TENANT,
    *,
    allow_private: bool = False,
) -> NewWebhook:
    """Add a webhook: it is told of what the notifier reads from now on.

    Raises ForbiddenTargetError for a URL that no webhook may have or a host that does not resolve
    to public addresses only, UnknownTypeError for a type that does not exist.
    """
    for kind in types:
        if kind not in TYPES:
            raise UnknownTypeError(f"there is no type {kind!r} (known: {', '.join(TYPES)})")
    if not types:
        raise UnknownTypeError(f"name at least one type (known: {', '.join(TYPES)})")
    await _check(url, allow_private=allow_private)
    added = NewWebhook(uuid4(), url, tuple(dict.fromkeys(types)), new_secret())
    async with connect(dsn) as connection:
        await connection.execute(
            QUERIES["add_webhook"],
            {
                "id": added.id,
                "tenant": tenant,
                "url": url,
                "secret": added.secret,
                "types": list(added.types),
            },
        )
    return added


async def webhooks(dsn: str, tenant: str | None = None) -> list[Listed]:
    """Return the webhooks of one tenant, of all when None, oldest first."""
    async with (
        connect(dsn) as connection,
        connection.cursor(row_factory=class_row(Listed)) as cursor,
    ):
        await cursor.execute(QUERIES["list_webhooks"], {"tenant": tenant})
        return await cursor.fetchall()


async def deliveries(
    dsn: str, webhook: str, state: State | None = None, limit: int = 100
) -> list[ListedDelivery]:
    """Return the latest deliveries of a webhook, newest first, or UnknownWebhookError."""
    webhook_id = _uuid(webhook)
    if webhook_id is None:
        raise UnknownWebhookError(_none(webhook))
    async with connect(dsn) as connection:
        await _require(connection, "known_webhook", webhook_id, _none(webhook))
        async with connection.cursor(row_factory=class_row(ListedDelivery)) as cursor:
            await cursor.execute(
                QUERIES["list_deliveries"],
                {"webhook_id": webhook_id, "state": state, "limit": limit},
            )
            return await cursor.fetchall()


async def remove(dsn: str, webhook: str) -> None:
    """Remove a webhook: nothing more is sent to it. UnknownWebhookError if there is none."""
    webhook_id = _uuid(webhook)
    async with connect(dsn) as connection, connection.transaction():
        removed = await connection.execute(QUERIES["remove_webhook"], {"id": webhook_id})
        if removed.rowcount == 0:
            raise UnknownWebhookError(_none(webhook))
        await connection.execute(QUERIES["drop_pending"], {"id": webhook_id})


async def retry(dsn: str, target: str) -> int:
    """Send again, under the same ids, what was given up; return how many deliveries.

    `target` is the id of a webhook (all that it failed to take) or of a delivery (to every webhook
    that failed to take it). The schedule starts anew. UnknownWebhookError if it is neither.
    """
    webhook_id = _uuid(target)
    async with connect(dsn) as connection:
        if webhook_id is not None:
            await _require(connection, "known_webhook", webhook_id, _none(target))
            return (await connection.execute(QUERIES["retry_webhook"], {"id": webhook_id})).rowcount
        await _require(connection, "known_delivery", target, _none(target, "webhook or delivery"))
        return (await connection.execute(QUERIES["retry_delivery"], {"id": target})).rowcount


async def _check(url: str, *, allow_private: bool) -> None:
    parsed = check_url(url)
    if allow_private:
        return
    host = parsed.raw_host.decode("ascii")
    resolver = Resolver()
    try:
        addresses = await resolver.resolve(host, parsed.port or 443)
    except (OSError, UnicodeError) as error:
        raise ForbiddenTargetError(f"{host} cannot be resolved: {error}") from error
    finally:
        resolver.close()
    check_addresses(host, addresses)


async def _require(connection: Connection, query: str, key: UUID | str, message: str) -> None:
    row = await (await connection.execute(QUERIES[query], {"id": key})).fetchone()
    if row is None or not row[0]:
        raise UnknownWebhookError(message)


def _none(given: str, word: str = "webhook") -> str:
    return f"there is no {word} {given!r}: `xp webhooks list` shows them"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
