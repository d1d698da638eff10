"""Triggers of points as the Application API shows them."""

from typing import Annotated, Final, Literal, NotRequired, assert_never

from pydantic import Field
from typing_extensions import TypedDict

from contract.application.values import Instant, Pair, instant_text, pairs
from contract.items import achievement_item, metric_item, trigger_item
from schemas.definitions import (
    AchievementTrigger,
    MetricTrigger,
    StreakTrigger,
    TimeTrigger,
    Trigger,
    UserCreationTrigger,
    id_of,
)
from schemas.versions import Version


class TriggerDetails(TypedDict):
    """What a trigger has because of its type."""

    achievementId: NotRequired[str]
    metricId: NotRequired[str]
    metricName: NotRequired[str]
    metricThreshold: NotRequired[int]
    streakLengthThreshold: NotRequired[int]
    achievementName: NotRequired[str]
    timeUnit: NotRequired[Literal["hour", "day"]]
    timeInterval: NotRequired[int]
    eventAttribute: NotRequired[Annotated[Pair, Field(deprecated=True)]]
    eventAttributes: NotRequired[list[Pair]]


class PointsTrigger(TriggerDetails):
    """What points are given for; which of the optional fields are there depends on its type."""

    id: str
    type: Literal["metric", "achievement", "streak", "time", "user_creation"]
    points: int
    status: Literal["active", "inactive", "archived"]
    userAttributes: list[Pair]
    created: Instant
    updated: Instant


# The read API counts in the singular.
_UNITS: Final[dict[Literal["hours", "days"], Literal["hour", "day"]]] = {
    "hours": "hour",
    "days": "day",
}


def trigger(version: Version, system: str, key: str) -> PointsTrigger:
    """Return a PointsTrigger under the names of the read API."""
    item = trigger_item(version, system, key)
    stamp = version.stamps.get(f"{system}/{key}")
    return {
        "id": id_of(version.tenant, "points", system, "triggers", key),
        "type": item.type,
        "points": item.points,
        "status": "archived" if item.archived else item.status,
        **_details(version, item),
        "userAttributes": pairs(item.userAttributes),
        "created": instant_text(stamp.created if stamp else version.at),
        "updated": instant_text(stamp.updated if stamp else version.at),
    }


def _details(version: Version, item: Trigger) -> TriggerDetails:
    match item:
        case MetricTrigger():
            details: TriggerDetails = {
                "metricId": id_of(version.tenant, "metrics", item.metric),
                "metricName": metric_item(version, item.metric).name,
                "metricThreshold": item.metricThreshold,
                "eventAttributes": pairs(item.eventAttributes),
            }
            if item.eventAttributes:
                details["eventAttribute"] = pairs(item.eventAttributes)[0]
            return details
        case AchievementTrigger():
            return {
                "achievementId": id_of(version.tenant, "achievements", item.achievement),
                "achievementName": achievement_item(version, item.achievement).name,
            }
        case StreakTrigger():
            return {"streakLengthThreshold": item.streakLength}
        case TimeTrigger():
            return {"timeUnit": _UNITS[item.timeUnit], "timeInterval": item.timeInterval}
        case UserCreationTrigger():
            return {}
        case _:
            assert_never(item)
