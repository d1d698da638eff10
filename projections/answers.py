"""The shapes of the HTTP contract, made of definitions and rows: what the door and webhooks show.

Pure: a version of the definitions and rows in, plain dictionaries out; no SQL, no clock. Decimals
become doubles here and nowhere before (law 3). Fields that the contract calls optional are left
out rather than null. Source of the shapes: the published contract (docs/reference/http.md).

A row is a mapping with the columns of its table in sql/read.sql or sql/migrations. Every function
that takes a key raises LookupError when the version has no such item, archived ones included.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal, assert_never

from schemas.definitions import (
    Achievement,
    AchievementTrigger,
    ApiAchievement,
    Badge,
    Boost,
    CompositeAchievement,
    Level,
    Metric,
    MetricAchievement,
    MetricTrigger,
    PointsSystem,
    Streak,
    StreakAchievement,
    StreakTrigger,
    TimeTrigger,
    Trigger,
    UserCreationTrigger,
    id_of,
)
from schemas.instants import write_instant
from schemas.streak_state import StreakState
from schemas.versions import Version

Row = Mapping[str, Any]
Answer = dict[str, Any]


def user(row: Row, profile: Row | None) -> Answer:
    """Return a User from a row of `users` and, where there is one, of `own.profiles`.

    Whoever has no email address is not subscribed, whatever the default says (OD-8).
    """
    known = profile or {}
    email = known.get("email")
    subscribed = known.get("subscribe_to_emails")
    updated = max(row["updated"], known["updated"]) if profile else row["updated"]
    answer: Answer = {
        "id": row["user_id"],
        "email": email,
        "name": known.get("name"),
        "tz": row["tz"],
        "subscribeToEmails": email is not None and subscribed is not False,
        "attributes": dict(row["attributes"]),
        "control": False,
        "created": write_instant(row["created"]),
        "updated": write_instant(updated),
    }
    if known.get("device_tokens") is not None:
        answer["deviceTokens"] = list(known["device_tokens"])
    return answer


def metric(version: Version, key: str, current: Decimal, achievements: Sequence[Answer]) -> Answer:
    """Return a MetricResponse: a total, and all achievements of the metric."""
    item = metric_item(version, key)
    return {
        "id": id_of(version.tenant, "metrics", key),
        "key": key,
        "name": item.name,
        "current": float(current),
        "achievements": list(achievements),
    }


def points_system(version: Version, system_key: str) -> Answer:
    """Return a PointsResponse: what a points system is, without anybody's balance."""
    system = system_item(version, system_key)
    return {
        "id": id_of(version.tenant, "points", system_key),
        "key": system_key,
        "name": system.name,
        "description": system.description,
        "badgeUrl": _badge_url(system.badge),
        "maxPoints": system.maxPoints,
    }


def points_system_with_triggers(version: Version, system_key: str) -> Answer:
    """Return a PointsSystemResponse: a points system and its active triggers.

    The contract gives it no key.
    """
    answer = points_system(version, system_key)
    del answer["key"]
    answer["triggers"] = [
        trigger(version, system_key, item.key)
        for item in system_item(version, system_key).triggers
        if not item.archived and item.status == "active"
    ]
    return answer


def levels(version: Version, system_key: str) -> list[Answer]:
    """Return the PointsLevels of a system from the lowest to the highest, none that is archived."""
    kept = [item for item in system_item(version, system_key).levels if not item.archived]
    kept.sort(key=lambda item: (item.points, item.key))
    return [_level(version, system_key, item) for item in kept]


def level(version: Version, system_key: str, level_key: str | None) -> Answer | None:
    """Return a PointsLevel; None for no level."""
    if level_key is None:
        return None
    for item in system_item(version, system_key).levels:
        if item.key == level_key:
            return _level(version, system_key, item)
    raise LookupError(f"there is no level {level_key!r} in the points system {system_key!r}")


def level_at(version: Version, system_key: str, total: int | None) -> Answer | None:
    """Return the PointsLevel that a balance holds: the highest one reached (OD-26).

    None where no level is reached, and before a user's first award (OD-27: total None).
    """
    if total is None:
        return None
    levels = system_item(version, system_key).levels
    reached = [item for item in levels if not item.archived and item.points <= total]
    if not reached:
        return None
    return _level(version, system_key, max(reached, key=lambda item: (item.points, item.key)))


