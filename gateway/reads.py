"""The reads: from a user's rows and the definitions to the answers of the GET operations.

No HTTP in here but the errors; a read never asks the broker and decides nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from gateway import streaks
from gateway.errors import ApiError
from projections import answers
from projections.achievements import completion_counts, completions_of
from projections.current import current_streak, current_streaks
from projections.database import Connection
from projections.points import balance, newest_awards
from projections.streaks import streak_history
from projections.totals import total, totals_of
from projections.users import User, user, user_count
from schemas.definitions import Achievement, MetricAchievement
from schemas.streak_state import StreakState
from schemas.versions import Version
from schemas.zones import local_date

Answer = dict[str, Any]


async def known_user(connection: Connection, tenant: str, user_id: str) -> User:
    """Return a user; ApiError 404 for one who never did anything."""
    # Postgres has no text with a NUL in it, so nobody is called that.
    found = None if "\0" in user_id else await user(connection, tenant, user_id)
    if found is None:
        raise no_user()
    return found


def no_user() -> ApiError:
    """Return the error for a user who never did anything."""
    return ApiError(404, "There is no such user: a user comes to be with their first event.")


def user_answer(found: User) -> Answer:
    """Return a User."""
    row = asdict(found)
    return answers.user({**row, "user_id": found.id}, row)


async def metrics(connection: Connection, version: Version, user_id: str) -> list[Answer]:
    """Return a MetricResponse for each metric in use."""
    achieved = await _achieved(connection, version.tenant, user_id)
    totals = await totals_of(connection, version.tenant, user_id)
    return [
        _metric(version, item.key, totals.get(item.key, Decimal(0)), achieved)
        for item in version.definitions.metrics
        if not item.archived
    ]


async def metric(connection: Connection, version: Version, user_id: str, key: str) -> Answer:
    """Return the MetricResponse of one metric; ApiError 404 for an unknown or archived one."""
    known_metric(version, key)
    achieved = await _achieved(connection, version.tenant, user_id)
    return _metric(version, key, await total(connection, version.tenant, user_id, key), achieved)


def _metric(version: Version, key: str, current: Decimal, achieved: dict[str, datetime]) -> Answer:
    of_metric = [
        answers.user_achievement(version, item.key, achieved.get(item.key))
        for item in _visible(version, achieved)
        if isinstance(item, MetricAchievement) and item.metric == key
    ]
    return answers.metric(version, key, current, of_metric)


async def _achieved(connection: Connection, tenant: str, user_id: str) -> dict[str, datetime]:
    rows = await completions_of(connection, tenant, user_id)
    return {row.achievement: row.achieved_at for row in rows}


def _visible(version: Version, achieved: dict[str, datetime]) -> list[Achievement]:
    """Return what a user may see: what is active, and of what is locked that which they hold."""
    return [
        item
        for item in version.definitions.achievements
        if not item.archived
        and (item.status == "active" or (item.status == "locked" and item.key in achieved))
    ]


async def achievements(
    connection: Connection, version: Version, user_id: str, *, incomplete: bool
) -> list[Answer]:
    """Return the completed achievements in the order of completion, then those not completed."""
    achieved = await _achieved(connection, version.tenant, user_id)
    visible = [item.key for item in _visible(version, achieved)]
    keys = [key for key in achieved if key in visible]
    if incomplete:
        keys += [key for key in visible if key not in achieved]
    counts = await completion_counts(connection, version.tenant)
    users = await user_count(connection, version.tenant)
    return [
        answers.with_stats(
            answers.user_achievement(version, key, achieved.get(key)), counts.get(key, 0), users
        )
        for key in keys
    ]


async def every_achievement(
    connection: Connection, version: Version, attributes: Mapping[str, str] | None
) -> list[Answer]:
    """Return the achievements that anybody can complete, each with how rare it is.

    With attributes: those that a user who has these, and no others, can complete.
    """
    counts = await completion_counts(connection, version.tenant)
    users = await user_count(connection, version.tenant)
    return [
        answers.with_stats(answers.achievement(version, item.key), counts.get(item.key, 0), users)
        for item in _visible(version, {})
        if attributes is None or item.userAttributes.items() <= attributes.items()
    ]


async def streak_answer(
    connection: Connection, version: Version, user_id: str, now: datetime, history: int
) -> Answer:
    """Return a StreakResponse as of `now`, with so many periods of history."""
    frequency = version.definitions.streak.frequency
    row = await current_streak(connection, version.tenant, user_id, frequency)
    shown = streaks.periods(version, streaks.today_of(version, row, now), history)
    rows = await streak_history(connection, version.tenant, user_id, frequency, shown[0])
    return streaks.response(version, row, shown, {it.period: it for it in rows}, now)


async def bulk_streaks(
    connection: Connection, version: Version, users: Sequence[str], now: datetime
) -> list[Answer]:
    """Return a BulkStreakResponse: the longest first, who has none last."""
    frequency = version.definitions.streak.frequency
    # Postgres has no text with a NUL in it, so nobody is called that.
    real = [user_id for user_id in dict.fromkeys(users) if "\0" not in user_id]
    rows = {
        it.user: it for it in await current_streaks(connection, version.tenant, real, frequency)
    }
    found: list[Answer] = []
    for user_id in dict.fromkeys(users):
        row = rows.get(user_id)
        state = streaks.current(version, row, now) if row else None
        found.append(
            {
                "userId": user_id,
                "streakLength": state.length if state else 0,
                "extended": streaks.extended(row, state) if row and state else None,
            }
        )
    return sorted(found, key=lambda it: -it["streakLength"])


async def total_and_streak(
    connection: Connection, version: Version, user_id: str, key: str, now: datetime
) -> tuple[float, StreakState]:
    """Return a metric's total and the streak of a user who may not be known yet."""
    frequency = version.definitions.streak.frequency
    row = await current_streak(connection, version.tenant, user_id, frequency)
    reached = await total(connection, version.tenant, user_id, key)
    return float(reached), streaks.current(version, row, now)


