"""The reads: from a user's rows and the definitions to the answers of the GET operations.

No HTTP in here but the errors; a read never asks the broker and decides nothing.
"""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

from gateway import streaks
from gateway.errors import ApiError
from projections import answers
from projections.achievements import completion_counts, completions_of
from projections.database import Connection
from projections.points import balance, newest_awards
from projections.streaks import streak, streak_periods
from projections.totals import total, totals_of
from projections.users import User, user, user_count
from schemas.definitions import BaseAchievement, MetricAchievement
from schemas.entries import StreakState
from schemas.numbers import ZERO
from schemas.versions import Version

Answer = dict[str, Any]


async def known_user(connection: Connection, tenant: str, user_id: str) -> User:
    """Return a user; ApiError 404 for one who never did anything."""
    # Postgres has no text with a NUL in it, so nobody is called that.
    found = None if "\0" in user_id else await user(connection, tenant, user_id)
    if found is None:
        raise ApiError(404, "There is no such user: a user comes to be with their first event.")
    return found


def user_answer(found: User) -> Answer:
    """Return a User."""
    row = asdict(found)
    return answers.user({**row, "user_id": found.id}, row)


async def metrics(connection: Connection, version: Version, user_id: str) -> list[Answer]:
    """Return a MetricResponse for each metric in use."""
    achieved = await _achieved(connection, version.tenant, user_id)
    totals = await totals_of(connection, version.tenant, user_id)
    return [
        _metric(version, item.key, totals.get(item.key, ZERO), achieved)
        for item in version.definitions.metrics
        if not item.archived
    ]


async def metric(connection: Connection, version: Version, user_id: str, key: str) -> Answer:
    """Return the MetricResponse of one metric; ApiError 404 for an unknown or archived one."""
    known = [item.key for item in version.definitions.metrics if not item.archived]
    if key not in known:
        raise unknown("metric", key, known)
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


def _visible(version: Version, achieved: dict[str, datetime]) -> list[BaseAchievement]:
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


async def streak_answer(
    connection: Connection, version: Version, found: User, now: datetime, history: int
) -> Answer:
    """Return a StreakResponse as of `now`, with so many periods of history."""
    tz = found.tz or version.definitions.settings.defaultTimeZone
    frequency = version.definitions.streak.frequency
    row = await streak(connection, version.tenant, found.id, frequency)
    shown = streaks.periods(version, tz, now, history)
    rows = await streak_periods(connection, version.tenant, found.id, frequency, shown[0])
    state = streaks.current(version, row, tz, now)
    return streaks.response(row, shown, dict(rows), state)


async def standing(
    connection: Connection, version: Version, user_id: str, key: str, now: datetime
) -> tuple[float, StreakState]:
    """Return a metric's total and the streak of a user who may not be known yet."""
    tenant = version.tenant
    found = await user(connection, tenant, user_id)
    tz = (found.tz if found else None) or version.definitions.settings.defaultTimeZone
    row = await streak(connection, tenant, user_id, version.definitions.streak.frequency)
    reached = await total(connection, tenant, user_id, key)
    return float(reached), streaks.current(version, row, tz, now)


async def points(
    connection: Connection, version: Version, user_id: str, system: str, awards: int
) -> Answer:
    """Return a GetUserPointsResponse, newest awards first; ApiError 404 for an unknown system."""
    known = [item.key for item in version.definitions.points if not item.archived]
    if system not in known:
        raise unknown("points system", system, known)
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
            )
            for row in rows
        ],
    }


def unknown(word: str, key: str, known: list[str]) -> ApiError:
    """Return the error for a key that nothing has."""
    return ApiError(
        404, f"There is no {word} {key!r} (known: {', '.join(sorted(known)) or 'none'})."
    )
