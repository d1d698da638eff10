"""Own data: personal fields of users, followed from their topic. They never enter the ledger.

A rebuild does not touch them. Position and profiles are stored in one transaction.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from msgspec import UNSET, MsgspecError, convert

from broker.connection import Connection as Kafka
from broker.connection import start_consumer
from broker.patience import WAIT_MS, fetch_patiently
from projections import metrics
from projections.database import Connection, Database, load_queries, send_rows
from projections.outages import partitions_of
from projections.positions import StalePositionError
from schemas.inputs import EventUser
from schemas.inputs.base import DEFAULT_TENANT
from schemas.inputs.explaining import text_problems
from schemas.instants import from_millis
from schemas.text import TenantKey, is_key

_QUERIES = load_queries("profiles")

log = structlog.get_logger(__name__)


class ProfileFollower:
    """Follows the profiles topic into own.profiles."""

    def __init__(self, database: Database, kafka: Kafka, topic: str) -> None:
        """Take where to read and where to store."""
        self._database = database
        self._kafka = kafka
        self._topic = topic

    async def follow(self) -> None:
        """Store profiles as they come, until cancelled. Raises what Kafka and Postgres raise."""
        partitions = await partitions_of(self._kafka, self._topic)
        async with AsyncExitStack() as stack:
            consumer = AIOKafkaConsumer(
                **self._kafka.options(),
                enable_auto_commit=False,
                # Compaction removes what a newer profile replaced: the next one there is, is next.
                auto_offset_reset="earliest",
                max_poll_records=1000,
            )
            stack.push_async_callback(consumer.stop)
            await start_consumer(consumer)
            fetch_patiently(consumer)
            tps = [TopicPartition(self._topic, partition) for partition in range(partitions)]
            consumer.assign(tps)
            async with self._database.connection() as connection:
                next_offsets = await _positions(connection, partitions)
            for tp in tps:
                consumer.seek(tp, next_offsets[tp.partition])
            while True:
                fetched = await consumer.getmany(timeout_ms=WAIT_MS)
                batches = {tp.partition: messages for tp, messages in fetched.items()}
                if batches:
                    async with self._database.connection() as connection:
                        await store_profiles(connection, batches, next_offsets)
                # Gives way also when messages are always there.
                await asyncio.sleep(0)


async def store_profiles(
    connection: Connection,
    batches: Mapping[int, Sequence[ConsumerRecord[Any, Any]]],
    next_offsets: dict[int, int],
) -> None:
    """Store messages by partition and move the positions, in `next_offsets` too.

    Raises StalePositionError if the stored positions are not those of `next_offsets`.
    """
    async with connection.transaction():
        given = {"partitions": list(batches)}
        rows = await connection.execute(_QUERIES["lock"], given)
        for partition, stored in await rows.fetchall():
            if stored != next_offsets[partition]:
                raise StalePositionError(f"profiles partition {partition} is at {stored}")
        profiles = merge_profiles(batches)
        after = {partition: messages[-1].offset + 1 for partition, messages in batches.items()}
        moves = [{"partition": at, "next_offset": offset} for at, offset in after.items()]
        async with connection.pipeline():
            await send_rows(connection, _QUERIES["apply"], profiles)
            await send_rows(connection, _QUERIES["move"], moves)
    next_offsets |= after
    metrics.PROFILES.inc(len(profiles))


def merge_profiles(
    batches: Mapping[int, Sequence[ConsumerRecord[Any, Any]]],
) -> list[dict[str, object]]:
    """Return one row per user: what the messages give, later over earlier ones.

    What is no profile is logged and counted; it stops nobody.
    """
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for partition, messages in batches.items():
        for message in messages:
            if message.value is None:
                # A tombstone. Rows are deleted by whoever wrote it, together with everything else.
                continue
            try:
                tenant, user = _read_profile(message.value)
                # Of the producer's own clock: it may be no instant at all.
                updated = from_millis(message.timestamp).isoformat()
            except (ValueError, MsgspecError, TypeError, KeyError, OverflowError):
                # Without the text: it may hold personal fields.
                log.warning("profile.unreadable", partition=partition, offset=message.offset)
                metrics.PROFILES_UNREADABLE.inc()
                continue
            row = rows.setdefault((tenant, user.id), {"tenant": tenant, "user_id": user.id})
            row |= _fields(user)
            row["updated"] = updated
    return list(rows.values())


def _read_profile(raw: bytes) -> tuple[TenantKey, EventUser]:
    fields = orjson.loads(raw)
    if not isinstance(fields, dict):
        raise TypeError("not an object")
    tenant = fields.pop("tenant", DEFAULT_TENANT)
    if not is_key(tenant) or any(text_problems(fields)):
        raise ValueError("a text that no door takes")
    return tenant, convert({"id": fields.pop("user"), **fields}, EventUser)


def _fields(user: EventUser) -> dict[str, object]:
    row: dict[str, object] = {}
    if user.name is not UNSET:
        row |= {"name_given": True, "name": user.name}
    if user.email is not UNSET:
        row |= {"email_given": True, "email": user.email}
    if user.deviceTokens is not UNSET:
        row |= {"tokens_given": True, "tokens": user.deviceTokens}
    if isinstance(user.subscribeToEmails, bool):
        row["subscribe_to_emails"] = user.subscribeToEmails
        if not user.subscribeToEmails:
            # Also one that came a moment ago (OD-8): not subscribed means not stored.
            row |= {"email_given": True, "email": None}
    return row


async def subscription_of(connection: Connection, tenant: str, user: str) -> bool | None:
    """Return what a user said about emails, None for one who said nothing."""
    given = {"tenant": tenant, "user": user}
    row = await (await connection.execute(_QUERIES["subscription"], given)).fetchone()
    return row[0] if row else None


async def _positions(connection: Connection, partitions: int) -> dict[int, int]:
    await connection.execute(_QUERIES["add_positions"], {"partitions": partitions})
    rows = await connection.execute(_QUERIES["positions"])
    return dict(await rows.fetchall())
