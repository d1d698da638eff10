"""POST /metrics/{key}/event: checked, put on the log, answered with the ledger's verdict.

Until the event is appended every failure is an error that leaves no trace; from then on there is
none: the answer is the verdict or 202 with `XP-Verdict: pending` ("Late receipts" in
ARCHITECTURE.md), because a client must never be tempted to count twice.
"""

from typing import NamedTuple

import structlog
from fastapi import Request

from gateway import checks, reads, verdicts
from gateway.bodies import read_body
from gateway.errors import ApiError, Json
from gateway.parts import Parts
from gateway.submit import PENDING, hand_in
from projections.database import DatabaseError
from projections.users import user
from schemas.inputs import EventUser, MetricEvent, user_of
from schemas.records import Record
from schemas.streak_state import StreakState
from schemas.versions import Version

log = structlog.get_logger(__name__)


class Asked(NamedTuple):
    """What a request asks for."""

    tenant: str
    metric: str
    # The idempotency key.
    key: str | None
    request: Request


async def post_event(parts: Parts, asked: Asked) -> Json:
    """Serve one POST.

    Raises ApiError: 400, 404, 413 and 422 for what the checks or the judge refuse, 503 when the
    broker or the database is away or too many requests wait.
    """
    checks.check_key(asked.metric)
    raw = await read_body(asked.request)
    event, value = checks.read_event(raw, asked.metric, asked.tenant, asked.key)
    await _check(parts, event)
    receipt = await hand_in(parts, event.tenant, user_of(event), value)
    if receipt.record is None:
        return await _pending(parts, event, receipt.id)
    return await _judged(parts, event, receipt.record)


async def _check(parts: Parts, event: MetricEvent) -> None:
    try:
        checks.check_names(event, parts.head(event.tenant))
    except ApiError:
        # What is unknown may have been defined since.
        if not await parts.refreshed():
            raise
        checks.check_names(event, parts.head(event.tenant))
    checks.check_time(event, parts.config.clock())
    if isinstance(event.user, EventUser):
        await check_email(parts, event.tenant, event.user)


async def check_email(parts: Parts, tenant: str, given: EventUser) -> None:
    """Refuse a subscription of somebody of whom no address is known; raises ApiError 422."""
    if checks.wants_email_on_file(given):
        async with parts.database.connection() as connection:
            known = await user(connection, tenant, given.id)
        checks.check_email(given, known.email if known else None)


async def _judged(parts: Parts, event: MetricEvent, record: Record) -> Json:
    refusal = verdicts.refusal(record)
    if refusal is not None:
        raise refusal
    version = parts.version(event.tenant, record.definitions)
    assert version is not None, "an event that counts was judged by a version"
    instead = None if record.state is not None else await _total_and_streak(parts, event, version)
    body = verdicts.event_response(version, record, event.metric, event.idempotencyKey, instead)
    return Json(body, status_code=202 if record.outcome == "replayed" else 201)


async def _pending(parts: Parts, event: MetricEvent, happened: str) -> Json:
    version = parts.head(event.tenant)
    assert version is not None, "the event's metric was found in a version"
    now = await _total_and_streak(parts, event, version)
    body = verdicts.pending(version, happened, event.metric, event.idempotencyKey, now)
    return Json(body, status_code=202, headers=PENDING)


async def _total_and_streak(
    parts: Parts, event: MetricEvent, version: Version
) -> tuple[float, StreakState]:
    """Return what the projection knows; zeros when it is away, for the broker has the event."""
    now = parts.config.clock()
    try:
        async with parts.snapshot() as connection:
            return await reads.total_and_streak(
                connection, version, user_of(event), event.metric, now
            )
    except DatabaseError:
        log.warning("database.away")
        return verdicts.nothing(version)
