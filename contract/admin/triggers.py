"""Triggers as the Admin API makes, changes and shows them (docs/reference/admin.md)."""

import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NotRequired, assert_never

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from contract.admin.drafts import Draft
from contract.admin.filters import filters, read_filters
from contract.admin.reading import checked
from contract.admin.values import (
    STRICT,
    AdminIssue,
    AtLeastOne,
    Deleted,
    Filter,
    Flag,
    GivenFilters,
    GivenId,
    Id,
    Points,
)
from contract.collections import ACHIEVEMENTS, METRICS, triggers_of
from contract.errors import RefusedItemError
from schemas.definitions import (
    AchievementTrigger,
    MetricTrigger,
    StreakTrigger,
    TimeTrigger,
    Trigger,
    UserCreationTrigger,
    id_of,
    limits,
)

TimeInterval = Annotated[int, Field(strict=True, ge=1, le=limits.TIME_INTERVAL_MAX)]
TimeUnit = Literal["hours", "days"]
TriggerType = Literal["metric", "achievement", "streak", "time", "user_creation"]
TriggerStatus = Literal["active", "inactive"]


@STRICT
class CreatePointsTriggerRequestItem(TypedDict):
    """A trigger to be. Which of the optional fields are needed depends on its type."""

    type: TriggerType
    points: Points
    status: NotRequired[TriggerStatus]
    userAttributes: NotRequired[GivenFilters | None]
    metricId: NotRequired[GivenId]
    metricThreshold: NotRequired[AtLeastOne]
    eventAttributes: NotRequired[GivenFilters | None]
    achievementId: NotRequired[GivenId]
    streakLength: NotRequired[AtLeastOne]
    timeUnit: NotRequired[TimeUnit]
    timeInterval: NotRequired[TimeInterval]
    blockIfOutOfPoints: NotRequired[Flag]


@STRICT
class PatchPointsTriggerRequestItem(TypedDict):
    """What of a trigger is to change; null removes the filters.

    The type changes only while the trigger is inactive, and with it come the new type's fields.
    """

    id: GivenId
    type: NotRequired[TriggerType]
    points: NotRequired[Points]
    status: NotRequired[TriggerStatus]
    userAttributes: NotRequired[GivenFilters | None]
    metricId: NotRequired[GivenId]
    metricThreshold: NotRequired[AtLeastOne]
    eventAttributes: NotRequired[GivenFilters | None]
    achievementId: NotRequired[GivenId]
    streakLength: NotRequired[AtLeastOne]
    timeUnit: NotRequired[TimeUnit]
    timeInterval: NotRequired[TimeInterval]
    blockIfOutOfPoints: NotRequired[Flag]


class TriggerDetails(TypedDict):
    """What a trigger has because of its type."""

    metricId: NotRequired[Id]
    metricThreshold: NotRequired[int]
    eventAttributes: NotRequired[list[Filter]]
    achievementId: NotRequired[Id]
    streakLength: NotRequired[int]
    timeUnit: NotRequired[TimeUnit]
    timeInterval: NotRequired[int]


class AdminPointsTrigger(TriggerDetails):
    """A trigger; which of the optional fields are there depends on its type."""

    id: Id
    type: TriggerType
    points: int
    status: TriggerStatus
    userAttributes: list[Filter]
    blockIfOutOfPoints: bool


class CreatePointsTriggersResponse(TypedDict):
    """The triggers that came to be."""

    created: list[AdminPointsTrigger]
    issues: list[AdminIssue]


class PatchPointsTriggersResponse(TypedDict):
    """The triggers that were changed."""

    updated: list[AdminPointsTrigger]
    issues: list[AdminIssue]


class DeletePointsTriggersResponse(Deleted):
    """The triggers that are archived now."""


CREATE: Final = TypeAdapter(CreatePointsTriggerRequestItem)
CHANGE: Final = TypeAdapter(PatchPointsTriggerRequestItem)
_TRIGGER: Final[TypeAdapter[Trigger]] = TypeAdapter(Trigger)

