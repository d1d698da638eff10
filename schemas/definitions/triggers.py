"""Triggers of points: one class per kind, told apart by `type`.

Whoever treats kinds differently does so by a `match` that ends in `assert_never`: a kind that is
added is then an error of types wherever it is forgotten.
"""

from typing import Annotated, Literal, assert_never

from pydantic import Field

from schemas.definitions.fields import AtLeastOne, Filter, Flag, IsWhole, Item, Key, Points
from schemas.definitions.ids import series_of
from schemas.definitions.limits import TIME_INTERVAL_MAX

TimeInterval = Annotated[int, Field(ge=1, le=TIME_INTERVAL_MAX), IsWhole]


class BaseTrigger(Item):
    """What every trigger has: points that are awarded or, negative, deducted."""

    points: Points
    userAttributes: Filter = {}
    blockIfOutOfPoints: Flag = False
    status: Literal["inactive", "active"] = "active"


class MetricTrigger(BaseTrigger):
    """For every `metricThreshold` by which the metric rises above its highest value so far."""

    type: Literal["metric"]
    metric: Key
    metricThreshold: AtLeastOne
    eventAttributes: Filter = {}


class StreakTrigger(BaseTrigger):
    """At every streak length that is a multiple of `streakLength`."""

    type: Literal["streak"]
    streakLength: AtLeastOne


class AchievementTrigger(BaseTrigger):
    """When an achievement is completed."""

    type: Literal["achievement"]
    achievement: Key


class TimeTrigger(BaseTrigger):
    """Every interval, per user."""

    type: Literal["time"]
    timeUnit: Literal["hours", "days"]
    timeInterval: TimeInterval


class UserCreationTrigger(BaseTrigger):
    """Once, with the first event of a user."""

    type: Literal["user_creation"]


Trigger = Annotated[
    MetricTrigger | StreakTrigger | AchievementTrigger | TimeTrigger | UserCreationTrigger,
    Field(discriminator="type"),
]


def trigger_series(item: Trigger) -> str | None:
    """Return metric?filter of the subtotal that sets off a trigger, None where none does."""
    match item:
        case MetricTrigger():
            return series_of(item.metric, item.eventAttributes) if item.eventAttributes else None
        case StreakTrigger() | AchievementTrigger() | TimeTrigger() | UserCreationTrigger():
            return None
        case _:
            assert_never(item)
