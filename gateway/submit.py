"""Puts one input on xp.events and brings back the ledger's record on it. No rules, no shapes.

Until the input is appended every failure is an error that leaves no trace; from then on there is
none but the judge's refusal: no record in time is no failure, the broker has the input.
"""

import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import structlog

from gateway import checks, metrics, verdicts
from gateway.appender import NotAppendedError, UnacknowledgedError
from gateway.errors import ApiError, AwayError
from gateway.parts import Parts
from schemas.codec import write_input
from schemas.inputs.reading import InvalidInputError, read_input
from schemas.records import Record, event_id
from schemas.topics import EVENT_BYTES_MAX, user_key

# The header of an answer that had to be given before the judge's word came, and its value.
VERDICT: Final = "XP-Verdict"
PENDING: Final = {VERDICT: "pending"}

log = structlog.get_logger(__name__)


class Receipt(NamedTuple):
    """What is known of an input that the broker has."""

    # Id of the event.
    id: str
    # None when it has not come in time, or was not waited for.
    record: Record | None


async def submit(
    parts: Parts, tenant: str, user: str, value: Mapping[str, Any], *, wait: bool = True
) -> Record | None:
    """Have an input of a user judged and return the ledger's record on it.

    `value` is the input as `schemas.inputs` has it; `tenant` is put into it, and `user` where it
    says nothing of the user. None means that the broker has it and the record has not come within
    the gateway's timeout, or that `wait` is False.

    Raises ApiError: 413 and 422 for what is no input, 404 and 422 for what the judge refuses, 503
    when the broker is away or too many requests wait.
    """
    raw = write_input({"user": user, **value, "tenant": tenant})
    if len(raw) > EVENT_BYTES_MAX:
        raise checks.too_large()
    try:
        read_input(raw)
    except InvalidInputError as error:
        raise ApiError(422, str(error)) from error
    record = (await hand_in(parts, tenant, user, raw, wait=wait)).record
    if record is not None:
        refusal = verdicts.refusal(record)
        if refusal is not None:
            raise refusal
    return record


async def hand_in(
    parts: Parts, tenant: str, user: str, raw: bytes, *, wait: bool = True
) -> Receipt:
    """Append the bytes of an input that has been checked, and wait for the record on it.

    A refusal is a record too. Raises AwayError when the broker is away or too many requests wait.
    """
    began_s = time.monotonic()
    if not wait:
        return Receipt(await _append(parts, tenant, user, raw), None)
    if parts.receipts.expected >= parts.config.waiters_max:
        raise AwayError(
            "Too many requests wait for their verdicts. Nothing was counted; try again."
        )
    with parts.receipts.expecting():
        happened = await _append(parts, tenant, user, raw)
        left_s = parts.config.verdict_timeout_s - (time.monotonic() - began_s)
        record = await parts.receipts.verdict(happened, left_s)
    if record is None:
        metrics.VERDICTS.labels("pending").inc()
        log.warning("verdict.pending", event_id=happened)
    else:
        metrics.VERDICTS.labels(record.outcome).inc()
        metrics.VERDICT_SECONDS.observe(time.monotonic() - began_s)
    return Receipt(happened, record)


async def _append(parts: Parts, tenant: str, user: str, raw: bytes) -> str:
    # Before anything is sent: without the epoch the event could not be named.
    epoch = parts.epoch
    try:
        place = await parts.appender.append(user_key(tenant, user), raw)
    except NotAppendedError as error:
        raise AwayError(
            "The broker is away. Nothing was counted; try again, best with an Idempotency-Key."
        ) from error
    except UnacknowledgedError as error:
        raise AwayError(
            "The broker has not acknowledged the event, so nothing is known to be counted. Retry "
            "with the same Idempotency-Key; without one, read the total first."
        ) from error
    return event_id(epoch, place.partition, place.offset)
