"""Publish events from NDJSON: each line checked first, each refusal with its line number.

A file may hold years of the past. Until its end the clock of each partition waits: it would take
what is not published yet for time in which nothing happened.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from aiokafka import AIOKafkaProducer

from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.producer import producer as new_producer
from processor.games import Games
from processor.rules.decide import RefusedError, admit
from processor.rules.game import EMPTY
from schemas.events import InvalidInputError, MetricEvent, read_input
from schemas.topics import EVENT_BYTES_MAX, Topics, user_key

IN_FLIGHT_MAX: Final = 5000


@dataclass(slots=True)
class Published:
    """How a publication went."""

    accepted: int = 0
    # (line number, what is wrong with it)
    refused: list[tuple[int, str]] = field(default_factory=list)
    # Partition -> offset of the last event that was put on it.
    last: dict[int, int] = field(default_factory=dict)


async def publish(
    connection: Connection,
    topics: Topics,
    lines: Iterable[bytes],
    *,
    progress: Callable[[int], None] = lambda _bytes: None,
) -> Published:
    """Publish lines and return when the broker has acknowledged every accepted one.

    A line is refused for what the judge would refuse it for under the newest definitions. Raises
    KafkaError when the broker is away: lines with idempotency keys may be published again. The
    clock goes on by itself then, after a while.
    """
    published = Published()
    async with DefinitionsReader(connection, topics.definitions) as reader:
        games = Games(reader)
        heads = {version.tenant: version.version for version in reader.all()}
        async with new_producer(connection) as producer:
            await _hold(producer, topics, on=True)
            pending: list[asyncio.Future[Any]] = []
            for number, line in enumerate(lines, start=1):
                progress(len(line))
                if not line.strip():
                    continue
                try:
                    event = _checked(line.strip(), games, heads)
                except (InvalidInputError, RefusedError) as error:
                    published.refused.append((number, str(error)))
                    continue
                key = user_key(event.tenant, event.user.id)
                pending.append(await producer.send(topics.events, line.strip(), key=key))
                if len(pending) >= IN_FLIGHT_MAX:
                    _note(published, await asyncio.gather(*pending))
                    pending.clear()
            _note(published, await asyncio.gather(*pending))
            await _hold(producer, topics, on=False)
    return published


async def _hold(producer: AIOKafkaProducer, topics: Topics, *, on: bool) -> None:
    """Have the clock of every partition wait, or go on; return when the broker has it."""
    told = orjson.dumps({"type": "hold", "on": on})
    partitions = await producer.partitions_for(topics.events)
    sent = [await producer.send(topics.events, told, partition=it) for it in sorted(partitions)]
    await asyncio.gather(*sent)


def _checked(line: bytes, games: Games, heads: dict[str, int]) -> MetricEvent:
    if len(line) > EVENT_BYTES_MAX:
        raise InvalidInputError(f"an event may have {EVENT_BYTES_MAX} bytes, not {len(line)}")
    event = read_input(line)
    if not isinstance(event, MetricEvent):
        raise InvalidInputError("only metric events can be published")
    game = games.get(event.tenant, heads.get(event.tenant, 0)) or EMPTY
    admit(event, datetime.now(UTC), game)
    return event


def _note(published: Published, acknowledged: list[Any]) -> None:
    published.accepted += len(acknowledged)
    for sent in acknowledged:
        held = published.last.get(sent.partition, -1)
        published.last[sent.partition] = max(held, sent.offset)