def _level(version: Version, system_key: str, item: Level) -> Answer:
    return {
        "id": id_of(version.tenant, "points", system_key, "levels", item.key),
        "key": item.key,
        "name": item.name,
        "description": item.description,
        "badgeUrl": _badge_url(item.badge),
        "points": item.points,
    }


def trigger(version: Version, system_key: str, trigger_key: str) -> Answer:
    """Return a PointsTrigger under the names of the read API."""
    item = trigger_item(version, system_key, trigger_key)
    stamp = version.stamps.get(f"{system_key}/{trigger_key}")
    return {
        "id": id_of(version.tenant, "points", system_key, "triggers", trigger_key),
        "type": item.type,
        "points": item.points,
        "status": "archived" if item.archived else item.status,
        **_trigger_details(version, item),
        "userAttributes": _pairs(item.userAttributes),
        "created": write_instant(stamp.created if stamp else version.at),
        "updated": write_instant(stamp.updated if stamp else version.at),
    }


def _trigger_details(version: Version, item: Trigger) -> Answer:
    match item:
        case MetricTrigger():
            return {
                "metricId": id_of(version.tenant, "metrics", item.metric),
                "metricName": metric_item(version, item.metric).name,
                "metricThreshold": item.metricThreshold,
                **_event_attributes(item.eventAttributes),
            }
        case AchievementTrigger():
            return {
                "achievementId": id_of(version.tenant, "achievements", item.achievement),
                "achievementName": achievement_item(version, item.achievement).name,
            }
        case StreakTrigger():
            return {"streakLengthThreshold": item.streakLength}
        case TimeTrigger():
            # The read API counts in the singular.
            return {"timeUnit": item.timeUnit.removesuffix("s"), "timeInterval": item.timeInterval}
        case UserCreationTrigger():
            return {}
        case _:
            assert_never(item)


def award(  # noqa: PLR0913  the contract's fields, and what they follow from
    version: Version,
    system_key: str,
    trigger_key: str | None,
    *,
    id: str,  # noqa: A002  the contract's name
    awarded: int,
    total: int,
    at: datetime | str,
    boosts: Sequence[str] | None = None,
    today: date | None = None,
) -> Answer:
    """Return a PointsAward: what was given or, negative, taken, and the balance after it.

    Without a trigger, which stands for an operator, the answer has none. `boosts` are the keys of
    those that multiplied it; their status is that of `today`, the user's local date, or else of the
    date of the award in UTC.
    """
    answer: Answer = {
        "id": id,
        "awarded": awarded,
        "date": write_instant(at) if isinstance(at, datetime) else at,
        "total": total,
    }
    if trigger_key is not None:
        answer["trigger"] = trigger(version, system_key, trigger_key)
    answer["boosts"] = []
    if boosts:
        instant = datetime.fromisoformat(at) if isinstance(at, str) else at
        day = today or instant.astimezone(UTC).date()
        answer["boosts"] = [boost(version, system_key, key, day) for key in boosts]
    return answer


def boost(version: Version, system_key: str, boost_key: str, today: date) -> Answer:
    """Return a PointsBoost as it stands on a date: its window is one of dates."""
    item = boost_item(version, system_key, boost_key)
    return {
        "id": id_of(version.tenant, "points", system_key, "boosts", boost_key),
        "name": item.name,
        "status": boost_status(item, today),
        "start": item.start.isoformat(),
        "end": item.end.isoformat() if item.end else None,
        "multiplier": float(item.multiplier),
        "rounding": item.rounding,
    }


def boost_status(item: Boost, today: date) -> Literal["active", "scheduled", "finished"]:
    """Return the status of a boost on a date, its last one included; an archived one is over."""
    if item.archived or (item.end is not None and item.end < today):
        return "finished"
    return "active" if item.start <= today else "scheduled"


