"""The words of the Admin API (docs/reference/admin.md): what is sent and answered.

Requests are checked by these types, item by item (`gateway.admin_bulk`); answers are built beside
the operations, and described here for /openapi.json. A field of a request that is left out is
absent, which is not the same as null.
"""

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, NotRequired
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, with_config
from typing_extensions import TypedDict

from schemas.definitions import limits
from schemas.strict import AttributeValue, Key, Reason, Storable, UserId, Value

ITEMS_MAX: Final = 100

_DATE: Final = re.compile(r"^\d{4}-\d\d-\d\d$")


def _uuid_text(value: object) -> object:
    if isinstance(value, str):
        return value
    raise ValueError("must be a valid UUID")


def _date_text(value: object) -> object:
    # A number would be read as seconds since 1970.
    if isinstance(value, str) and _DATE.fullmatch(value):
        return value
    raise ValueError("must be a date such as 2026-01-31")


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("must not be 0")
    return value


def _not_one(value: Decimal) -> Decimal:
    if value == 1:
        raise ValueError("must not be 1")
    return value


Id = Annotated[UUID, BeforeValidator(_uuid_text, json_schema_input_type=UUID)]
Date = Annotated[date, BeforeValidator(_date_text, json_schema_input_type=date)]
Name = Annotated[str, Field(min_length=1, max_length=255), Storable]
Description = Annotated[str, Field(max_length=4096), Storable]
AtLeastOne = Annotated[int, Field(strict=True, ge=1, le=10**9)]
TimeInterval = Annotated[int, Field(strict=True, ge=1, le=limits.TIME_INTERVAL_MAX)]
Points = Annotated[
    int, Field(strict=True, ge=-limits.POINTS_MAX, le=limits.POINTS_MAX), AfterValidator(_not_zero)
]
LevelPoints = Annotated[int, Field(strict=True, ge=0, le=limits.POINTS_MAX)]
Multiplier = Annotated[
    Value,
    Field(gt=0, lt=100),
    AfterValidator(_not_one),
    WithJsonSchema(
        {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 100,
            "description": "Not 1, which would change nothing.",
        }
    ),
]
Flag = Annotated[bool, Field(strict=True)]
Rounding = Literal["down", "up", "nearest"]
TriggerType = Literal["metric", "achievement", "streak", "time", "user_creation"]
TriggerStatus = Literal["active", "inactive"]
BoostStatus = Literal["active", "scheduled", "finished"]

_Strict = with_config(ConfigDict(extra="forbid"))


class AdminIssue(TypedDict):
    """Why an item was not done, or not wholly."""

    id: NotRequired[str]
    userId: NotRequired[str]
    boostId: NotRequired[str]
    index: NotRequired[Annotated[int, Field(description="Place in the request, from 0.")]]
    severity: Literal["error", "warning"]
    message: str


class DeletedResource(TypedDict):
    """What is archived now."""

    id: UUID


class Deleted(TypedDict):
    """The answer to a DELETE."""

    deleted: list[DeletedResource]
    issues: list[AdminIssue]


@_Strict
class Filter(TypedDict):
    """An attribute and the value that it must have."""

    attributeId: Id
    attributeValue: AttributeValue


Filters = Annotated[list[Filter], Field(max_length=ITEMS_MAX)]


@_Strict
class Badge(TypedDict):
    """A picture."""

    url: Annotated[str, Field(min_length=1, max_length=2048), Storable]


@_Strict
class CreatePointsBoostRequestItem(TypedDict):
    """A boost to be: of one user, or of everyone who has certain attributes."""

    userId: NotRequired[UserId | None]
    name: Name
    start: Date
    end: NotRequired[Date | None]
    multiplier: Multiplier
    rounding: NotRequired[Rounding]
    userAttributes: NotRequired[Filters | None]


@_Strict
class PatchPointsBoostRequestItem(TypedDict):
    """What of a boost is to change; null removes the end, or the filters."""

    id: Id
    name: NotRequired[Name]
    start: NotRequired[Date]
    end: NotRequired[Date | None]
    multiplier: NotRequired[Multiplier]
    rounding: NotRequired[Rounding]
    userAttributes: NotRequired[Filters | None]


@_Strict
class OldBoostRequestItem(TypedDict):
    """A boost of one user, in the older shape."""

    userId: UserId
    name: Name
    start: Date
    end: NotRequired[Date | None]
    multiplier: Multiplier
    rounding: NotRequired[Rounding]


@_Strict
class OldBoostsRequest(TypedDict):
    """Boosts of single users of one points system, in the older shape."""

    systemKey: Key
    boosts: Annotated[list[OldBoostRequestItem], Field(min_length=1, max_length=ITEMS_MAX)]


class AdminPointsBoost(TypedDict):
    """A boost; `userAttributes` is there if it is not of one user."""

    id: UUID
    name: str
    status: BoostStatus
    start: date
    end: date | None
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


