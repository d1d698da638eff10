"""Publishing files that are larger than anything Kafka takes at once."""

import json

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from broker.connection import Connection
from broker.topics import create_topics, end_offsets
from ops.apply import apply_game
from ops.publish import publish
from schemas.definitions import Definitions, Metric
from schemas.topics import Topics


@pytest.fixture
async def topics(stack, prefix):
    """Return topics of one partition, with a game of one metric in force."""
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, 1)
    game = Definitions(metrics=[Metric(key="steps", name="Steps")])
    await apply_game(connection, topics, game, tenant="default")
    return topics


async def test_a_file_of_many_megabytes_for_one_partition_is_published_whole(stack, topics):
    line = json.dumps({"user": "u", "metric": "steps", "idempotencyKey": "k" * 200}).encode()
    connection = Connection(stack.kafka)
    published = await publish(connection, topics, [line] * 20_000)
    assert (published.accepted, published.refused) == (20_000, [])
    # The marker of the definitions comes first, then the hold; at the end its release.
    assert published.last == {0: 20_001}
    assert await end_offsets(connection, topics.events) == {0: 20_003}


async def test_the_clock_of_every_partition_waits_while_a_file_is_published(stack, prefix):
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, 2)
    game = Definitions(metrics=[Metric(key="steps", name="Steps")])
    await apply_game(connection, topics, game, tenant="default")
    lines = [json.dumps({"user": f"u{number}", "metric": "steps"}).encode() for number in range(9)]
    await publish(connection, topics, lines)
    for partition in (0, 1):
        values = [json.loads(it) for it in await values_of(connection, topics.events, partition)]
        holds = [it["on"] for it in values if it.get("type") == "hold"]
        assert holds == [True, False]
        # All that is of the file lies between the two.
        assert [values[1].get("on"), values[-1].get("on")] == holds
        assert len(values) > 3


async def values_of(connection, topic, partition):
    """Return what a partition holds."""
    end = (await end_offsets(connection, topic))[partition]
    consumer = AIOKafkaConsumer(**connection.options(), enable_auto_commit=False)
    await consumer.start()
    try:
        tp = TopicPartition(topic, partition)
        consumer.assign([tp])
        consumer.seek(tp, 0)
        return [(await consumer.getone()).value for _ in range(end)]
    finally:
        await consumer.stop()
