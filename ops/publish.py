"""Publish events from NDJSON: each line checked first, each refusal with its line number.

A file may hold years of the past. Until its end the clock of each partition waits: it would take
what is not published yet for time in which nothing happened. Only our own parts may ask it to.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson
from aiokafka import AIOKafkaProducer

from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.producer import producer as new_producer
from ops.definitions import NoDefinitionsError, definitions
from processor.messages import UnusableVersionError
from processor.rules import left
from processor.rules.decide import admit, event_time
from processor.rulesets import Rulesets
from schemas.inputs import MetricEvent, user_of
from schemas.inputs.reading import InvalidInputError, read_input
from schemas.instants import micros
from schemas.signing import Signer, signed
from schemas.topics import EVENT_BYTES_MAX, Topics, user_key

IN_FLIGHT_MAX: Final = 5000
# So many refusals are remembered, of however many there are.
REFUSED_KEPT_MAX: Final = 10_000
# How many lines are checked before anything else in the process has a turn.
LINES_PER_TURN: Final = 1000


class Refused(NamedTuple):
    """A line that is no event of the game."""

    line: int
    reason: str


@dataclass(slots=True)
class Published:
    """How a publication went, or a check of one."""

    # Lines that were looked at, empty ones included.
    lines: int = 0
    # Those of them that are events, which were sent unless it was a check.
    accepted: int = 0
    # The first refusals, and how many there are.
    refused: list[Refused] = field(default_factory=list)
    refused_count: int = 0
    # Partition -> offset of the last event that was put on it.
    last: dict[int, int] = field(default_factory=dict)


class ChangedMeanwhileError(Exception):
    """A line that was an event when it was checked is none when it is to be sent."""

    def __init__(self, refused: Refused, published: Published) -> None:
        """Take the line, and what was sent before it."""
        super().__init__(
            f"line {refused.line} was right when it was checked and is not any more: "
            f"{refused.reason}. The {published.accepted:,} events before it were sent, those after "
            "it were not"
        )


class _Fit(NamedTuple):
    """A line that is an event."""

    raw: bytes
    event: MetricEvent


async def check(
    connection: Connection,
    topics: Topics,
    lines: Iterable[bytes],
    *,
    tell: Callable[[Refused], None] = lambda _refused: None,
) -> Published:
    """Look at lines as `publish` would, and send nothing; `tell` hears of each refusal.

    Raises KafkaError when the broker is away: the newest definitions are asked for.
    """
    found = Published()
    async with definitions(connection, topics) as reader:
        async for looked_at in _looked_at(reader, lines, found):
            if isinstance(looked_at, Refused):
                _note_refused(found, looked_at, tell)
            else:
                found.accepted += 1
    return found


async def publish(
    connection: Connection,
    topics: Topics,
    lines: Iterable[bytes],
    *,
    tell: Callable[[Refused], None] = lambda _refused: None,
    checked: bool = False,
    hold: bool = True,
) -> Published:
    """Publish lines and return when the broker has acknowledged every accepted one.

    A line is refused for what the judge would refuse it for under the newest definitions; `tell`
    hears of it, and the next one has its turn. `checked`: all were right a moment ago, and one that
    is not any more ends it. `hold`: the clock waits meanwhile, for which the connection must have
    the secret of the parts. Raises ChangedMeanwhileError, and KafkaError when the broker is away:
    lines with idempotency keys may be published again. The clock goes on by itself then, after a
    while.
    """
    published = Published()
    changed = None
    async with (
        definitions(connection, topics) as reader,
        new_producer(connection) as producer,
    ):
        signer = connection.signer(topics.events)
        if hold:
            await _hold(producer, topics.events, signer, on=True)
        pending: list[asyncio.Future[Any]] = []
        async for looked_at in _looked_at(reader, lines, published):
            if isinstance(looked_at, Refused):
                _note_refused(published, looked_at, tell)
                if checked:
                    changed = looked_at
                    break
                continue
            key = user_key(looked_at.event.tenant, user_of(looked_at.event))
            pending.append(await producer.send(topics.events, looked_at.raw, key=key))
            if len(pending) >= IN_FLIGHT_MAX:
                _note_sent(published, await asyncio.gather(*pending))
                pending.clear()
        _note_sent(published, await asyncio.gather(*pending))
        if hold:
            await _hold(producer, topics.events, signer, on=False)
    if changed is not None:
        raise ChangedMeanwhileError(changed, published)
    return published


async def _hold(producer: AIOKafkaProducer, topic: str, signer: Signer | None, *, on: bool) -> None:
    """Have the clock of every partition wait, or go on; return when the broker has it."""
    value = orjson.dumps({"type": "hold", "on": on})
    sent = [
        await producer.send(
            topic, value, partition=partition, headers=signed(signer, partition, None, value)
        )
        for partition in sorted(await producer.partitions_for(topic))
    ]
    await asyncio.gather(*sent)


async def _looked_at(
    reader: DefinitionsReader, lines: Iterable[bytes], published: Published
) -> AsyncIterator[_Fit | Refused]:
    rulesets = Rulesets(reader)
    heads = {version.tenant: version.version for version in reader.all()}
    for number, line in enumerate(lines, start=1):
        published.lines = number
        if number % LINES_PER_TURN == 0:
            await asyncio.sleep(0)
        raw = line.strip()
        if raw:
            yield _look_at(number, raw, rulesets, heads)


def _look_at(number: int, raw: bytes, rulesets: Rulesets, heads: dict[str, int]) -> _Fit | Refused:
    try:
        return _Fit(raw, _event(raw, rulesets, heads))
    except (InvalidInputError, NoDefinitionsError, UnusableVersionError) as error:
        return Refused(number, str(error))


def _event(raw: bytes, rulesets: Rulesets, heads: dict[str, int]) -> MetricEvent:
    if len(raw) > EVENT_BYTES_MAX:
        raise InvalidInputError(f"an event may have {EVENT_BYTES_MAX:,} bytes, this line has more")
    event = read_input(raw)
    if not isinstance(event, MetricEvent):
        raise InvalidInputError("only metric events can be published")
    rules = rulesets.get(event.tenant, heads.get(event.tenant, 0))
    if rules is None:
        raise NoDefinitionsError(event.tenant)
    now = micros(datetime.now(UTC))
    plan = admit(event, now, event_time(event, now), rules)
    if isinstance(plan, left.Refused):
        raise InvalidInputError(plan.reason)
    return event


def _note_refused(published: Published, refused: Refused, tell: Callable[[Refused], None]) -> None:
    published.refused_count += 1
    if len(published.refused) < REFUSED_KEPT_MAX:
        published.refused.append(refused)
    tell(refused)


def _note_sent(published: Published, acknowledged: list[Any]) -> None:
    published.accepted += len(acknowledged)
    for sent in acknowledged:
        held = published.last.get(sent.partition, -1)
        published.last[sent.partition] = max(held, sent.offset)
