"""Triggers as the Admin API makes, changes and shows them (docs/reference/admin.md)."""

import secrets
from collections.abc import Mapping
from typing import Any, Final, assert_never

from pydantic import TypeAdapter

from gateway.admin_drafts import Draft, checked, filters, item_id
from gateway.admin_issues import Answer, Item, RefusedItemError
from schemas.definitions import (
    AchievementTrigger,
    MetricTrigger,
    StreakTrigger,
    TimeTrigger,
    Trigger,
    UserCreationTrigger,
    id_of,
)

_TRIGGER: Final[TypeAdapter[Any]] = TypeAdapter(Trigger)

# Type -> the fields that it must have, and those that it may have besides.
_OWN: Final[Mapping[str, tuple[frozenset[str], frozenset[str]]]] = {
    "metric": (frozenset({"metricId", "metricThreshold"}), frozenset({"eventAttributes"})),
    "achievement": (frozenset({"achievementId"}), frozenset()),
    "streak": (frozenset({"streakLength"}), frozenset()),
    "time": (frozenset({"timeUnit", "timeInterval"}), frozenset()),
    "user_creation": (frozenset(), frozenset()),
}
_SPECIFIC: Final = frozenset().union(*(needed | more for needed, more in _OWN.values()))
_COMMON: Final = ("key", "points", "userAttributes", "blockIfOutOfPoints", "status")


def create(draft: Draft, item: Item) -> Trigger:
    """Return the trigger that an item asks for; RefusedItemError says what does not fit."""
    _check_fields(item["type"], item, complete=True)
    fields = {
        "key": f"trigger-{secrets.token_hex(6)}",
        "type": item["type"],
        "status": "inactive",
        **_fields(draft, item),
    }
    trigger: Trigger = checked(_TRIGGER, fields)
    return trigger


def change(draft: Draft, trigger: Trigger, item: Item) -> Trigger:
    """Return a trigger with what an item changes of it; RefusedItemError says what does not fit."""
    before = trigger.model_dump(exclude={"archived"})
    kind = item.get("type", before["type"])
    other = kind != before["type"]
    if other and trigger.status != "inactive":
        raise RefusedItemError("type can only be changed while the trigger is inactive")
    _check_fields(kind, item, complete=other)
    if other:
        before = {name: before[name] for name in _COMMON}
    changed: Trigger = checked(_TRIGGER, {**before, "type": kind, **_fields(draft, item)})
    return changed


def _check_fields(kind: str, item: Item, *, complete: bool) -> None:
    needed, more = _OWN[kind]
    foreign = sorted((_SPECIFIC - needed - more) & item.keys())
    if foreign:
        raise RefusedItemError(f"{foreign[0]} is not a field of a trigger of type {kind}")
    missing = sorted(needed - item.keys())
    if complete and missing:
        raise RefusedItemError(f"{missing[0]} is required for a trigger of type {kind}")


def _fields(draft: Draft, item: Item) -> dict[str, Any]:
    """Return what an item gives, under the names of the definitions."""
    same = ("points", "status", "blockIfOutOfPoints", "metricThreshold", "streakLength")
    fields = {name: item[name] for name in (*same, "timeUnit", "timeInterval") if name in item}
    if "metricId" in item:
        fields["metric"] = draft.metric(str(item["metricId"]))
    if "achievementId" in item:
        fields["achievement"] = draft.achievement(str(item["achievementId"]))
    if "userAttributes" in item:
        fields["userAttributes"] = draft.attributes("user", item["userAttributes"])
    if "eventAttributes" in item:
        fields["eventAttributes"] = draft.attributes("event", item["eventAttributes"])
    return fields


def show(tenant: str, system: str, trigger: Trigger) -> Answer:
    """Return an AdminPointsTrigger."""
    return {
        "id": item_id(tenant, system, "triggers", trigger.key),
        "type": trigger.type,
        "points": trigger.points,
        "status": trigger.status,
        "userAttributes": filters(tenant, "user", trigger.userAttributes),
        **_own(tenant, trigger),
        "blockIfOutOfPoints": trigger.blockIfOutOfPoints,
    }


def _own(tenant: str, trigger: Trigger) -> Answer:
    match trigger:
        case MetricTrigger():
            return {
                "metricId": id_of(tenant, "metrics", trigger.metric),
                "metricThreshold": trigger.metricThreshold,
                "eventAttributes": filters(tenant, "event", trigger.eventAttributes),
            }
        case AchievementTrigger():
            return {"achievementId": id_of(tenant, "achievements", trigger.achievement)}
        case StreakTrigger():
            return {"streakLength": trigger.streakLength}
        case TimeTrigger():
            return {"timeUnit": trigger.timeUnit, "timeInterval": trigger.timeInterval}
        case UserCreationTrigger():
            return {}
        case _:
            assert_never(trigger)
