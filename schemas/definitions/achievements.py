"""Achievements: one class per kind, told apart by `trigger`.

Whoever treats kinds differently does so by a `match` that ends in `assert_never`: a kind that is
added is then an error of types wherever it is forgotten.
"""

from typing import Annotated, Literal, assert_never

from pydantic import Field

from schemas.definitions.fields import (
    AtLeastOne,
    Filter,
    Item,
    Key,
    Listed,
    Name,
    Text,
    Threshold,
    Url,
    at_most,
)
from schemas.definitions.ids import series_of
from schemas.definitions.limits import ITEMS_MAX


class BaseAchievement(Item):
    """What every achievement has."""

    name: Name
    description: Text | None = None
    badgeUrl: Url | None = None
    userAttributes: Filter = {}
    status: Literal["inactive", "active", "locked"] = "active"


class MetricAchievement(BaseAchievement):
    """Completed when a metric's total, or its subtotal of matching events, reaches a value."""

    trigger: Literal["metric"]
    metric: Key
    metricValue: Threshold
    eventAttributes: Filter = {}


class StreakAchievement(BaseAchievement):
    """Completed when the streak reaches a length."""

    trigger: Literal["streak"]
    streakLength: AtLeastOne


class ApiAchievement(BaseAchievement):
    """Completed by a request."""

    trigger: Literal["api"]


class CompositeAchievement(BaseAchievement):
    """Completed with the last of its parts."""

    trigger: Literal["achievement"]
    achievements: Annotated[Listed[Key], Field(min_length=1), at_most(ITEMS_MAX, "achievements")]


Achievement = Annotated[
    MetricAchievement | StreakAchievement | ApiAchievement | CompositeAchievement,
    Field(discriminator="trigger"),
]


def achievement_series(item: Achievement) -> str | None:
    """Return metric?filter of the subtotal that completes an achievement, None where none does."""
    match item:
        case MetricAchievement():
            return series_of(item.metric, item.eventAttributes) if item.eventAttributes else None
        case StreakAchievement() | ApiAchievement() | CompositeAchievement():
            return None
        case _:
            assert_never(item)


def parts_of(item: Achievement) -> list[str]:
    """Return the keys of the achievements that one is made of, none where it is made of none."""
    match item:
        case CompositeAchievement():
            return item.achievements
        case MetricAchievement() | StreakAchievement() | ApiAchievement():
            return []
        case _:
            assert_never(item)
