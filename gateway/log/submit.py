"""Puts one input on xp.events and brings back the ledger's record on it. No rules, no shapes.

Until the input is appended every failure is an error that leaves no trace; from then on there is
none but the judge's refusal: no record in time is no failure, the broker has the input.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import structlog

from gateway.http import metrics
from gateway.http.errors import ApiError, UnavailableError
from gateway.http.repeats import Repeats
from gateway.http.requests import too_large
from gateway.log.appender import Appender, NotAppendedError, UnacknowledgedError
from gateway.log.receipts import Receipts
from gateway.log.shares import Shares
from schemas.codec import write_input
from schemas.inputs.reading import InvalidInputError, read_input
from schemas.records import Record, event_id
from schemas.topics import EVENT_BYTES_MAX, user_key

# Refusals by their code (schemas.records.RefusalCode).
_STATUS: Final = {"not_found": 404, "invalid": 422, "blocked": 422}

log = structlog.get_logger(__name__)


class Receipt(NamedTuple):
    """What is known of an input that the broker has."""

    # Id of the event.
    id: str
    # None when it has not come in time, or was not waited for.
    record: Record | None


def refusal(record: Record) -> ApiError | None:
    """Return the error that a record stands for, None when the event counts or counted before."""
    if record.outcome not in ("refused", "dead"):
        return None
    return ApiError(_STATUS[record.code or "invalid"], record.reason or "The event was refused.")


class EventLog:
    """The way onto the log and back."""

    def __init__(
        self,
        appender: Appender,
        receipts: Receipts,
        epoch: Callable[[], int],
        *,
        waiters_max: int,
        verdict_timeout_s: float,
    ) -> None:
        """Take both ends, what knows the epoch in force, and how many wait and how long.

        `epoch` raises NotReadyError before it is known.
        """
        self._appender = appender
        self._receipts = receipts
        self._epoch = epoch
        self._shares = Shares(waiters_max)
        self._crowded = Repeats()
        self._verdict_timeout_s = verdict_timeout_s

    async def submit(
        self, tenant: str, user: str, value: Mapping[str, Any], *, wait: bool = True
    ) -> Record | None:
        """Have an input of a user judged and return the ledger's record on it.

        `value` is the input as `schemas.inputs` has it; `tenant` is put into it, and `user` where
        it says nothing of the user. None means that the broker has it and the record has not come
        within the gateway's timeout, or that `wait` is False.

        Raises ApiError: 413 and 422 for what is no input, 404 and 422 for what the judge refuses,
        503 when the broker is away or too many requests wait.
        """
        raw = write_input({"user": user, **value, "tenant": tenant})
        if len(raw) > EVENT_BYTES_MAX:
            raise too_large()
        try:
            read_input(raw)
        except InvalidInputError as error:
            raise ApiError(422, str(error)) from error
        record = (await self.hand_in(tenant, user, raw, wait=wait, sign=True)).record
        refused = refusal(record) if record is not None else None
        if refused is not None:
            raise refused
        return record

    async def hand_in(
        self, tenant: str, user: str, raw: bytes, *, wait: bool = True, sign: bool = False
    ) -> Receipt:
        """Append the bytes of an input that has been checked, and wait for the record on it.

        `sign` what producers may not say themselves.

        A refusal is a record too. Raises UnavailableError when the broker is away or too many
        requests wait.
        """
        began_s = time.monotonic()
        if not wait:
            return Receipt(await self._append(tenant, user, raw, sign=sign), None)
        partition = self._appender.partition(user_key(tenant, user))
        if not self._shares.take(tenant, partition):
            raise self._too_many(tenant, partition)
        try:
            with self._receipts.expecting():
                happened = await self._append(tenant, user, raw, sign=sign)
                left_s = self._verdict_timeout_s - (time.monotonic() - began_s)
                record = await self._receipts.verdict(happened, left_s)
        finally:
            self._shares.give_back(tenant, partition)
        if record is None:
            metrics.VERDICTS.labels("pending").inc()
            log.warning("verdict.pending", event_id=happened)
        else:
            metrics.VERDICTS.labels(record.outcome).inc()
            metrics.VERDICT_SECONDS.observe(time.monotonic() - began_s)
        return Receipt(happened, record)

    def _too_many(self, tenant: str, partition: int) -> UnavailableError:
        dropped = self._crowded.dropped((tenant, partition))
        if dropped is not None:
            log.warning("waiters.crowded", tenant=tenant, partition=partition, repeated=dropped)
        return UnavailableError(
            "Too many requests wait for their verdicts. Nothing was counted; try again."
        )

    async def _append(self, tenant: str, user: str, raw: bytes, *, sign: bool) -> str:
        # Before anything is sent: without the epoch the event could not be named.
        epoch = self._epoch()
        try:
            place = await self._appender.append(user_key(tenant, user), raw, sign=sign)
        except NotAppendedError as error:
            raise UnavailableError(
                "The broker is away. Nothing was counted; try again, best with an Idempotency-Key."
            ) from error
        except UnacknowledgedError as error:
            raise UnavailableError(
                "The broker has not acknowledged the event, so nothing is known to be counted. "
                "Retry with the same Idempotency-Key; without one, read the total first."
            ) from error
        return event_id(epoch, place.partition, place.offset)
