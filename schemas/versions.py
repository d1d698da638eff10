"""Versions of definitions, as they stand on xp.definitions: each names its parent, none changes.

Pure: how a newer file follows the version before it. What a newer file leaves out is kept as
archived, so that awards of the past can still say what they were for.
"""

from collections.abc import Iterable
from typing import Literal, TypeVar

from pydantic import AwareDatetime

from schemas.definitions import Definitions, Item, PointsSystem
from schemas.events import Key, Strict


class Stamp(Strict):
    """When a trigger came to be and when it was last changed."""

    created: AwareDatetime
    updated: AwareDatetime


class Version(Strict):
    """One version of one tenant's definitions."""

    tenant: Key
    version: int
    # The version it follows; 0 for the first. One whose parent is not the head is ignored.
    parent: int
    at: AwareDatetime
    definitions: Definitions
    # system/trigger -> its times.
    stamps: dict[str, Stamp] = {}


class EpochMark(Strict):
    """An operator's word that xp.events begins anew: offsets count from 0 in this epoch."""

    type: Literal["epoch"] = "epoch"
    epoch: int


def succeed(parent: Version | None, game: Definitions, tenant: str, at: AwareDatetime) -> Version:
    """Return the version that makes `game` the definitions in force after `parent`."""
    merged = with_archived(parent.definitions, game) if parent else game
    known = parent.stamps if parent else {}
    before = _triggers(parent.definitions) if parent else {}
    stamps = {}
    for path, trigger in _triggers(merged).items():
        old = known.get(path)
        if old is None:
            stamps[path] = Stamp(created=at, updated=at)
        elif before.get(path) == trigger:
            stamps[path] = old
        else:
            stamps[path] = Stamp(created=old.created, updated=at)
    number = parent.version if parent else 0
    return Version(
        tenant=tenant,
        version=number + 1,
        parent=number,
        at=at,
        definitions=merged,
        stamps=stamps,
    )


def with_archived(old: Definitions, new: Definitions) -> Definitions:
    """Return `new` with what only `old` has appended as archived."""
    before = {system.key: system for system in old.points}
    systems = [_system_with_archived(before.get(item.key), item) for item in new.points]
    return new.model_copy(
        update={
            "metrics": _left_out(old.metrics, new.metrics),
            "attributes": [
                *new.attributes,
                *(
                    item.model_copy(update={"archived": True})
                    for item in old.attributes
                    if (item.type, item.key) not in {(it.type, it.key) for it in new.attributes}
                ),
            ],
            "achievements": _left_out(old.achievements, new.achievements),
            "points": _left_out(old.points, systems),
        }
    )


def _system_with_archived(old: PointsSystem | None, new: PointsSystem) -> PointsSystem:
    if old is None:
        return new
    return new.model_copy(
        update={
            "triggers": _left_out(old.triggers, new.triggers),
            "boosts": _left_out(old.boosts, new.boosts),
            "levels": _left_out(old.levels, new.levels),
        }
    )


AnyItem = TypeVar("AnyItem", bound=Item)


def _left_out(old: Iterable[AnyItem], new: Iterable[AnyItem]) -> list[AnyItem]:
    kept = list(new)
    keys = {item.key for item in kept}
    gone = [item.model_copy(update={"archived": True}) for item in old if item.key not in keys]
    return [*kept, *gone]


def _triggers(game: Definitions) -> dict[str, Item]:
    return {
        f"{system.key}/{trigger.key}": trigger
        for system in game.points
        for trigger in system.triggers
    }
