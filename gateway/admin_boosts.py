"""Boosts as the Admin API makes, changes and shows them (docs/reference/admin.md)."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from pydantic import TypeAdapter

from gateway.admin_drafts import Draft, checked, filters, item_id
from gateway.admin_issues import Answer, Item, RefusedItemError
from gateway.parts import Parts
from gateway.settled import settled
from projections.answers import boost_status
from projections.users import user
from schemas.definitions import Boost
from schemas.versions import Version
from schemas.zones import local_date

_BOOST: Final[TypeAdapter[Any]] = TypeAdapter(Boost)


def create(draft: Draft, item: Item) -> Boost:
    """Return the boost that an item asks for; RefusedItemError says what does not fit.

    That its user exists is for the caller to see to (`unknown_users`).
    """
    attributes = draft.attributes("user", item.get("userAttributes"))
    if item.get("userId") is not None and attributes:
        raise RefusedItemError("userId and userAttributes exclude each other")
    fields = {**item, "key": f"boost-{secrets.token_hex(6)}", "userAttributes": attributes or None}
    boost: Boost = checked(_BOOST, fields)
    return boost


def change(draft: Draft, boost: Boost, item: Item) -> Boost:
    """Return a boost with what an item changes of it; RefusedItemError says what does not fit."""
    fields = dict(item)
    if "userAttributes" in fields:
        if boost.userId is not None:
            raise RefusedItemError("userAttributes cannot be set on a boost of one user")
        fields["userAttributes"] = draft.attributes("user", fields["userAttributes"]) or None
    changed: Boost = checked(_BOOST, {**boost.model_dump(), **fields})
    return changed


def show(tenant: str, system: str, boost: Boost, today: date) -> Answer:
    """Return an AdminPointsBoost; `today` is the local date of those whom it is for."""
    shown: Answer = {
        "id": item_id(tenant, system, "boosts", boost.key),
        "name": boost.name,
        "status": boost_status(boost, today),
        "start": boost.start.isoformat(),
        "end": boost.end.isoformat() if boost.end else None,
        "multiplier": float(boost.multiplier),
        "rounding": boost.rounding,
        "userId": boost.userId,
    }
    if boost.userId is None:
        shown["userAttributes"] = filters(tenant, "user", boost.userAttributes or {})
    return shown


async def unknown_users(parts: Parts, tenant: str, users: Iterable[str]) -> frozenset[str]:
    """Return those of some users who do not exist."""
    absent = await _absent(parts, tenant, frozenset(users))
    # Who came to be a moment ago may not have reached the tables yet.
    if absent and await settled(parts):
        absent = await _absent(parts, tenant, absent)
    return absent


async def _absent(parts: Parts, tenant: str, users: frozenset[str]) -> frozenset[str]:
    if not users:
        return users
    async with parts.database.connection() as connection:
        return frozenset({it for it in users if await user(connection, tenant, it) is None})


async def todays(parts: Parts, version: Version, boosts: Iterable[Boost]) -> Mapping[str, date]:
    """Return the local date of each boost by its key: its user's, or that of the whole game."""
    default = version.definitions.settings.defaultTimeZone
    now = parts.config.clock()
    zones: dict[str, str] = {}
    found = {}
    for boost in boosts:
        zone = default
        if boost.userId is not None:
            if boost.userId not in zones:
                async with parts.database.connection() as connection:
                    known = await user(connection, version.tenant, boost.userId)
                zones[boost.userId] = (known.tz if known else None) or default
            zone = zones[boost.userId]
        found[boost.key] = local_date(now, zone)
    return found
