"""Publishing files that are larger than anything Kafka takes at once."""

import json

import pytest

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
    # The marker of the definitions comes first.
    assert published.last == {0: 20_000}
    assert await end_offsets(connection, topics.events) == {0: 20_001}
