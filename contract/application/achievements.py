"""Achievements: what is answered, and what a request to complete one has and is answered."""

from collections.abc import Collection
from datetime import datetime
from typing import Annotated, Literal, NotRequired, assert_never

from pydantic import Field
from typing_extensions import TypedDict

from contract.application.effects import MetricEventPointsResponse, points_effects
from contract.application.users import UpsertedUser
from contract.application.values import Double, Instant, Pair, instant_text, pairs
from contract.items import achievement_item, metric_item
from schemas.definitions import (
    Achievement,
    ApiAchievement,
    CompositeAchievement,
    MetricAchievement,
    StreakAchievement,
    id_of,
)
from schemas.records import Record
from schemas.versions import Version


class AchievementDetails(TypedDict):
    """What an achievement has because of its trigger."""

    key: NotRequired[str]
    streakLength: NotRequired[int]
    achievementIds: NotRequired[list[str]]
    metricId: NotRequired[str]
    metricValue: NotRequired[Double]
    metricName: NotRequired[str]
    eventAttribute: NotRequired[Annotated[Pair, Field(deprecated=True)]]
    eventAttributes: NotRequired[list[Pair]]


class AchievementResponse(AchievementDetails):
    """An achievement; which of the optional fields are there depends on its trigger."""

    id: str
    name: str
    trigger: Literal["metric", "streak", "api", "achievement"]
    description: str | None
    badgeUrl: str | None
    userAttributes: list[Pair]


class UserAchievementResponse(AchievementResponse):
    """An achievement, and when the user completed it."""

    achievedAt: Instant | None


class UserAchievementWithStatsResponse(UserAchievementResponse):
    """An achievement of a user, and how rare it is."""

    completions: int
    rarity: Annotated[Double, Field(description="Share of all users who completed it, in %.")]


class AchievementWithStatsResponse(AchievementResponse):
    """An achievement, and how rare it is."""

    completions: int
    rarity: Annotated[Double, Field(description="Share of all users who completed it, in %.")]


class CompletionRequest(TypedDict):
    """Who completed the achievement."""

    user: UpsertedUser


class AchievementCompletionResponse(TypedDict):
    """What completing an achievement by request led to."""

    completionId: str
    achievement: UserAchievementResponse
    points: dict[str, MetricEventPointsResponse]


def achievement(version: Version, key: str) -> AchievementResponse:
    """Return an AchievementResponse, with the deprecated `eventAttribute` where it has a filter."""
    item = achievement_item(version, key)
    return {
        "id": id_of(version.tenant, "achievements", key),
        "name": item.name,
        "trigger": item.trigger,
        "description": item.description,
        "badgeUrl": item.badgeUrl,
        **_details(version, item),
        "userAttributes": pairs(item.userAttributes),
    }


def _details(version: Version, item: Achievement) -> AchievementDetails:
    match item:
        case MetricAchievement():
            details: AchievementDetails = {
                "metricId": id_of(version.tenant, "metrics", item.metric),
                "metricName": metric_item(version, item.metric).name,
                "metricValue": float(item.metricValue),
                "eventAttributes": pairs(item.eventAttributes),
            }
            if item.eventAttributes:
                details["eventAttribute"] = pairs(item.eventAttributes)[0]
            return details
        case StreakAchievement():
            return {"streakLength": item.streakLength}
        case ApiAchievement():
            return {"key": item.key}
        case CompositeAchievement():
            ids = [id_of(version.tenant, "achievements", part) for part in item.achievements]
            return {"achievementIds": ids}
        case _:
            assert_never(item)


def user_achievement(
    version: Version, key: str, achieved_at: datetime | str | None
) -> UserAchievementResponse:
    """Return a UserAchievementResponse; `achieved_at` is None when not completed."""
    return {**achievement(version, key), "achievedAt": instant_text(achieved_at)}


def rarity(completions: int, users: int) -> float:
    """Return the share of all users who completed an achievement, in percent (OD-11)."""
    return round(100 * completions / users, 2) if users else 0.0


def achievement_with_stats(
    version: Version, key: str, completions: int, users: int
) -> AchievementWithStatsResponse:
    """Return an achievement with how many of how many users completed it."""
    return {
        **achievement(version, key),
        "completions": completions,
        "rarity": rarity(completions, users),
    }


def user_achievement_with_stats(
    version: Version, key: str, achieved_at: datetime | None, completions: int, users: int
) -> UserAchievementWithStatsResponse:
    """Return a user's achievement with how many of how many users completed it."""
    return {
        **user_achievement(version, key, achieved_at),
        "completions": completions,
        "rarity": rarity(completions, users),
    }


def completion(
    version: Version, user: str, key: str, at: datetime | str | None, record: Record | None
) -> AchievementCompletionResponse:
    """Return what a completion led to; without a record it had no effects.

    A repeat bears the same completion id (OD-10): it follows from who completed what, so nobody
    has to remember it.
    """
    return {
        "completionId": id_of(version.tenant, "completions", user, key),
        "achievement": user_achievement(version, key, at),
        "points": points_effects(version, record) if record else {},
    }


def visible(version: Version, held: Collection[str]) -> list[Achievement]:
    """Return what a user may see: what is active, and of what is locked that which they hold."""
    return [
        item
        for item in version.definitions.achievements
        if not item.archived
        and (item.status == "active" or (item.status == "locked" and item.key in held))
    ]
