"""Versions of definitions, as they stand on xp.definitions: each names its parent, none changes.

Pure: how a newer file follows the version before it. What a newer file leaves out is kept as
archived, so that awards of the past can still say what they were for.
"""

from collections.abc import Iterable
from typing import Any, Literal, TypeVar, assert_never

from pydantic import AwareDatetime

from schemas.definitions import (
    Achievement,
    AchievementTrigger,
    ApiAchievement,
    CompositeAchievement,
    Definitions,
    Item,
    MetricAchievement,
    MetricTrigger,
    PointsSystem,
    StreakAchievement,
    StreakTrigger,
    TimeTrigger,
    Trigger,
    UserCreationTrigger,
)
from schemas.strict import Key, Strict


class Stamp(Strict):
    """When a trigger came to be and when it was last changed."""

    created: AwareDatetime
    updated: AwareDatetime
    # Since when it is active: a time trigger counts from here. None while it is not.
    activated: AwareDatetime | None = None


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
    # metric?filter -> the version since which its subtotal is counted without a gap.
    since: dict[str, int] = {}
    # Whether it asks anything of the users' past, or of their time: each is then visited once
    # (`schemas.inputs.Backfill`).
    backfill: bool = False


class EpochMark(Strict):
    """An operator's word that xp.events begins anew: offsets count from 0 in this epoch."""

    type: Literal["epoch"] = "epoch"
    epoch: int


def succeed(parent: Version | None, game: Definitions, tenant: str, at: AwareDatetime) -> Version:
    """Return the version that makes `game` the definitions in force after `parent`."""
    merged = with_archived(parent.definitions, game) if parent else game
    number = parent.version + 1 if parent else 1
    # What is left out is counted on: whoever asks for it again finds no gap in it.
    old = parent.since if parent else {}
    since = {**dict.fromkeys(sorted(merged.filtered_series()), number), **old}
    stamps = _stamps(parent, merged, at)
    version = Version(
        tenant=tenant,
        version=number,
        parent=number - 1,
        at=at,
        definitions=merged,
        stamps=stamps,
        since=since,
    )
    if parent is None:
        return version
    return version.model_copy(update={"backfill": _asks_the_past(parent, version)})


def _stamps(parent: Version | None, merged: Definitions, at: AwareDatetime) -> dict[str, Stamp]:
    known = parent.stamps if parent else {}
    before = _triggers(parent.definitions) if parent else {}
    active = {
        f"{system.key}/{trigger.key}"
        for system in merged.points
        for trigger in system.triggers
        if trigger.status == "active" and not (trigger.archived or system.archived)
    }
    stamps = {}
    for path, trigger in _triggers(merged).items():
        old = known.get(path)
        since = (old.activated if old else None) or at
        stamps[path] = Stamp(
            created=old.created if old else at,
            updated=old.updated if old and before.get(path) == trigger else at,
            activated=since if path in active else None,
        )
    return stamps


def _asks_the_past(parent: Version, version: Version) -> bool:
    """Tell whether users must be visited: for what they did before, or for their time."""
    old, new = parent.definitions, version.definitions
    if old.settings != new.settings or old.streak != new.streak:
        return True
    if any(since == version.version for since in version.since.values()):
        return True
    if _completable(new) != _completable(old) and _completable(new):
        return True
    return _timed(old) != _timed(new)


def _completable(game: Definitions) -> dict[str, dict[str, Any]]:
    # What may be completed without a request, and by what; names and pictures complete nothing.
    return {
        item.key: item.model_dump(exclude={"name", "description", "badgeUrl"})
        for item in game.achievements
        if item.status == "active" and not item.archived and not _asked_for(item)
    }


def _asked_for(item: Achievement) -> bool:
    """Tell whether an achievement is completed by a request, and by nothing else."""
    match item:
        case ApiAchievement():
            return True
        case MetricAchievement() | StreakAchievement() | CompositeAchievement():
            return False
        case _:
            assert_never(item)


def _timed(game: Definitions) -> list[tuple[str, Item]]:
    # What happens to users by time alone.
    return [
        (system.key, item)
        for system in game.points
        if not system.archived
        for item in (
            *(it for it in system.triggers if it.status == "active" and _ticks(it)),
            *(it for it in system.boosts if it.userId is not None),
        )
        if not item.archived
    ]


def _ticks(item: Trigger) -> bool:
    """Tell whether time alone sets off a trigger."""
    match item:
        case TimeTrigger():
            return True
        case MetricTrigger() | StreakTrigger() | AchievementTrigger() | UserCreationTrigger():
            return False
        case _:
            assert_never(item)


def with_archived(old: Definitions, new: Definitions) -> Definitions:
    """Return `new` with what only `old` has appended as archived."""
    before = {system.key: system for system in old.points}
    attributes = {(it.type, it.key) for it in new.attributes}
    systems = [_system_with_archived(before.get(item.key), item) for item in new.points]
    return new.model_copy(
        update={
            "metrics": _left_out(old.metrics, new.metrics),
            "attributes": [
                *new.attributes,
                *(
                    item.model_copy(update={"archived": True})
                    for item in old.attributes
                    if (item.type, item.key) not in attributes
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


def _triggers(game: Definitions) -> dict[str, Trigger]:
    return {
        f"{system.key}/{trigger.key}": trigger
        for system in game.points
        for trigger in system.triggers
    }
