"""The words of the HTTP contract, for /openapi.json: what is sent, and what is answered.

Shapes and names are those of the published contract (semantics, appendix B.1), which wins over
taste. Nothing is built or checked by these types while serving: `projections.answers` and
`gateway.verdicts` build, `schemas.events` checks, and the tests hold the one against the other.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

Double = Annotated[float, Field(json_schema_extra={"format": "double"})]
Frequency = Literal["daily", "weekly", "monthly"]


class ErrorBody(TypedDict):
    """Every answer other than 2xx."""

    error: Annotated[str, Field(description="What to change.")]


class Pair(TypedDict):
    """An attribute and its value."""

    key: str
    value: str


class UpsertedUser(TypedDict):
    """The user of an event. What is given overwrites what is known; what is left out stays."""

    id: Annotated[str, Field(min_length=1, max_length=255)]
    email: NotRequired[str]
    name: NotRequired[str]
    tz: NotRequired[Annotated[str | None, Field(description="IANA time zone.")]]
    deviceTokens: NotRequired[list[str] | None]
    subscribeToEmails: NotRequired[Annotated[bool, Field(json_schema_extra={"default": True})]]
    attributes: NotRequired[dict[str, str]]


class EventRequest(TypedDict):
    """A change of one metric of one user."""

    user: UpsertedUser
    value: Annotated[Double, Field(description="What is added to the total; may be negative.")]
    attributes: NotRequired[dict[str, str]]
    occurredAt: NotRequired[
        Annotated[
            datetime,
            Field(description="When it happened, if not now. An addition to the contract."),
        ]
    ]


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
