"""A user's preferences: what is sent and answered."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, NotRequired, cast

from pydantic import Field
from typing_extensions import TypedDict

from contract.application.values import Channel
from contract.errors import NotPersonalError
from schemas import entries
from schemas.versions import Version


class NotificationPreferences(TypedDict):
    """Channels by kind of notification: none is off, and what was never set is absent."""

    achievement_completed: NotRequired[list[Channel]]
    recap: NotRequired[list[Channel]]
    reactivation: NotRequired[list[Channel]]
    streak_reminder: NotRequired[list[Channel]]


class StreakMetricPreference(TypedDict):
    """A user's own condition of the streak: the least change of a metric within a period."""

    key: str
    threshold: float


class StreakPreferences(TypedDict):
    """What a user set of the streak; what is absent follows the game."""

    enabled: NotRequired[Annotated[bool, Field(json_schema_extra={"default": True})]]
    evaluationMode: NotRequired[Literal["OR", "AND"]]
    metrics: NotRequired[list[StreakMetricPreference]]


class UserPreferencesResponse(TypedDict):
    """A user's preferences."""

    notifications: NotificationPreferences
    streak: NotRequired[StreakPreferences]


class UpdateUserPreferencesRequest(TypedDict):
    """What a user wants to be different; what is left out stays."""

    notifications: NotRequired[NotificationPreferences]
    streak: NotRequired[StreakPreferences]


def preferences(
    notifications: Mapping[str, Sequence[str]], streak: entries.StreakPreferences
) -> UserPreferencesResponse:
    """Return a UserPreferencesResponse; `notifications` is as it was stored once checked."""
    shown: StreakPreferences = {"enabled": streak.enabled is not False}
    if streak.evaluationMode is not None:
        shown["evaluationMode"] = streak.evaluationMode
    if streak.metrics is not None:
        shown["metrics"] = [
            {"key": it.metric, "threshold": float(it.threshold)} for it in streak.metrics
        ]
    kept = cast("NotificationPreferences", dict(notifications))
    return {"notifications": kept, "streak": shown}


def check_personal(version: Version | None) -> None:
    """Check that users may have conditions of the streak of their own; NotPersonalError."""
    if version is None or not version.definitions.streak.personalization:
        raise NotPersonalError(
            "streak.evaluationMode and streak.metrics need personalization of streaks, which this "
            "game does not have; streak.enabled may be set."
        )
