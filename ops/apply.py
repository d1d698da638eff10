"""Put a version of definitions in force: on their topic, then a marker on every partition."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from aiokafka import AIOKafkaProducer

from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.producer import producer as new_producer
from broker.topics import partition_count
from schemas.codec import write_version
from schemas.definitions import Definitions, Item
from schemas.topics import Topics
from schemas.versions import EpochMark, Version, succeed


class OvertakenError(Exception):
    """Somebody else's version came first; nothing of this one is in force."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What an apply did, or, dry, would do."""

    tenant: str
    version: int
    changes: tuple[str, ...]


async def apply_game(
    connection: Connection, topics: Topics, game: Definitions, *, tenant: str, dry_run: bool = False
) -> Applied:
    """Put definitions in force and return what changed; the same definitions change nothing.

    Run again after a crash it finishes what was begun: markers may be repeated, they count once.
    Raises OvertakenError when another version came in between, KafkaError when Kafka is away.
    """
    async with DefinitionsReader(connection, topics.definitions) as reader:
        head = reader.head(tenant)
        version = succeed(head, game, tenant, datetime.now(UTC))
        changes = tuple(describe(head.definitions if head else Definitions(), version.definitions))
        if head is not None and head.definitions == version.definitions:
            version = head
        applied = Applied(tenant, version.version, changes)
        if dry_run:
            return applied
        async with new_producer(connection) as producer:
            if version is not head:
                await producer.send_and_wait(
                    topics.definitions, write_version(version), key=tenant.encode(), partition=0
                )
                await reader.refresh()
                if reader.get(tenant, version.version) != version:
                    raise OvertakenError(
                        f"version {version.version} of tenant {tenant!r} was taken by somebody "
                        "else meanwhile: look at it and apply again"
                    )
            await _mark(producer, topics, version, await partition_count(connection, topics.events))
        return applied


async def raise_epoch(connection: Connection, topics: Topics) -> int:
    """Declare that the events topic begins anew, and return the epoch that begins."""
    async with DefinitionsReader(connection, topics.definitions) as reader:
        mark = EpochMark(epoch=reader.epoch + 1)
    raw = mark.model_dump_json().encode()
    async with new_producer(connection) as producer:
        await producer.send_and_wait(topics.definitions, raw, key=b"epoch", partition=0)
    return mark.epoch


async def _mark(
    producer: AIOKafkaProducer, topics: Topics, version: Version, partitions: int
) -> None:
    marker = {"type": "definitions", "tenant": version.tenant, "version": version.version}
    raw = orjson.dumps(marker)
    key = version.tenant.encode()
    sent = [
        await producer.send(topics.events, raw, key=key, partition=partition)
        for partition in range(partitions)
    ]
    await asyncio.gather(*sent)


def describe(old: Definitions, new: Definitions) -> Iterator[str]:
    """Return a line for each thing that is new, changed or archived."""
    if old.settings != new.settings:
        yield "~ settings"
    if old.streak != new.streak:
        yield "~ streak"
    yield from _items("metric", old.metrics, new.metrics)
    for kind in ("user", "event"):
        before = [item for item in old.attributes if item.type == kind]
        after = [item for item in new.attributes if item.type == kind]
        yield from _items(f"{kind} attribute", before, after)
    yield from _items("achievement", old.achievements, new.achievements)
    yield from _items("points system", old.points, new.points)
    systems = {system.key: system for system in old.points}
    for system in new.points:
        before_system = systems.get(system.key)
        for word, name in (("trigger", "triggers"), ("boost", "boosts"), ("level", "levels")):
            before_items = getattr(before_system, name) if before_system else []
            yield from _items(f"{system.key} {word}", before_items, getattr(system, name))


def _items(word: str, old: Iterable[Item], new: Iterable[Item]) -> Iterator[str]:
    before = {item.key: item for item in old}
    for item in new:
        known = before.get(item.key)
        if item.archived:
            if known is not None and not known.archived:
                yield f"- {word} {item.key} (archived)"
        elif known is None or known.archived:
            yield f"+ {word} {item.key}"
        elif _own(known) != _own(item):
            yield f"~ {word} {item.key}"


def _own(item: Item) -> dict[str, object]:
    # A system's parts are told one by one.
    return item.model_dump(exclude={"triggers", "boosts", "levels"})
