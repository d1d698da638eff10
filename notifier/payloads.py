"""What a webhook says: a ledger entry to the bytes of the contract's payload. Pure."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from projections import answers
from schemas.entries import LevelEntry
from schemas.versions import Version

LEVEL_CHANGED: Final = "points.level_changed"

# What a webhook may subscribe to.
TYPES: Final = (LEVEL_CHANGED,)


def level_changed(
    entry: LevelEntry,
    version: Version,
    user: Mapping[str, Any],
    profile: Mapping[str, Any] | None,
) -> bytes:
    """Return the body for a change of level.

    `version` is the one that the entry was judged by; `user` a row of read.users, `profile` one of
    own.profiles or None. The same bytes are signed and sent at every attempt.
    """
    system = entry.system
    return orjson.dumps(
        {
            "type": LEVEL_CHANGED,
            "user": answers.user(user, profile),
            "points": {**answers.points_system(version, system), "total": entry.total},
            "previousLevel": answers.level(version, system, entry.before),
            "newLevel": answers.level(version, system, entry.after),
        }
    )
