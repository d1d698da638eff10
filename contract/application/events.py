"""Metric events: what is sent, and what is answered, made of the ledger's record on the event.

Pure. What the answer says follows from that one record and the definitions that it was judged by,
never from a projection; only where no record has come in time do rows stand in for it (`pending`).
"""

from datetime import datetime
from typing import Annotated, Any, NamedTuple, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from contract.application.achievements import UserAchievementResponse, user_achievement
from contract.application.effects import MetricEventPointsResponse, points_effects
from contract.application.streaks import MetricEventStreakResponse, base_streak
from contract.application.users import UpsertedUser
from contract.application.values import Double
from schemas.definitions import id_of
from schemas.entries import AchievementEntry, StreakEntry
from schemas.records import Record, event_id_of, time_text
from schemas.streak_state import StreakState
from schemas.versions import Version


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


class MetricState(NamedTuple):
    """A user's total of a metric, and their streak: after an event, or without it."""

    total: float
    streak: StreakState


def event_response(
    version: Version,
    record: Record,
    metric: str,
    key: str | None,
    fallback: MetricState | None = None,
) -> EventResponse:
    """Return the EventResponse for an applied or a replayed record.

    `key` is the idempotency key that the request had. `fallback` stands in for the state of a
    record that has none. A replay has no effects and bears the first event's id (OD-3).
    """
    replayed = record.outcome == "replayed"
    answered = record.state
    if answered is not None and answered.total is not None:
        state = MetricState(float(answered.total), answered.streak)
    else:
        assert fallback is not None, "a record without state needs the projection's word"
        state = fallback
    event_id = (record.first if replayed else None) or event_id_of(record)
    answer = _answer(version, event_id, metric, state)
    if not replayed:
        answer["achievements"] = [
            user_achievement(version, entry.achievement, time_text(record))
            for entry in record.entries
            if isinstance(entry, AchievementEntry) and not entry.quiet
        ]
        answer["currentStreak"]["extended"] = _extended(record, state.streak)
        answer["points"] = points_effects(version, record)
    return _with_key(answer, key, replayed=replayed)


def pending(
    version: Version, event_id: str, metric: str, key: str | None, state: MetricState
) -> EventResponse:
    """Return a whole EventResponse for an event that the broker has and nobody has judged yet.

    `state` is what the projection knows: without this event.
    """
    return _with_key(_answer(version, event_id, metric, state), key, replayed=False)


def _answer(version: Version, event_id: str, metric: str, state: MetricState) -> EventResponse:
    return {
        "eventId": event_id,
        "metricId": id_of(version.tenant, "metrics", metric),
        "total": state.total,
        "achievements": [],
        "currentStreak": {
            **base_streak(state.streak, version.definitions.streak),
            "extended": False,
        },
        "points": {},
        "leaderboards": {},
    }


def _with_key(answer: EventResponse, key: str | None, *, replayed: bool) -> EventResponse:
    if key is not None:
        answer["idempotencyKey"] = key
        answer["idempotentReplayed"] = replayed
    return answer


def _extended(record: Record, streak: StreakState) -> bool:
    return any(
        isinstance(entry, StreakEntry)
        and entry.frequency == streak.frequency
        and entry.change in ("started", "extended")
        for entry in record.entries
    )
