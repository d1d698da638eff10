"""A user's preferences: the streak part is judged, notifications are only kept."""

from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool

from gateway import checks, reads
from gateway.errors import ApiError
from gateway.parts import Parts
from gateway.settled import known_by_now
from gateway.submit import submit
from gateway.users import Written
from projections.database import Connection
from projections.preferences import notifications_of, set_notifications
from projections.streaks import preferences_of
from schemas.entries import PreferencesEntry, StreakMetricPreference, StreakPreferences
from schemas.numbers import number
from schemas.records import Record
from schemas.strict import Key, Strict, Value
from schemas.versions import Version

Answer = dict[str, Any]
Channels = Annotated[tuple[Literal["email", "push"], ...], Field(max_length=10)]


class NotificationChange(Strict):
    """Kinds of notification and the channels to send them on; none: do not send."""

    achievement_completed: Channels = ()
    recap: Channels = ()
    reactivation: Channels = ()
    streak_reminder: Channels = ()


class ConditionChange(Strict):
    """A user's own condition of the streak."""

    key: Key
    threshold: Value


class StreakChange(Strict):
    """What is to be set of the streak; what is left out stays as it is."""

    enabled: StrictBool = True
    mode: Annotated[Literal["AND", "OR"], Field(alias="evaluationMode")] = "OR"
    metrics: Annotated[tuple[ConditionChange, ...], Field(max_length=100)] = ()


class Change(Strict):
    """The body of a request."""

    notifications: NotificationChange = NotificationChange()
    streak: StreakChange = StreakChange()


async def preferences(connection: Connection, version: Version, user_id: str) -> Answer:
    """Return a UserPreferencesResponse; ApiError 404 for an unknown user."""
    await reads.known_user(connection, version.tenant, user_id)
    return _answer(
        await notifications_of(connection, version.tenant, user_id),
        await preferences_of(connection, version.tenant, user_id),
    )


async def update(parts: Parts, tenant: str, user_id: str, body: dict[str, Any]) -> Written:
    """Set what `body`, an UpdateUserPreferencesRequest, gives; the rest stays as it is.

    Raises ApiError: 403 for conditions where the game lets nobody have their own, 404 for an
    unknown user, 422 for what the checks or the judge refuse, 503 when something is away.
    """
    change = checks.read_model(Change, body)
    if await known_by_now(parts, tenant, user_id) is None:
        raise reads.no_user()
    wanted = change.streak.model_fields_set
    if wanted & {"mode", "metrics"}:
        await _check_personalization(parts, tenant)
    pending = False
    record = None
    if wanted:
        value = {"type": "preferences", "streak": _input(body["streak"])}
        record = await submit(parts, tenant, user_id, value)
        pending = record is None
    given = change.notifications
    channels = {
        kind: list(dict.fromkeys(getattr(given, kind)))
        for kind in type(given).model_fields
        if kind in given.model_fields_set
    }
    async with parts.database.connection() as connection:
        if channels:
            kept = await set_notifications(connection, tenant, user_id, channels)
        else:
            kept = await notifications_of(connection, tenant, user_id)
        streak = await preferences_of(connection, tenant, user_id)
    return Written(_answer(kept, _after(streak, change.streak, record)), pending)


async def _check_personalization(parts: Parts, tenant: str) -> None:
    version = parts.head(tenant)
    if version is None or not version.definitions.streak.personalization:
        # It may have been turned on since.
        await parts.refreshed()
        version = parts.head(tenant)
    if version is None or not version.definitions.streak.personalization:
        raise ApiError(
            403,
            "streak.evaluationMode and streak.metrics need personalization of streaks, which this "
            "game does not have; streak.enabled may be set.",
        )


def _input(streak: dict[str, Any]) -> Answer:
    """Return the streak part as inputs have it: they speak of a metric, not of a key."""
    if "metrics" not in streak:
        return streak
    conditions = [
        {"metric": condition["key"], "threshold": condition["threshold"]}
        for condition in streak["metrics"]
    ]
    return {**streak, "metrics": conditions}


def _after(
    stored: StreakPreferences, change: StreakChange, record: Record | None
) -> StreakPreferences:
    """Return the streak settings after a change: the judge's word, or what it will be."""
    for entry in record.entries if record else ():
        if isinstance(entry, PreferencesEntry):
            return entry.streak
    given = change.model_fields_set
    conditions = [StreakMetricPreference(it.key, number(it.threshold)) for it in change.metrics]
    return StreakPreferences(
        change.enabled if "enabled" in given else stored.enabled,
        change.mode if "mode" in given else stored.evaluationMode,
        tuple(conditions) if "metrics" in given else stored.metrics,
    )


def _answer(notifications: dict[str, list[str]], streak: StreakPreferences) -> Answer:
    shown: Answer = {"enabled": streak.enabled is not False}
    if streak.evaluationMode is not None:
        shown["evaluationMode"] = streak.evaluationMode
    if streak.metrics is not None:
        shown["metrics"] = [
            {"key": it.metric, "threshold": float(it.threshold)} for it in streak.metrics
        ]
    return {"notifications": notifications, "streak": shown}
