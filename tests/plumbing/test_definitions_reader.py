"""The versions of definitions as readers see them: first wins, foreign records are passed over."""

from datetime import UTC, datetime

import pytest

from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.producer import producer
from broker.topics import create_topics
from ops.apply import apply_game, raise_epoch
from schemas.codec import UnreadableRecordError, write_version
from schemas.definitions import Definitions, Metric
from schemas.topics import Topics
from schemas.versions import succeed

ONE = Definitions(metrics=[Metric(key="one", name="One")])
TWO = Definitions(metrics=[Metric(key="two", name="Two")])


@pytest.fixture
async def definitions(stack, prefix):
    """Return a connection and the topics of a new world."""
    connection, topics = Connection(stack.kafka), Topics(f"{prefix}.")
    await create_topics(connection, topics, 1)
    return connection, topics


async def _write(connection, topics, *raw):
    async with producer(connection) as sender:
        for value in raw:
            await sender.send_and_wait(topics.definitions, value)


async def test_of_two_versions_with_one_parent_the_first_counts(definitions):
    connection, topics = definitions
    now = datetime.now(UTC)
    first, late = (succeed(None, game, "default", now) for game in (ONE, TWO))
    await _write(connection, topics, write_version(first), write_version(late))
    async with DefinitionsReader(connection, topics.definitions) as reader:
        assert reader.head("default") == first
        assert list(reader.all()) == [first]


async def test_a_foreign_record_is_passed_over(definitions):
    connection, topics = definitions
    await _write(connection, topics, b"not json", b"[]", b'{"hello": 1}')
    await apply_game(connection, topics, ONE, tenant="default")
    async with DefinitionsReader(connection, topics.definitions) as reader:
        assert [version.version for version in reader.all()] == [1]


async def test_a_version_of_a_newer_program_stops_the_reader(definitions):
    connection, topics = definitions
    newer = write_version(succeed(None, ONE, "default", datetime.now(UTC)))
    await _write(connection, topics, newer.replace(b'"tenant"', b'"unheardOf": 1, "tenant"'))
    with pytest.raises(UnreadableRecordError, match="unheardOf"):
        async with DefinitionsReader(connection, topics.definitions):
            pass


async def test_the_same_definitions_again_are_no_new_version(definitions):
    connection, topics = definitions
    for game, version in ((ONE, 1), (ONE, 1), (TWO, 2)):
        applied = await apply_game(connection, topics, game, tenant="default")
        assert applied.version == version
    async with DefinitionsReader(connection, topics.definitions) as reader:
        head = reader.head("default")
        assert head is not None
        assert [(it.key, it.archived) for it in head.definitions.metrics] == [
            ("two", False),
            ("one", True),
        ]


async def test_an_operator_raises_the_epoch(definitions):
    connection, topics = definitions
    assert [await raise_epoch(connection, topics) for _ in range(2)] == [1, 2]
    async with DefinitionsReader(connection, topics.definitions) as reader:
        assert reader.epoch == 2