# Type -> the fields that it must have, and those that it may have besides.
_OWN: Final[Mapping[TriggerType, tuple[frozenset[str], frozenset[str]]]] = {
    "metric": (frozenset({"metricId", "metricThreshold"}), frozenset({"eventAttributes"})),
    "achievement": (frozenset({"achievementId"}), frozenset()),
    "streak": (frozenset({"streakLength"}), frozenset()),
    "time": (frozenset({"timeUnit", "timeInterval"}), frozenset()),
    "user_creation": (frozenset(), frozenset()),
}
_SPECIFIC: Final = frozenset().union(*(needed | more for needed, more in _OWN.values()))
_COMMON: Final = ("key", "points", "userAttributes", "blockIfOutOfPoints", "status")
# What is called the same in the definitions.
_SAME: Final = (
    "points",
    "status",
    "blockIfOutOfPoints",
    "metricThreshold",
    "streakLength",
    "timeUnit",
    "timeInterval",
)


def create(draft: Draft, item: CreatePointsTriggerRequestItem) -> Trigger:
    """Return the trigger that an item asks for; RefusedItemError says what does not fit."""
    _check_fields(item["type"], item, complete=True)
    fields = {
        "key": f"trigger-{secrets.token_hex(6)}",
        "type": item["type"],
        "status": "inactive",
        **_fields(draft, item),
    }
    return checked(_TRIGGER, fields)


def change(draft: Draft, trigger: Trigger, item: PatchPointsTriggerRequestItem) -> Trigger:
    """Return a trigger with what an item changes of it; RefusedItemError says what does not fit."""
    before = trigger.model_dump(exclude={"archived"})
    kind = item.get("type", trigger.type)
    other = kind != trigger.type
    if other and trigger.status != "inactive":
        raise RefusedItemError("type can only be changed while the trigger is inactive")
    _check_fields(kind, item, complete=other)
    if other:
        before = {name: before[name] for name in _COMMON}
    return checked(_TRIGGER, {**before, "type": kind, **_fields(draft, item)})


def _check_fields(kind: TriggerType, item: Mapping[str, object], *, complete: bool) -> None:
    needed, more = _OWN[kind]
    foreign = sorted((_SPECIFIC - needed - more) & item.keys())
    if foreign:
        raise RefusedItemError(f"{foreign[0]} is not a field of a trigger of type {kind}")
    missing = sorted(needed - item.keys())
    if complete and missing:
        raise RefusedItemError(f"{missing[0]} is required for a trigger of type {kind}")


def _fields(
    draft: Draft, item: CreatePointsTriggerRequestItem | PatchPointsTriggerRequestItem
) -> dict[str, Any]:
    """Return what an item gives, under the names of the definitions."""
    fields: dict[str, Any] = {name: value for name, value in item.items() if name in _SAME}
    if "metricId" in item:
        fields["metric"] = draft.find(METRICS, str(item["metricId"])).key
    if "achievementId" in item:
        fields["achievement"] = draft.find(ACHIEVEMENTS, str(item["achievementId"])).key
    if "userAttributes" in item:
        fields["userAttributes"] = read_filters(draft, "user", item["userAttributes"])
    if "eventAttributes" in item:
        fields["eventAttributes"] = read_filters(draft, "event", item["eventAttributes"])
    return fields


def show(tenant: str, system: str, trigger: Trigger) -> AdminPointsTrigger:
    """Return an AdminPointsTrigger."""
    return {
        "id": triggers_of(system).id_of(tenant, trigger),
        "type": trigger.type,
        "points": trigger.points,
        "status": trigger.status,
        "userAttributes": filters(tenant, "user", trigger.userAttributes),
        **_details(tenant, trigger),
        "blockIfOutOfPoints": trigger.blockIfOutOfPoints,
    }


def _details(tenant: str, trigger: Trigger) -> TriggerDetails:
    match trigger:
        case MetricTrigger():
            return {
                "metricId": id_of(tenant, *METRICS.place, trigger.metric),
                "metricThreshold": trigger.metricThreshold,
                "eventAttributes": filters(tenant, "event", trigger.eventAttributes),
            }
        case AchievementTrigger():
            return {"achievementId": id_of(tenant, *ACHIEVEMENTS.place, trigger.achievement)}
        case StreakTrigger():
            return {"streakLength": trigger.streakLength}
        case TimeTrigger():
            return {"timeUnit": trigger.timeUnit, "timeInterval": trigger.timeInterval}
        case UserCreationTrigger():
            return {}
        case _:
            assert_never(trigger)
