"""What a webhook says: a ledger entry to the bytes of the contract's payload. Pure."""

from typing import Final, Literal, TypedDict

import orjson

from contract.application.levels import PointsLevel, level
from contract.application.points import PointsResponse, points_system
from contract.application.users import Person, User, user
from schemas.entries import LevelEntry
from schemas.versions import Version

LEVEL_CHANGED: Final = "points.level_changed"

# What a webhook may subscribe to.
TYPES: Final = (LEVEL_CHANGED,)


class PointsTotal(PointsResponse):
    """A points system, and the user's balance in it."""

    total: int


class LevelChanged(TypedDict):
    """A user's level in a points system changed, up or down; null is no level."""

    type: Literal["points.level_changed"]
    user: User
    points: PointsTotal
    previousLevel: PointsLevel | None
    newLevel: PointsLevel | None


def level_changed(entry: LevelEntry, version: Version, person: Person) -> bytes:
    """Return the body for a change of level.

    `version` is the one that the entry was judged by. The same bytes are signed and sent at every
    attempt.
    """
    system = entry.system
    body: LevelChanged = {
        "type": LEVEL_CHANGED,
        "user": user(person),
        "points": {**points_system(version, system), "total": entry.total},
        "previousLevel": level(version, system, entry.before),
        "newLevel": level(version, system, entry.after),
    }
    return orjson.dumps(body)
