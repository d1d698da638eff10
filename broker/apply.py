"""Put a version of definitions in force: on their topic, then a marker on every partition.

Whoever makes versions goes through `change`: `xp apply` from a file, the gateway from a request.
What a version says is theirs; nothing in here looks into it.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

import orjson
from aiokafka import AIOKafkaProducer

from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.producer import producer as new_producer
from broker.topics import partition_count
from schemas.codec import write_version
from schemas.definitions import Definitions
from schemas.signing import Signer, signed
from schemas.text import TenantKey
from schemas.topics import Topics
from schemas.versions import EpochMark, Version, succeed


class OvertakenError(Exception):
    """Somebody else's version came first; nothing of this one is in force."""


class Change(NamedTuple):
    """What a change did: the version that was the head, and the one that is now."""

    before: Version | None
    version: Version

    @property
    def is_news(self) -> bool:
        """Whether the version is another one than the head was."""
        return self.version is not self.before


def next_version(
    reader: DefinitionsReader,
    tenant: TenantKey,
    make: Callable[[Version | None], Definitions],
    at: datetime,
) -> Change:
    """Make definitions of the head, as far as the reader has read, and the version that follows.

    Of the same definitions it is the head itself. Raises UnreadableVersionError when the head
    cannot be read, VersionTooLargeError for a version that does not fit into a record, and whatever
    `make` raises.
    """
    reader.check_head(tenant)
    head = reader.head(tenant)
    version = succeed(head, make(head), tenant, at)
    if head is not None and head.definitions == version.definitions:
        return Change(head, head)
    write_version(version)
    return Change(head, version)


async def change(
    connection: Connection,
    topics: Topics,
    reader: DefinitionsReader,
    tenant: TenantKey,
    make: Callable[[Version | None], Definitions],
    at: datetime,
) -> Change:
    """Put in force what follows from the head; of the same definitions, its markers again.

    Raises what `next_version` and `put_in_force` raise.
    """
    made = next_version(reader, tenant, make, at)
    await put_in_force(connection, topics, reader, made.version)
    return made


async def put_in_force(
    connection: Connection, topics: Topics, reader: DefinitionsReader, version: Version
) -> None:
    """Write a version and its markers; of one that is the head already, the markers alone.

    Run again after a crash it finishes what was begun: markers may be repeated, they count once.
    `reader` has read the version when it returns. Raises OvertakenError when another version came
    in between, UnreadableVersionError when the newest one cannot be read, VersionTooLargeError for
    one that does not fit into a record, KafkaError when Kafka is away.
    """
    reader.check_head(version.tenant)
    async with new_producer(connection) as producer:
        if reader.get(version.tenant, version.version) != version:
            await producer.send_and_wait(
                topics.definitions,
                write_version(version),
                key=version.tenant.encode(),
                partition=0,
            )
            await reader.refresh()
            reader.check_head(version.tenant)
            if reader.get(version.tenant, version.version) != version:
                raise OvertakenError(
                    f"version {version.version} of tenant {version.tenant!r} was taken by somebody "
                    "else meanwhile: look at it and apply again"
                )
        count = await partition_count(connection, topics.events)
        await _mark(producer, topics.events, connection.signer(topics.events), version, count)


async def raise_epoch(connection: Connection, topics: Topics) -> int:
    """Declare that the events topic begins anew, and return the epoch that begins."""
    async with DefinitionsReader(connection, topics.definitions) as reader:
        mark = EpochMark(epoch=reader.epoch + 1)
    raw = mark.model_dump_json().encode()
    async with new_producer(connection) as producer:
        await producer.send_and_wait(topics.definitions, raw, key=b"epoch", partition=0)
    return mark.epoch


async def _mark(
    producer: AIOKafkaProducer, topic: str, signer: Signer | None, version: Version, partitions: int
) -> None:
    marker = {"type": "definitions", "tenant": version.tenant, "version": version.version}
    raw = orjson.dumps(marker)
    key = version.tenant.encode()
    sent = [
        await producer.send(
            topic,
            raw,
            key=key,
            partition=partition,
            headers=signed(signer, partition, key, raw),
        )
        for partition in range(partitions)
    ]
    await asyncio.gather(*sent)
