"""POST /achievements/{key}/complete: the input on the log, the verdict as the contract shows it.

A repeat changes nothing and bears the same completion id (OD-10): the id follows from the tenant,
the user and the achievement, so nobody has to remember it.
"""

from datetime import datetime
from typing import Any

from fastapi import Request
from msgspec import Struct

from gateway import checks, reads, verdicts
from gateway.bodies import read_body
from gateway.errors import Json
from gateway.parts import Parts
from gateway.settled import settled
from gateway.submit import PENDING, submit
from gateway.users import check_user
from projections import answers
from projections.achievements import completions_of
from projections.database import DatabaseError
from schemas.definitions import ApiAchievement, id_of
from schemas.inputs import EventUser
from schemas.instants import instant
from schemas.records import Record, time_of
from schemas.versions import Version

Answer = dict[str, Any]


class Completion(Struct, forbid_unknown_fields=True):
    """The body of a request."""

    user: EventUser


async def complete(parts: Parts, tenant: str, key: str, request: Request) -> Json:
    """Serve one request.

    Raises ApiError: 400 and 422 for what the checks or the judge refuse, 404 for an unknown key,
    503 when the broker or the database is away.
    """
    body = checks.read_object(await read_body(request), "user")
    given = checks.read_struct(Completion, body).user
    checks.check_user(given)
    await _check_key(parts, tenant, key)
    await check_user(parts, tenant, given)
    value = {"type": "achievement", "user": body["user"], "achievement": key}
    record = await submit(parts, tenant, given.id, value)
    if record is None:
        at = await _achieved_at(parts, tenant, given.id, key)
        version = parts.head(tenant)
        assert version is not None, "the achievement was found in a version"
        return Json(_answer(version, given.id, key, at), status_code=202, headers=PENDING)
    judged = parts.version(tenant, record.definitions)
    assert judged is not None, "a completion that counts was judged by a version"
    if record.outcome == "replayed":
        at = await _achieved_at(parts, tenant, given.id, key)
        if at is None and await settled(parts):
            at = await _achieved_at(parts, tenant, given.id, key)
        return Json(_answer(judged, given.id, key, at), status_code=202)
    at = instant(time_of(record))
    return Json(_answer(judged, given.id, key, at, record), status_code=201)


def _answer(
    version: Version, user_id: str, key: str, at: datetime | None, record: Record | None = None
) -> Answer:
    """Return an AchievementCompletionResponse; without a record it had no effects."""
    return {
        "completionId": id_of(version.tenant, "completions", user_id, key),
        "achievement": answers.user_achievement(version, key, at),
        "points": verdicts.points(version, record) if record else {},
    }


async def _check_key(parts: Parts, tenant: str, key: str) -> None:
    known = _keys(parts.head(tenant))
    if key not in known and await parts.refreshed():
        # What is unknown may have been defined since.
        known = _keys(parts.head(tenant))
    if key not in known:
        raise reads.unknown("achievement that a request can complete", key, known)


def _keys(version: Version | None) -> list[str]:
    game = version.definitions if version else None
    return [
        item.key
        for item in (game.achievements if game else ())
        if isinstance(item, ApiAchievement) and not item.archived
    ]


async def _achieved_at(parts: Parts, tenant: str, user_id: str, key: str) -> datetime | None:
    try:
        async with parts.database.connection() as connection:
            rows = await completions_of(connection, tenant, user_id)
    except DatabaseError:
        # The broker has the request: what the tables would add is left out.
        return None
    return next((row.achieved_at for row in rows if row.achievement == key), None)
