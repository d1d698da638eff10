"""Put one input on xp.events and wait for what the ledger says of it, as an operator does.

The commands that change something of one user go through here; what an input means is up to the
rules, and how it is printed to `ops.effects`.
"""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from broker.connection import Connection
from broker.finder import find_record
from broker.partitions import partition_of
from broker.producer import producer as new_producer
from contract.admin import corrections
from contract.errors import UnfitError
from ops.definitions import NoDefinitionsError, definitions
from schemas.codec import read_event_id, write_input
from schemas.inputs import Adjustment, Correction, user_of
from schemas.inputs.reading import InvalidInputError, read_input
from schemas.numbers import number, value_problem
from schemas.records import Record, event_id
from schemas.signing import signed
from schemas.topics import Topics, user_key

VERDICT_WAIT_S: Final = 30.0
LOOK_EVERY_S: Final = 0.2
LOOK_EVERY_MAX_S: Final = 2.0


class UnjudgedError(Exception):
    """The input is on the events topic, but nobody has judged it in time."""


class RefusedInputError(ValueError):
    """The rules do not admit the input; nothing has changed."""


async def correct(
    connection: Connection,
    topics: Topics,
    event: str,
    value: Decimal | None,
    *,
    reason: str,
    wait_s: float = VERDICT_WAIT_S,
) -> Record:
    """Have an earlier event count with another value, None: not at all; return the new record.

    Raises LookupError when there is no such event, ValueError when it never counted or the value or
    the id is none, and what `put` raises.
    """
    problem = None if value is None else value_problem(value)
    if problem is not None:
        raise ValueError(f"the value {problem}")
    if read_event_id(event) is None:
        raise ValueError(
            f"{event!r} is no event's id: that is epoch, partition and offset, such as 0-3-1742"
        )
    found = await find_record(connection, topics, event)
    if found is None:
        raise LookupError(f"the ledger has no event {event!r}")
    return await put(connection, topics, correction_of(found, value, reason), wait_s=wait_s)


def correction_of(record: Record, value: Decimal | None, reason: str) -> dict[str, Any]:
    """Return the correction of the event that a ledger record is on.

    Raises ValueError when that event did not count, or is none of a metric.
    """
    try:
        correction = corrections.correction_of(record)
    except UnfitError as error:
        raise ValueError(str(error)) from error
    return {
        **correction,
        "tenant": record.tenant,
        "user": record.user,
        "value": None if value is None else number(value),
        "reason": reason,
    }


def grant_of(
    tenant: str, user: str, system: str, points: int, reason: str, key: str | None
) -> dict[str, Any]:
    """Return the input by which an operator grants points, or with negative ones deducts them."""
    adjustment = {
        "type": "adjustment",
        "tenant": tenant,
        "user": user,
        "system": system,
        "points": points,
        "reason": reason,
    }
    return adjustment if key is None else {**adjustment, "idempotencyKey": key}


async def put(
    connection: Connection,
    topics: Topics,
    value: Mapping[str, Any],
    *,
    wait_s: float = VERDICT_WAIT_S,
) -> Record:
    """Publish an input of one user and return the record on it: applied or replayed.

    Raises RefusedInputError with the judge's reason, ValueError for what is no input,
    NoDefinitionsError for a tenant without any, UnjudgedError when no record has come in time (it
    still may), KafkaError when Kafka is away.
    """
    raw = write_input(value)
    try:
        given = read_input(raw)
    except InvalidInputError as error:
        raise ValueError(str(error)) from error
    assert isinstance(given, Adjustment | Correction)
    async with definitions(connection, topics) as reader:
        epoch = reader.epoch
        if reader.head(given.tenant) is None:
            raise NoDefinitionsError(given.tenant)
    async with new_producer(connection) as producer:
        key = user_key(given.tenant, user_of(given))
        partition = partition_of(key, len(await producer.partitions_for(topics.events)))
        place = await producer.send_and_wait(
            topics.events,
            raw,
            key=key,
            partition=partition,
            headers=signed(connection.signer(topics.events), partition, key, raw),
        )
    record = await _verdict(
        connection, topics, event_id(epoch, place.partition, place.offset), wait_s
    )
    if record.outcome in ("refused", "dead"):
        raise RefusedInputError(f"user {user_of(given)!r}: {record.reason or 'it was refused'}")
    return record


async def _verdict(connection: Connection, topics: Topics, event: str, wait_s: float) -> Record:
    pause_s = LOOK_EVERY_S
    try:
        async with asyncio.timeout(wait_s):
            while True:
                found = await find_record(connection, topics, event)
                if found is not None and found.outcome != "forwarded":
                    return found
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LOOK_EVERY_MAX_S)
    except TimeoutError:
        raise UnjudgedError(
            f"event {event} is on {topics.events}, but was not judged within {wait_s:.0f} s. It "
            "will count once it is; do not publish it again. Is `xp worker` running?"
        ) from None
