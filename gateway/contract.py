"""The words of the HTTP contract, for /openapi.json: what is answered. `bodies` has what is sent.

Shapes and names are those of the published contract (docs/reference/http.md), which wins over
taste. Nothing is built or checked by these types while serving: `projections.answers` and
`gateway.verdicts` build, `schemas.inputs` checks, and the tests hold the one against the other.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

Double = Annotated[float, Field(json_schema_extra={"format": "double"})]
Frequency = Literal["daily", "weekly", "monthly"]
Channel = Literal["email", "push"]


class ErrorBody(TypedDict):
    """Every answer other than 2xx."""

    error: Annotated[str, Field(description="What to change.")]


class Pair(TypedDict):
    """An attribute and its value."""

    key: str
    value: str


class User(TypedDict):
    """A user as they are known."""

    id: str
    email: str | None
    name: str | None
    tz: str | None
    deviceTokens: NotRequired[list[str] | None]
    subscribeToEmails: bool
    attributes: dict[str, str]
    control: bool
    created: datetime
    updated: datetime


class AchievementResponse(TypedDict):
    """An achievement; which of the optional fields are there depends on its trigger."""

    id: str
    name: str
    trigger: Literal["metric", "streak", "api", "achievement"]
    description: str | None
    badgeUrl: str | None
    key: NotRequired[str]
    streakLength: NotRequired[int]
    achievementIds: NotRequired[list[str]]
    metricId: NotRequired[str]
    metricValue: NotRequired[Double]
    metricName: NotRequired[str]
    userAttributes: list[Pair]
    eventAttribute: NotRequired[Annotated[Pair, Field(deprecated=True)]]
    eventAttributes: NotRequired[list[Pair]]


class UserAchievementResponse(AchievementResponse):
    """An achievement, and when the user completed it."""

    achievedAt: datetime | None


class UserAchievementWithStatsResponse(UserAchievementResponse):
    """An achievement of a user, and how rare it is."""

    completions: int
    rarity: Annotated[Double, Field(description="Share of all users who completed it, in %.")]


class AchievementWithStatsResponse(AchievementResponse):
    """An achievement, and how rare it is."""

    completions: int
    rarity: Annotated[Double, Field(description="Share of all users who completed it, in %.")]


class MetricResponse(TypedDict):
    """A user's total of a metric."""

    id: str
    key: str
    name: str
    current: Double
    achievements: list[UserAchievementResponse]


class BaseStreakResponse(TypedDict):
    """A streak. Without one the length is 0 and the dates are null."""

    length: int
    frequency: Frequency
    started: date | None
    periodStart: date | None
    periodEnd: date | None
    expires: Annotated[date | None, Field(description="Last date on which it can be saved.")]
    freezes: NotRequired[int]
    maxFreezes: NotRequired[int]
    freezeAutoEarnInterval: NotRequired[int]
    freezeAutoEarnAmount: NotRequired[int]


class MetricEventStreakResponse(BaseStreakResponse):
    """The streak after an event."""

    extended: Annotated[bool, Field(description="Whether this event made it longer.")]


class StreakPeriod(TypedDict):
    """A period and the length of the streak in it: 0 where it was not satisfied."""

    periodStart: date
    periodEnd: date
    length: int
    usedFreeze: NotRequired[bool]
    usedPause: bool


class StreakPause(TypedDict):
    """Dates in which the streak is kept without activity."""

    id: str
    start: date
    end: date


class StreakResponse(BaseStreakResponse):
    """A streak with its history."""

    extended: Annotated[datetime | None, Field(description="When it last became longer.")]
    streakHistory: list[StreakPeriod]
    pauses: list[StreakPause]


class BulkStreak(TypedDict):
    """The streak of one of several users."""

    userId: str
    streakLength: int
    extended: Annotated[str | None, Field(description="When it last became longer.")]


class EventSummary(TypedDict):
    """What was added in a period."""

    date: Annotated[date, Field(description="First date of the period.")]
    total: Annotated[Double, Field(description="At the end of the period.")]
    change: Double


class PointsTrigger(TypedDict):
    """What points are given for; which of the optional fields are there depends on its type."""

    id: str
    type: Literal["metric", "achievement", "streak", "time", "user_creation"]
    points: int
    status: Literal["active", "inactive", "archived"]
    achievementId: NotRequired[str]
    metricId: NotRequired[str]
    metricName: NotRequired[str]
    metricThreshold: NotRequired[int]
    streakLengthThreshold: NotRequired[int]
    achievementName: NotRequired[str]
    timeUnit: NotRequired[Literal["hour", "day"]]
    timeInterval: NotRequired[int]
    userAttributes: list[Pair]
    eventAttribute: NotRequired[Annotated[Pair, Field(deprecated=True)]]
    eventAttributes: NotRequired[list[Pair]]
    created: datetime
    updated: datetime


class PointsBoost(TypedDict):
    """A multiplier on points."""

    id: str
    name: str
    status: Literal["active", "scheduled", "finished"]
    start: str
    end: str | None
    multiplier: float
    rounding: Literal["down", "up", "nearest"]


class PointsAward(TypedDict):
    """Points that were given or, negative, taken, and the balance after it."""

    id: NotRequired[str]
    awarded: NotRequired[int]
    date: NotRequired[str]
    total: NotRequired[int]
    trigger: NotRequired[PointsTrigger]
    boosts: NotRequired[list[PointsBoost]]


class PointsLevel(TypedDict):
    """A rank that is held from a balance on."""

    id: str
    key: str
    name: str
    description: str
    badgeUrl: str | None
    points: int


class PointsResponse(TypedDict):
    """A points system."""

    id: str
    key: str
    name: str
    description: str | None
    badgeUrl: str | None
    maxPoints: float | None


class PointsSystemResponse(TypedDict):
    """A points system and its active triggers."""

    id: str
    name: str
    description: str | None
    badgeUrl: str | None
    maxPoints: float | None
    triggers: list[PointsTrigger]


# The functional form, because `from` is a word of the language.
PointsRange = TypedDict("PointsRange", {"from": int, "to": int, "users": int})
PointsRange.__doc__ = "How many users have a balance between two, both included."


class PointsLevelUsers(TypedDict):
    """A level, and how many users are at it."""

    level: PointsLevel
    users: int


class GetUserPointsResponse(PointsResponse):
    """A user's points in a system, with the newest awards first."""

    total: int
    level: PointsLevel | None
    awards: list[PointsAward]


class MetricEventPointsResponse(PointsResponse):
    """What an event did to a user's points in a system."""

    total: int
    level: NotRequired[Annotated[PointsLevel | None, Field(description="Only if it changed.")]]
    added: int
    awards: list[PointsAward]


class EventResponse(TypedDict):
    """What an event led to."""

    eventId: str
    metricId: str
    total: Double
    achievements: list[UserAchievementResponse]
    currentStreak: MetricEventStreakResponse
    points: dict[str, MetricEventPointsResponse]
    # Boards come with a later version; the map is there and empty.
    leaderboards: dict[str, dict[str, Any]]
    idempotencyKey: NotRequired[str]
    idempotentReplayed: NotRequired[bool]


class AchievementCompletionResponse(TypedDict):
    """What completing an achievement by request led to."""

    completionId: str
    achievement: UserAchievementResponse
    points: dict[str, MetricEventPointsResponse]


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
