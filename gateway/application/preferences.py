"""A user's preferences: the streak part is judged, notifications are only kept."""

# ruff: noqa: FAST003  path parameters are taken, and decoded, by the dependency UserId

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field, StrictBool

from contract.application.preferences import UserPreferencesResponse, check_personal, preferences
from gateway.application.users import existing_user, known_by_now, no_user
from gateway.http.dependencies import UserId
from gateway.http.requests import body_of, read_body, read_model, read_object
from gateway.http.responses import Json, Route, done, ok, written
from gateway.services import Context
from projections.database import Connection
from projections.preferences import notifications_of, set_notifications
from projections.protection import preferences_of
from schemas.entries import PreferencesEntry, StreakMetricPreference, StreakPreferences
from schemas.numbers import number
from schemas.records import Record
from schemas.strict import Key, Strict, Value
from schemas.versions import Version

Channels = Annotated[tuple[Literal["email", "push"], ...], Field(max_length=10)]

router = APIRouter(prefix="/v1/users", tags=["Users"], route_class=Route)


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


@router.get(
    "/{id}/preferences",
    operation_id="users_get_preferences",
    summary="Get a user's preferences",
    responses=ok(404),
)
async def users_get_preferences(context: Context, user_id: UserId) -> Json[UserPreferencesResponse]:
    """Return what the user set, of the streak and of notifications."""
    return Json(await context.read(_stored, user_id))


@router.patch(
    "/{id}/preferences",
    operation_id="users_update_preferences",
    summary="Change a user's preferences",
    responses=done(200, 400, 404, 413),
    openapi_extra=body_of("UpdateUserPreferencesRequest"),
)
async def users_update_preferences(
    context: Context, user_id: UserId, request: Request
) -> Json[UserPreferencesResponse]:
    """Set what is given; the rest stays."""
    services, tenant, _ = context
    body = read_object(await read_body(request), "notifications and streak")
    change = read_model(Change, body)
    if await known_by_now(services, tenant, user_id) is None:
        raise no_user()
    wanted = change.streak.model_fields_set
    if wanted & {"mode", "metrics"}:
        await services.definitions.checked(tenant, check_personal)
    record = None
    if wanted:
        value = {"type": "preferences", "streak": _input(body["streak"])}
        record = await services.log.submit(tenant, user_id, value)
    channels = _channels(change.notifications)
    async with services.database.connection() as connection:
        if channels:
            kept = await set_notifications(connection, tenant, user_id, channels)
        else:
            kept = await notifications_of(connection, tenant, user_id)
        streak = await preferences_of(connection, tenant, user_id)
    answer = preferences(kept, _after(streak, change.streak, record))
    return written(answer, 200, pending=bool(wanted) and record is None)


async def _stored(
    connection: Connection, version: Version, user_id: str
) -> UserPreferencesResponse:
    await existing_user(connection, version.tenant, user_id)
    return preferences(
        await notifications_of(connection, version.tenant, user_id),
        await preferences_of(connection, version.tenant, user_id),
    )


def _channels(given: NotificationChange) -> dict[str, list[str]]:
    return {
        kind: list(dict.fromkeys(getattr(given, kind)))
        for kind in type(given).model_fields
        if kind in given.model_fields_set
    }


def _input(streak: dict[str, Any]) -> dict[str, Any]:
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
