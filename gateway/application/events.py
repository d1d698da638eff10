"""POST /metrics/{key}/event: checked, put on the log, answered with the ledger's verdict.

Until the event is appended every failure is an error that leaves no trace; from then on there is
none: the answer is the verdict or 202 with `XP-Verdict: pending` ("Late receipts" in
ARCHITECTURE.md), because a client must never be tempted to count twice.

What can be said of an event without knowing its user is checked first, which spares an answer the
way through the log; the judge checks again, and its word decides.
"""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Header, Request
from msgspec.json import encode

from contract.application.events import EventResponse, MetricState, event_response, pending
from contract.application.streaks import current_state, no_streak
from contract.items import check_attributes, check_event_metric
from gateway.application.users import check_email_on_file
from gateway.http.dependencies import Key, utf8
from gateway.http.errors import ApiError
from gateway.http.requests import body_of, read_body, read_object, too_large
from gateway.http.responses import PENDING, Json, Route, done
from gateway.log.submit import refusal
from gateway.services import Context, Services
from projections.database import DatabaseError
from projections.streaks import current_streak
from projections.totals import total
from schemas.codec import write_input
from schemas.inputs import EventUser, MetricEvent, user_of
from schemas.inputs.reading import InvalidInputError, read_common, read_input
from schemas.instants import instant, read_instant, write_instant
from schemas.records import Record
from schemas.text import is_key
from schemas.topics import EVENT_BYTES_MAX
from schemas.versions import Version

# occurredAt is our extension (OD-1); the rest is the contract's.
FIELDS: Final = ("user", "value", "attributes", "occurredAt")

# What an event has on Kafka, and a request says elsewhere.
_NOT_IN_BODY: Final = (b'"tenant"', b'"metric"', b'"idempotencyKey"', b'"type"')

KEY_MAX: Final = 255
# As the judge has it (processor.rules.decide).
FUTURE_SECONDS_MAX: Final = 300

router = APIRouter(prefix="/v1", route_class=Route)

log = structlog.get_logger(__name__)


@router.post(
    "/metrics/{key}/event",
    operation_id="metrics_event",
    tags=["Metrics"],
    summary="Send a metric event and get its verdict",
    status_code=201,
    responses=done(201, 400, 404, 413, replay=True),
    openapi_extra=body_of("EventRequest"),
)
async def metrics_event(
    context: Context,
    key: Key,
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Counts the event once, however often it is sent (1 to 255 characters).",
        ),
    ] = None,
) -> Json[EventResponse]:
    """Put an event on the log and answer with what the judge made of it."""
    check_key(key)
    raw = await read_body(request)
    event, value = read_event(raw, key, context.tenant, utf8(idempotency_key))
    context.allowed.check_user(user_of(event))
    return await post_event(context.services, event, value)


async def post_event(services: Services, event: MetricEvent, value: bytes) -> Json[EventResponse]:
    """Check an event, have it judged and answer; `value` are its bytes for xp.events.

    Raises ApiError and ContractError: 404 and 422 for what the checks or the judge refuse, 503 when
    the broker or the database is away or too many requests wait.
    """
    await _check(services, event)
    receipt = await services.log.hand_in(event.tenant, user_of(event), value)
    if receipt.record is None:
        return await _pending(services, event, receipt.id)
    return await _judged(services, event, receipt.record)


def check_key(metric: str) -> None:
    """Refuse what no metric can be called; raises ApiError 404."""
    if not is_key(metric):
        raise ApiError(
            404,
            "There is no such metric: a key has letters, digits, - and _ only, "
            f"and at most {KEY_MAX} of them.",
        )


def read_event(raw: bytes, metric: str, tenant: str, key: str | None) -> tuple[MetricEvent, bytes]:
    """Return the event that a request body stands for, and its bytes for xp.events.

    Raises ApiError: 400 when the body is not JSON, 413 when the event would be too large, 422 with
    the fields that have to be changed.
    """
    return _read_common(raw, metric, tenant, key) or _read_carefully(raw, metric, tenant, key)


def _read_common(
    raw: bytes, metric: str, tenant: str, key: str | None
) -> tuple[MetricEvent, bytes] | None:
    """Return the same where nothing is wrong and the body is of the common form, else None.

    Its own bytes go on the log then, with what the request says beside them.
    """
    if raw[:1] != b"{" or any(name in raw for name in _NOT_IN_BODY):
        return None
    value = _beside(tenant, metric, key) + raw[1:]
    if len(value) > EVENT_BYTES_MAX:
        return None
    event = read_common(value)
    if event is None or event.value is None or not isinstance(event.user, EventUser):
        return None
    return event, value


