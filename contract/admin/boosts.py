"""Boosts as the Admin API makes, changes and shows them (docs/reference/admin.md)."""

import secrets
from datetime import date
from typing import Annotated, Final, Literal, NotRequired

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from contract.admin.drafts import Draft
from contract.admin.filters import filters, read_filters
from contract.admin.reading import checked
from contract.admin.values import (
    ITEMS_MAX,
    STRICT,
    AdminIssue,
    Deleted,
    Filter,
    GivenDate,
    GivenFilters,
    GivenId,
    Id,
    Multiplier,
    Name,
)
from contract.application.boosts import BoostStatus, boost_status
from contract.application.values import Date, date_text
from contract.collections import boosts_of
from contract.errors import RefusedItemError
from schemas.definitions import Boost
from schemas.strict import Key, UserId

Rounding = Literal["down", "up", "nearest"]


@STRICT
class CreatePointsBoostRequestItem(TypedDict):
    """A boost to be: of one user, or of everyone who has certain attributes."""

    userId: NotRequired[UserId | None]
    name: Name
    start: GivenDate
    end: NotRequired[GivenDate | None]
    multiplier: Multiplier
    rounding: NotRequired[Rounding]
    userAttributes: NotRequired[GivenFilters | None]


@STRICT
class PatchPointsBoostRequestItem(TypedDict):
    """What of a boost is to change; null removes the end, or the filters."""

    id: GivenId
    name: NotRequired[Name]
    start: NotRequired[GivenDate]
    end: NotRequired[GivenDate | None]
    multiplier: NotRequired[Multiplier]
    rounding: NotRequired[Rounding]
    userAttributes: NotRequired[GivenFilters | None]


@STRICT
class OldBoostRequestItem(TypedDict):
    """A boost of one user, in the older shape."""

    userId: UserId
    name: Name
    start: GivenDate
    end: NotRequired[GivenDate | None]
    multiplier: Multiplier
    rounding: NotRequired[Rounding]


@STRICT
class OldBoostsRequest(TypedDict):
    """Boosts of single users of one points system, in the older shape."""

    systemKey: Key
    boosts: Annotated[list[OldBoostRequestItem], Field(min_length=1, max_length=ITEMS_MAX)]


class AdminPointsBoost(TypedDict):
    """A boost; `userAttributes` is there if it is not of one user."""

    id: Id
    name: str
    status: BoostStatus
    start: Date
    end: Date | None
    multiplier: float
    rounding: Rounding
    userId: str | None
    userAttributes: NotRequired[list[Filter]]


class CreatePointsBoostsResponse(TypedDict):
    """The boosts that came to be."""

    created: list[AdminPointsBoost]
    issues: list[AdminIssue]


class PatchPointsBoostsResponse(TypedDict):
    """The boosts that were changed."""

    updated: list[AdminPointsBoost]
    issues: list[AdminIssue]


class DeletePointsBoostsResponse(Deleted):
    """The boosts that are archived now."""


CREATE: Final = TypeAdapter(CreatePointsBoostRequestItem)
CREATE_OLD: Final = TypeAdapter(OldBoostRequestItem)
CHANGE: Final = TypeAdapter(PatchPointsBoostRequestItem)
_BOOST: Final = TypeAdapter(Boost)


def create(draft: Draft, item: CreatePointsBoostRequestItem) -> Boost:
    """Return the boost that an item asks for; RefusedItemError says what does not fit.

    That its user exists is for the caller to see to.
    """
    attributes = read_filters(draft, "user", item.get("userAttributes"))
    if item.get("userId") is not None and attributes:
        raise RefusedItemError("userId and userAttributes exclude each other")
    return checked(_BOOST, {**item, "key": _new_key(), "userAttributes": attributes or None})


def create_old(_draft: Draft, item: OldBoostRequestItem) -> Boost:
    """Return the boost that an item in the older shape asks for."""
    return checked(_BOOST, {**item, "key": _new_key()})


def _new_key() -> str:
    return f"boost-{secrets.token_hex(6)}"


def change(draft: Draft, boost: Boost, item: PatchPointsBoostRequestItem) -> Boost:
    """Return a boost with what an item changes of it; RefusedItemError says what does not fit."""
    fields: dict[str, object] = {name: value for name, value in item.items() if name != "id"}
    if "userAttributes" in item:
        if boost.userId is not None:
            raise RefusedItemError("userAttributes cannot be set on a boost of one user")
        fields["userAttributes"] = read_filters(draft, "user", item["userAttributes"]) or None
    return checked(_BOOST, {**boost.model_dump(), **fields})


def show(tenant: str, system: str, boost: Boost, today: date) -> AdminPointsBoost:
    """Return an AdminPointsBoost; `today` is the local date of those whom it is for."""
    shown: AdminPointsBoost = {
        "id": boosts_of(system).id_of(tenant, boost),
        "name": boost.name,
        "status": boost_status(boost, today),
        "start": boost.start.isoformat(),
        "end": date_text(boost.end),
        "multiplier": float(boost.multiplier),
        "rounding": boost.rounding,
        "userId": boost.userId,
    }
    if boost.userId is None:
        shown["userAttributes"] = filters(tenant, "user", boost.userAttributes or {})
    return shown