async def points(
    connection: Connection, version: Version, user_id: str, system: str, awards: int
) -> Answer:
    """Return a GetUserPointsResponse, newest awards first; ApiError 404 for an unknown system."""
    known_system(version, system)
    held = await balance(connection, version.tenant, user_id, system)
    rows = await newest_awards(connection, version.tenant, user_id, system, awards)
    return {
        **answers.points_system(version, system),
        "total": held or 0,
        "level": answers.level_at(version, system, held),
        "awards": [
            answers.award(
                version,
                system,
                row.trigger,
                id=row.id,
                awarded=row.awarded,
                total=row.total,
                at=row.at,
                boosts=row.boosts,
            )
            for row in rows
        ],
    }


def active_boosts(version: Version, found: User, system: str, now: datetime) -> list[Answer]:
    """Return the PointsBoosts that multiply what a user is awarded now."""
    known_system(version, system)
    tz = found.tz or version.definitions.settings.defaultTimeZone
    day = local_date(now, tz)
    return [
        answers.boost(version, system, item.key, day)
        for item in answers.system_item(version, system).boosts
        if answers.boost_status(item, day) == "active"
        and item.userId in (None, found.id)
        and (item.userAttributes or {}).items() <= found.attributes.items()
    ]


def known_metric(version: Version, key: str) -> None:
    """Check that there is a metric; ApiError 404 for an unknown or archived one."""
    known = [item.key for item in version.definitions.metrics if not item.archived]
    if key not in known:
        raise unknown("metric", key, known)


def known_system(version: Version, key: str) -> None:
    """Check that there is a points system; ApiError 404 for an unknown or archived one."""
    known = [item.key for item in version.definitions.points if not item.archived]
    if key not in known:
        raise unknown("points system", key, known)


def unknown(word: str, key: str, known: list[str]) -> ApiError:
    """Return the error for a key that nothing has."""
    return ApiError(
        404, f"There is no {word} {key!r} (known: {', '.join(sorted(known)) or 'none'})."
    )
