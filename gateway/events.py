"""POST /metrics/{key}/event: checked, put on the log, answered with the ledger's verdict.

The one place that writes. Until the event is appended every failure is an error that leaves no
trace; from then on there is none: the answer is the verdict or 202 with `XP-Verdict: pending`
("Late receipts" in ARCHITECTURE.md), because a client must never be tempted to count twice.
"""

import time
from typing import Final, NamedTuple

import structlog
from fastapi import Request

from gateway import checks, metrics, reads, verdicts
from gateway.appender import NotAppendedError, Place, UnacknowledgedError
from gateway.errors import ApiError, AwayError, Json
from gateway.parts import Parts
from projections.database import DatabaseError
from projections.users import user
from schemas.codec import event_id
from schemas.entries import Record, StreakState
from schemas.events import MetricEvent
from schemas.topics import EVENT_BYTES_MAX, user_key
from schemas.versions import Version

VERDICT: Final = "XP-Verdict"

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
    began_s = time.monotonic()
    checks.check_key(asked.metric)
    raw = await read_body(asked.request)
    event, value = checks.read_event(raw, asked.metric, asked.tenant, asked.key)
    await _check(parts, event)
    if parts.receipts.expected >= parts.config.waiters_max:
        raise AwayError(
            "Too many requests wait for their verdicts. Nothing was counted; try again."
        )
    with parts.receipts.expecting():
        place = await _append(parts, event, value)
        happened = event_id(parts.epoch, place.partition, place.offset)
        left_s = parts.config.verdict_timeout_s - (time.monotonic() - began_s)
        record = await parts.receipts.verdict(happened, left_s)
    if record is None:
        return await _pending(parts, event, happened)
    metrics.VERDICTS.labels(record["outcome"]).inc()
    metrics.VERDICT_SECONDS.observe(time.monotonic() - began_s)
    return await _judged(parts, event, record)


async def read_body(request: Request) -> bytes:
    """Return the body; ApiError 413 as soon as it is known to be too large, without the rest."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and int(told[:20]) > EVENT_BYTES_MAX:
        raise checks.too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > EVENT_BYTES_MAX:
            raise checks.too_large()
    return bytes(body)


async def _check(parts: Parts, event: MetricEvent) -> None:
    try:
        checks.check_names(event, parts.head(event.tenant))
    except ApiError:
        # What is unknown may have been defined since.
        if not await parts.refreshed():
            raise
        checks.check_names(event, parts.head(event.tenant))
    checks.check_time(event, parts.config.clock())
    if checks.wants_email_on_file(event):
        async with parts.database.connection() as connection:
            known = await user(connection, event.tenant, event.user.id)
        checks.check_email(event, known.email if known else None)


async def _append(parts: Parts, event: MetricEvent, value: bytes) -> Place:
    try:
        return await parts.appender.append(user_key(event.tenant, event.user.id), value)
    except NotAppendedError as error:
        raise AwayError(
            "The broker is away. Nothing was counted; try again, best with an Idempotency-Key."
        ) from error
    except UnacknowledgedError as error:
        raise AwayError(
            "The broker has not acknowledged the event, so nothing is known to be counted. Retry "
            "with the same Idempotency-Key; without one, read the total first."
        ) from error


async def _judged(parts: Parts, event: MetricEvent, record: Record) -> Json:
    refusal = verdicts.refusal(record)
    if refusal is not None:
        raise refusal
    version = parts.version(event.tenant, record["definitions"])
    assert version is not None, "an event that counts was judged by a version"
    instead = None if "state" in record else await _standing(parts, event, version)
    body = verdicts.event_response(version, record, event.metric, event.idempotencyKey, instead)
    return Json(body, status_code=202 if record["outcome"] == "replayed" else 201)


async def _pending(parts: Parts, event: MetricEvent, happened: str) -> Json:
    metrics.VERDICTS.labels("pending").inc()
    log.warning("verdict.pending", event_id=happened)
    version = parts.head(event.tenant)
    assert version is not None, "the event's metric was found in a version"
    standing = await _standing(parts, event, version)
    body = verdicts.pending(version, happened, event.metric, event.idempotencyKey, standing)
    return Json(body, status_code=202, headers={VERDICT: "pending"})


async def _standing(
    parts: Parts, event: MetricEvent, version: Version
) -> tuple[float, StreakState]:
    """Return what the projection knows; zeros when it is away, for the broker has the event."""
    now = parts.config.clock()
    try:
        async with parts.snapshot() as connection:
            return await reads.standing(connection, version, event.user.id, event.metric, now)
    except DatabaseError:
        log.warning("database.away")
        return verdicts.nothing(version)