@_Strict
class CreatePointsTriggerRequestItem(TypedDict):
    """A trigger to be. Which of the optional fields are needed depends on its type."""

    type: TriggerType
    points: Points
    status: NotRequired[TriggerStatus]
    userAttributes: NotRequired[Filters | None]
    metricId: NotRequired[Id]
    metricThreshold: NotRequired[AtLeastOne]
    eventAttributes: NotRequired[Filters | None]
    achievementId: NotRequired[Id]
    streakLength: NotRequired[AtLeastOne]
    timeUnit: NotRequired[Literal["hours", "days"]]
    timeInterval: NotRequired[TimeInterval]
    blockIfOutOfPoints: NotRequired[Flag]


@_Strict
class PatchPointsTriggerRequestItem(TypedDict):
    """What of a trigger is to change; null removes the filters.

    The type changes only while the trigger is inactive, and with it come the new type's fields.
    """

    id: Id
    type: NotRequired[TriggerType]
    points: NotRequired[Points]
    status: NotRequired[TriggerStatus]
    userAttributes: NotRequired[Filters | None]
    metricId: NotRequired[Id]
    metricThreshold: NotRequired[AtLeastOne]
    eventAttributes: NotRequired[Filters | None]
    achievementId: NotRequired[Id]
    streakLength: NotRequired[AtLeastOne]
    timeUnit: NotRequired[Literal["hours", "days"]]
    timeInterval: NotRequired[TimeInterval]
    blockIfOutOfPoints: NotRequired[Flag]


class AdminPointsTrigger(TypedDict):
    """A trigger; which of the optional fields are there depends on its type."""

    id: UUID
    type: TriggerType
    points: int
    status: TriggerStatus
    userAttributes: list[Filter]
    metricId: NotRequired[UUID]
    metricThreshold: NotRequired[int]
    eventAttributes: NotRequired[list[Filter]]
    achievementId: NotRequired[UUID]
    streakLength: NotRequired[int]
    timeUnit: NotRequired[Literal["hours", "days"]]
    timeInterval: NotRequired[int]
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


@_Strict
class CreatePointsLevelRequestItem(TypedDict):
    """A level to be."""

    name: Name
    key: Key
    points: LevelPoints
    description: NotRequired[Description]
    badge: NotRequired[Badge]


@_Strict
class PatchPointsLevelRequestItem(TypedDict):
    """What of a level is to change; null removes the badge."""

    id: Id
    name: NotRequired[Name]
    points: NotRequired[LevelPoints]
    description: NotRequired[Description]
    badge: NotRequired[Badge | None]


class AdminPointsLevel(TypedDict):
    """A level."""

    id: UUID
    name: str
    key: str
    points: int
    description: str
    badge: Badge | None


class CreatePointsLevelsResponse(TypedDict):
    """The levels that came to be."""

    created: list[AdminPointsLevel]
    issues: list[AdminIssue]


class PatchPointsLevelsResponse(TypedDict):
    """The levels that were changed."""

    updated: list[AdminPointsLevel]
    issues: list[AdminIssue]


class DeletePointsLevelsResponse(Deleted):
    """The levels that are archived now."""


@_Strict
class FreezeRequestItem(TypedDict):
    """Who gets one freeze."""

    userId: UserId


class CreateStreakFreezesResponse(TypedDict):
    """What could not be granted."""

    issues: list[AdminIssue]


@_Strict
class PauseRequestItem(TypedDict):
    """Local dates of a user, both included, in which the streak is kept without activity."""

    userId: UserId
    start: Date
    end: Date


class AdminStreakPause(TypedDict):
    """A pause."""

    id: UUID
    userId: str
    start: date
    end: date
    status: Literal["active", "archived"]


class CreateStreakPausesResponse(TypedDict):
    """The pauses that came to be."""

    created: list[AdminStreakPause]
    issues: list[AdminIssue]


class DeleteStreakPausesResponse(Deleted):
    """The pauses that are no more."""


@_Strict
class RestoreRequestItem(TypedDict):
    """Whose streak is to be given back."""

    id: UserId


class RestoreStreaksResponse(TypedDict):
    """Whose streaks were given back."""

    restoredUsers: list[str]
    issues: list[AdminIssue]


@_Strict
class CorrectionRequest(TypedDict):
    """What an earlier event is to count with."""

    value: Annotated[Value | None, Field(description="null reverses the event.")]
    reason: Reason


@_Strict
class AdjustmentRequest(TypedDict):
    """Points that a user is granted or, negative, loses."""

    points: Points
    reason: Reason


@_Strict
class AchievementStatusRequest(TypedDict):
    """What becomes of an achievement: inactive to active, active to locked and back."""

    status: Literal["active", "locked"]


class Effects(TypedDict):
    """What an input led to: the entries of its ledger record, in order (docs/reference/ledger)."""

    id: NotRequired[Annotated[str, Field(description="Id of the input, once it is judged.")]]
    outcome: Literal["applied", "replayed", "pending"]
    userId: str
    at: NotRequired[str]
    effects: list[Mapping[str, Any]]


class AchievementStatus(TypedDict):
    """An achievement and its status."""

    id: UUID
    key: str
    name: str
    status: Literal["inactive", "active", "locked"]
