"""Metrics: a user's total of one, and its achievements."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from typing_extensions import TypedDict

from contract.application.achievements import UserAchievementResponse, user_achievement, visible
from contract.application.values import Double
from contract.items import metric_item
from schemas.definitions import MetricAchievement, id_of
from schemas.versions import Version


class MetricResponse(TypedDict):
    """A user's total of a metric."""

    id: str
    key: str
    name: str
    current: Double
    achievements: list[UserAchievementResponse]


def metric(
    version: Version, key: str, current: Decimal, achieved: Mapping[str, datetime]
) -> MetricResponse:
    """Return a MetricResponse: a total, and those achievements of the metric that a user may see.

    `achieved` is when the user completed what they did, by the achievement's key.
    """
    return {
        "id": id_of(version.tenant, "metrics", key),
        "key": key,
        "name": metric_item(version, key).name,
        "current": float(current),
        "achievements": [
            user_achievement(version, item.key, achieved.get(item.key))
            for item in visible(version, achieved)
            if isinstance(item, MetricAchievement) and item.metric == key
        ],
    }
