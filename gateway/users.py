"""Writes of users: an input on the log, answered with what is known of the user after it.

Personal fields never enter the ledger and reach the tables on a way of their own, so the answer is
made of what is stored and of what was sent just now.
"""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from msgspec import UNSET

from gateway import checks, reads
from gateway.errors import ApiError, AwayError
from gateway.events import check_email
from gateway.parts import Parts
from gateway.settled import known_by_now
from gateway.submit import submit
from projections import answers
from projections.database import DatabaseError
from projections.profiles import subscription_of
from projections.users import User, user
from schemas.entries import UserEntry
from schemas.inputs import EventUser
from schemas.instants import instant
from schemas.records import Record, time_of

Answer = dict[str, Any]


class Written(NamedTuple):
    """A user after a write."""

    answer: Answer
    # Whether the judge's word has not come in time: the broker has the input.
    pending: bool


class Known(NamedTuple):
    """What was stored of a user before a write."""

    # None for one who never did anything.
    user: User | None
    # What the user said about emails, None for nothing.
    subscription: bool | None


async def identify(parts: Parts, tenant: str, body: dict[str, Any]) -> Written:
    """Create a user, or change what `body`, an UpsertedUser, gives; the rest stays as it is.

    Raises ApiError: 413 and 422 for what the checks refuse, 503 when the broker or the database is
    away.
    """
    given = checks.read_user(body)
    await check_user(parts, tenant, given)
    async with parts.snapshot() as connection:
        before = Known(
            await user(connection, tenant, given.id),
            await subscription_of(connection, tenant, given.id),
        )
    record = await submit(parts, tenant, given.id, {"type": "user", "user": body})
    if before.user is None and record is not None and not _created(record):
        # They came to be a moment before.
        with contextlib.suppress(DatabaseError, AwayError):
            before = before._replace(user=await known_by_now(parts, tenant, given.id))
    return Written(after(before, given, record, parts.config.clock()), record is None)


async def update(parts: Parts, tenant: str, user_id: str, body: dict[str, Any]) -> Written:
    """Do as `identify` with a user who is known; ApiError 404 for one who never did anything."""
    if await known_by_now(parts, tenant, user_id) is None:
        raise reads.no_user()
    return await identify(parts, tenant, body)


async def check_user(parts: Parts, tenant: str, given: EventUser) -> None:
    """Check what a request says of its user: attribute keys and the email rule; ApiError 422."""
    attributes = given.attributes or {}
    try:
        checks.check_attributes("user", attributes, parts.head(tenant))
    except ApiError:
        # What is unknown may have been defined since.
        if not await parts.refreshed():
            raise
        checks.check_attributes("user", attributes, parts.head(tenant))
    await check_email(parts, tenant, given)


def after(before: Known, given: EventUser, record: Record | None, now: datetime) -> Answer:
    """Return the User that `before` has become by what was given.

    Pure. `record` is the judge's word, or None; `now` stands in for its time.
    """
    at = instant(time_of(record)) if record else now
    known = before.user
    row: dict[str, Any] = {
        "user_id": given.id,
        "tz": (known and known.tz) if given.tz is UNSET else given.tz,
        "attributes": _merged(known.attributes if known else {}, given.attributes or {}),
        "created": known.created if known else at,
        "updated": known.updated if known else at,
        "name": known and known.name,
        "email": known and known.email,
        "device_tokens": known and known.device_tokens,
        "subscribe_to_emails": before.subscription,
    }
    if _changed(record, given):
        row["updated"] = max(row["updated"], at)
    profile = given.profile()
    for name, column in _COLUMNS.items():
        if name in profile:
            row[column] = profile[name]
    if isinstance(given.subscribeToEmails, bool):
        row["subscribe_to_emails"] = given.subscribeToEmails
    if row["subscribe_to_emails"] is False:
        # Not subscribed means not stored (docs/reference/decisions.md, OD-8).
        row["email"] = None
    return answers.user(row, row)


_COLUMNS: Final = {"name": "name", "email": "email", "deviceTokens": "device_tokens"}


def _merged(known: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    # An empty value clears, as null does (OD-7).
    return {key: text for key, text in {**known, **given}.items() if text}


def _created(record: Record) -> bool:
    return any(isinstance(it, UserEntry) and it.created for it in record.entries)


def _changed(record: Record | None, given: EventUser) -> bool:
    if record is None or given.profile():
        return True
    return any(isinstance(it, UserEntry) for it in record.entries)