def achievement(version: Version, key: str) -> Answer:
    """Return an AchievementResponse, with the deprecated `eventAttribute` where it has a filter."""
    item = achievement_item(version, key)
    return {
        "id": id_of(version.tenant, "achievements", key),
        "name": item.name,
        "trigger": item.trigger,
        "description": item.description,
        "badgeUrl": item.badgeUrl,
        **_achievement_details(version, item),
        "userAttributes": _pairs(item.userAttributes),
    }


def _achievement_details(version: Version, item: Achievement) -> Answer:
    match item:
        case MetricAchievement():
            return {
                "metricId": id_of(version.tenant, "metrics", item.metric),
                "metricName": metric_item(version, item.metric).name,
                "metricValue": float(item.metricValue),
                **_event_attributes(item.eventAttributes),
            }
        case StreakAchievement():
            return {"streakLength": item.streakLength}
        case ApiAchievement():
            return {"key": item.key}
        case CompositeAchievement():
            ids = [id_of(version.tenant, "achievements", part) for part in item.achievements]
            return {"achievementIds": ids}
        case _:
            assert_never(item)


def user_achievement(version: Version, key: str, achieved_at: datetime | str | None) -> Answer:
    """Return a UserAchievementResponse; `achieved_at` is None when not completed."""
    at = write_instant(achieved_at) if isinstance(achieved_at, datetime) else achieved_at
    return {**achievement(version, key), "achievedAt": at}


def with_stats(answer: Answer, completions: int, users: int) -> Answer:
    """Return an achievement with how many users completed it, and their share (OD-11)."""
    rarity = round(100 * completions / users, 2) if users else 0.0
    return {**answer, "completions": completions, "rarity": rarity}


def base_streak(streak: StreakState, settings: Streak) -> Answer:
    """Return a BaseStreakResponse.

    `settings` are those of the game. The fields of freezes are there only if it has freezes, and
    those of earning them only if they are earned too.
    """
    answer: Answer = {
        "length": streak.length,
        "frequency": streak.frequency,
        "started": _date(streak.started),
        "periodStart": _date(streak.periodStart),
        "periodEnd": _date(streak.periodEnd),
        "expires": _date(streak.expires),
    }
    if settings.maxFreezes:
        answer["freezes"] = streak.freezes or 0
        answer["maxFreezes"] = settings.maxFreezes
        if settings.freezeAutoEarnInterval and settings.freezeAutoEarnAmount:
            answer["freezeAutoEarnInterval"] = settings.freezeAutoEarnInterval
            answer["freezeAutoEarnAmount"] = settings.freezeAutoEarnAmount
    return answer


def metric_item(version: Version, key: str) -> Metric:
    """Return the definition of a metric."""
    for item in version.definitions.metrics:
        if item.key == key:
            return item
    raise LookupError(f"there is no metric {key!r}")


def system_item(version: Version, key: str) -> PointsSystem:
    """Return the definition of a points system."""
    for item in version.definitions.points:
        if item.key == key:
            return item
    raise LookupError(f"there is no points system {key!r}")


def trigger_item(version: Version, system_key: str, key: str) -> Trigger:
    """Return the definition of a trigger."""
    for item in system_item(version, system_key).triggers:
        if item.key == key:
            return item
    raise LookupError(f"there is no trigger {key!r} in the points system {system_key!r}")


def boost_item(version: Version, system_key: str, key: str) -> Boost:
    """Return the definition of a boost."""
    for item in system_item(version, system_key).boosts:
        if item.key == key:
            return item
    raise LookupError(f"there is no boost {key!r} in the points system {system_key!r}")


def achievement_item(version: Version, key: str) -> Achievement:
    """Return the definition of an achievement."""
    for item in version.definitions.achievements:
        if item.key == key:
            return item
    raise LookupError(f"there is no achievement {key!r}")


def _date(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _badge_url(badge: Badge | None) -> str | None:
    return badge.url if badge else None


def _pairs(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": text} for key, text in attributes.items()]


def _event_attributes(attributes: Mapping[str, str]) -> Answer:
    pairs = _pairs(attributes)
    return {"eventAttributes": pairs, **({"eventAttribute": pairs[0]} if pairs else {})}
