"""Create the topics and check that they are what they must be. Their plan is `schemas.topics`."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from broker.connection import Connection, end_whole, start_consumer, stop_consumer
from schemas.topics import Topic, Topics

REPLICAS: Final = 3
VISIBLE_WAIT_S: Final = 30.0
VISIBLE_PAUSE_S: Final = 0.1


class TopicsUnfitError(Exception):
    """The topics are not what they must be: judging on them could lose data."""


@dataclass(frozen=True, slots=True)
class TopicsFound:
    """How the cluster's topics compare with the plan."""

    # Partitions of events and ledger; 0 while there are none.
    partitions: int
    missing: tuple[str, ...]
    # Sentences that say what is wrong and what to do, missing topics included.
    problems: tuple[str, ...]


@asynccontextmanager
async def administrator(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    """Lend a client that may look at topics and make them. Raises KafkaConnectionError."""
    admin = AIOKafkaAdminClient(**connection.options())
    starting = asyncio.ensure_future(admin.start())
    try:
        # Not cancelled half-way, which would leave a socket behind.
        await asyncio.shield(starting)
        yield admin
    finally:
        await asyncio.gather(starting, return_exceptions=True)
        await end_whole(admin.close())


async def create_topics(
    connection: Connection, topics: Topics, partitions: int, replication: int | None = None
) -> list[str]:
    """Create the topics that are missing and return their names; existing ones stay as they are.

    `replication` None: three replicas, or as many as there are brokers.
    """
    found = await check_topics(connection, topics)
    planned = topics.plan(found.partitions or partitions)
    wanted = [topic for topic in planned if topic.name in found.missing]
    if not wanted:
        return []
    await _create(connection, wanted, replication)
    # A broker answers before all of it knows: return when a check would find them. And it says of
    # one that is still being deleted that it exists: those that are then gone are asked for again.
    async with asyncio.timeout(VISIBLE_WAIT_S):
        while missing := (await check_topics(connection, topics)).missing:
            await asyncio.sleep(VISIBLE_PAUSE_S)
            await _create(connection, [it for it in wanted if it.name in missing], replication)
    return [topic.name for topic in wanted]


async def _create(connection: Connection, wanted: Sequence[Topic], replication: int | None) -> None:
    async with administrator(connection) as admin:
        brokers = (await admin.describe_cluster())["brokers"]
        for topic in wanted:
            new = NewTopic(
                topic.name,
                num_partitions=topic.partitions,
                replication_factor=replication or min(REPLICAS, len(brokers)),
                topic_configs=topic.config,
            )
            answer = await admin.create_topics([new])
            for name, code, *message in answer.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(f"{name}: {message}")


async def check_topics(connection: Connection, topics: Topics) -> TopicsFound:
    """Compare the cluster's topics with the plan. Raises KafkaError when it cannot be reached."""
    async with administrator(connection) as admin:
        names = [topic.name for topic in topics.plan(1)]
        described = await admin.describe_topics(names)
        counts = {it["topic"]: len(it["partitions"]) for it in described if not it["error_code"]}
        configs = await _configs(admin, [name for name in names if name in counts])
    partitions = counts.get(topics.events, counts.get(topics.ledger, 0))
    missing = tuple(name for name in names if name not in counts)
    problems = [f"topic {name!r} is missing: run `xp topics`" for name in missing]
    for topic in topics.plan(partitions or 1):
        if topic.name in counts:
            problems += _unfit(topic, counts[topic.name], configs.get(topic.name, {}))
    return TopicsFound(partitions, missing, tuple(problems))


def _unfit(topic: Topic, partitions: int, config: Mapping[str, str]) -> list[str]:
    problems = []
    if partitions != topic.partitions:
        problems.append(
            f"topic {topic.name!r} has {partitions} partitions and must have {topic.partitions}: "
            "the count is fixed at creation and equal for events and ledger"
        )
    for name in topic.vital:
        held, wanted = config.get(name), topic.config[name]
        if held != wanted:
            problems.append(
                f"topic {topic.name!r} has {name}={held} and must have {wanted}: "
                "set it with Kafka's configuration tool"
            )
    return problems


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    found: dict[str, dict[str, str]] = {}
    answers: list[Any] = await admin.describe_configs(resources)
    for answer in answers:
        for _code, _message, _kind, name, entries in answer.resources:
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


async def partition_count(connection: Connection, topic: str) -> int:
    """Return how many partitions a topic has; LookupError when it does not exist.

    Raises TopicAuthorizationFailedError when it is closed to this user.
    """
    async with administrator(connection) as admin:
        described = await admin.describe_topics([topic])
    if any(it["error_code"] == TopicAuthorizationFailedError.errno for it in described):
        raise TopicAuthorizationFailedError(
            f"Kafka does not open the topic {topic!r} to the user {connection.user!r}"
        )
    counts = [len(it["partitions"]) for it in described if not it["error_code"]]
    if not counts or not counts[0]:
        raise LookupError(f"there is no topic {topic!r}: run `xp topics` first")
    return counts[0]


async def end_offsets(connection: Connection, topic: str) -> dict[int, int]:
    """Return the offset after the last record of each partition; LookupError without the topic."""
    tps = [TopicPartition(topic, at) for at in range(await partition_count(connection, topic))]
    consumer = AIOKafkaConsumer(**connection.options(), enable_auto_commit=False)
    await start_consumer(consumer)
    try:
        return {tp.partition: end for tp, end in (await consumer.end_offsets(tps)).items()}
    finally:
        await stop_consumer(consumer)
