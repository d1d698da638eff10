"""Boosts: what is answered, how one stands on a date, and which hold for a user."""

from collections.abc import Mapping
from datetime import date
from typing import Literal

from typing_extensions import TypedDict

from contract.application.values import date_text
from contract.items import boost_item, system_item
from schemas.definitions import Boost, id_of
from schemas.versions import Version

BoostStatus = Literal["active", "scheduled", "finished"]


class PointsBoost(TypedDict):
    """A multiplier on points."""

    id: str
    name: str
    status: BoostStatus
    start: str
    end: str | None
    multiplier: float
    rounding: Literal["down", "up", "nearest"]


def boost(version: Version, system: str, key: str, today: date) -> PointsBoost:
    """Return a PointsBoost as it stands on a date: its window is one of dates."""
    item = boost_item(version, system, key)
    return {
        "id": id_of(version.tenant, "points", system, "boosts", key),
        "name": item.name,
        "status": boost_status(item, today),
        "start": item.start.isoformat(),
        "end": date_text(item.end),
        "multiplier": float(item.multiplier),
        "rounding": item.rounding,
    }


def boost_status(item: Boost, today: date) -> BoostStatus:
    """Return the status of a boost on a date, its last one included; an archived one is over."""
    if item.archived or (item.end is not None and item.end < today):
        return "finished"
    return "active" if item.start <= today else "scheduled"


def shared_boosts(
    version: Version, system: str, today: date, *, finished: bool
) -> list[PointsBoost]:
    """Return the boosts that are for more than one user, on request also those that are over."""
    return [
        boost(version, system, item.key, today)
        for item in system_item(version, system).boosts
        if item.userId is None
        and not item.archived
        and (finished or boost_status(item, today) != "finished")
    ]


def boosts_in_force(
    version: Version, system: str, user: str, attributes: Mapping[str, str], today: date
) -> list[PointsBoost]:
    """Return the boosts that multiply what a user with these attributes is awarded on a date."""
    return [
        boost(version, system, item.key, today)
        for item in system_item(version, system).boosts
        if boost_status(item, today) == "active"
        and item.userId in (None, user)
        and (item.userAttributes or {}).items() <= attributes.items()
    ]