def _beside(tenant: str, metric: str, key: str | None) -> bytes:
    if key is None:
        return b'{"tenant":%b,"metric":%b,' % (encode(tenant), encode(metric))
    keys = (encode(tenant), encode(metric), encode(key))
    return b'{"tenant":%b,"metric":%b,"idempotencyKey":%b,' % keys


def _read_carefully(
    raw: bytes, metric: str, tenant: str, key: str | None
) -> tuple[MetricEvent, bytes]:
    body = read_object(raw, "user and value")
    _check_fields(body)
    event: dict[str, Any] = {"tenant": tenant, "metric": metric, **body}
    if key is not None:
        event["idempotencyKey"] = key
    value = write_input(event)
    if len(value) > EVENT_BYTES_MAX:
        raise too_large()
    try:
        read = read_input(value)
    except InvalidInputError as error:
        sentence = str(error).replace("idempotencyKey:", "the header Idempotency-Key:")
        raise ApiError(422, sentence) from error
    assert isinstance(read, MetricEvent), "an input without a type is a metric event"
    return read, value


def _check_fields(body: dict[str, Any]) -> None:
    problems = [f"{name}: unknown field" for name in body if name not in FIELDS]
    if not isinstance(body.get("user"), dict):
        problems.append("user: must be an object with an id")
    # On Kafka a value may be left out; the contract requires it (OD-45).
    if body.get("value") is None:
        problems.append("value: is required, a number")
    if problems:
        raise ApiError(422, "; ".join(problems[:5]))


async def _check(services: Services, event: MetricEvent) -> None:
    if not services.definitions.keys(event.tenant).has_all_of(event):
        # They are not there, or not yet: what they are is told, or read.
        await services.definitions.checked(event.tenant, lambda head: _check_names(event, head))
    _check_time(event, services.config.clock())
    if isinstance(event.user, EventUser):
        await check_email_on_file(services, event.tenant, event.user)


def _check_names(event: MetricEvent, version: Version | None) -> None:
    """Check the metric and the attribute keys against the definitions; ContractError."""
    check_event_metric(version, event.metric)
    check_attributes("event", event.attributes, version)
    if isinstance(event.user, EventUser):
        check_attributes("user", event.user.attributes or {}, version)


def _check_time(event: MetricEvent, now: datetime) -> None:
    """Refuse an event from the future (OD-1); raises ApiError 422."""
    if event.occurredAt is None:
        return
    at = instant(read_instant(event.occurredAt))
    if at > now + timedelta(seconds=FUTURE_SECONDS_MAX):
        raise ApiError(
            422,
            f"occurredAt: {write_instant(at)} is more than {FUTURE_SECONDS_MAX // 60} minutes in "
            "the future; check the clock and the offset.",
        )


async def _judged(services: Services, event: MetricEvent, record: Record) -> Json[EventResponse]:
    refused = refusal(record)
    if refused is not None:
        raise refused
    version = services.definitions.version(event.tenant, record.definitions)
    assert version is not None, "an event that counts was judged by a version"
    instead = None if record.state is not None else await _known_state(services, event, version)
    body = event_response(version, record, event.metric, event.idempotencyKey, instead)
    return Json(body, status_code=202 if record.outcome == "replayed" else 201)


async def _pending(services: Services, event: MetricEvent, happened: str) -> Json[EventResponse]:
    version = services.definitions.head(event.tenant)
    assert version is not None, "the event's metric was found in a version"
    state = await _known_state(services, event, version)
    body = pending(version, happened, event.metric, event.idempotencyKey, state)
    return Json(body, status_code=202, headers=PENDING)


async def _known_state(services: Services, event: MetricEvent, version: Version) -> MetricState:
    """Return what the projection knows; zeros when it is away, for the broker has the event."""
    now, user = services.config.clock(), user_of(event)
    frequency = version.definitions.streak.frequency
    try:
        async with services.snapshot() as connection:
            row = await current_streak(connection, version.tenant, user, frequency)
            reached = await total(connection, version.tenant, user, event.metric)
    except DatabaseError:
        log.warning("database.away")
        return MetricState(0.0, no_streak(version))
    return MetricState(float(reached), current_state(version, row, now))
