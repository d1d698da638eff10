"""The versions of definitions as readers see them: first wins, foreign records are passed over."""

import asyncio
from datetime import UTC, datetime

import pytest
from plumbing.running import PATIENCE_S
from structlog.testing import capture_logs

from broker.apply import put_in_force, raise_epoch
from broker.connection import Connection
from broker.definitions import DefinitionsReader
from broker.producer import producer
from broker.topics import create_topics, end_offsets
from ops.apply import apply_game
from ops.doctor import examine
from ops.settings_in_force import read_settings
from schemas.codec import (
    UnreadableRecordError,
    UnreadableVersionError,
    VersionTooLargeError,
    write_version,
)
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


def _newer(version):
    """Return a version as a newer program may write it."""
    return write_version(version).replace(b'"tenant"', b'"unheardOf": 1, "tenant"')


async def test_a_version_that_cannot_be_read_is_its_tenants_alone(definitions):
    connection, topics = definitions
    now = datetime.now(UTC)
    first = succeed(None, ONE, "acme", now)
    second = succeed(first, TWO, "acme", now)
    third = succeed(second, ONE, "acme", now)
    other = succeed(None, ONE, "other", now)
    raw = [write_version(first), _newer(second), write_version(third), write_version(other)]
    await _write(connection, topics, *raw)
    with capture_logs() as logs:
        async with DefinitionsReader(connection, topics.definitions) as reader:
            assert reader.head("other") == other
            assert reader.head("acme") == first
            assert list(reader.all()) == [first, other]
            assert reader.get("acme", 2) is None
            assert reader.get("acme", 3) is None
            assert dict(reader.unreadable) == {("acme", 2): "unheardOf: unknown field"}
            reader.check_head("other")
            with pytest.raises(UnreadableVersionError, match="version 2 of tenant 'acme'"):
                reader.check_head("acme")
            await reader.refresh()
    lines = [it for it in logs if it["event"] == "definitions.unreadable"]
    assert [(it["offset"], "unheardOf" in it["error"]) for it in lines] == [(1, True)]


async def test_nobody_waits_for_a_version_that_cannot_be_read(definitions):
    connection, topics = definitions
    now = datetime.now(UTC)
    first = succeed(None, ONE, "acme", now)
    async with DefinitionsReader(connection, topics.definitions) as reader:
        waiting = [
            asyncio.create_task(reader.wait_for(*it, pause_s=0.01))
            for it in (("acme", 1), ("acme", 2), ("other", 1))
        ]
        await asyncio.sleep(0.1)
        assert not any(it.done() for it in waiting)
        await _write(connection, topics, _newer(first))
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(UnreadableVersionError, match="unheardOf"):
                await waiting[0]
            with pytest.raises(UnreadableVersionError, match="it follows version 1"):
                await waiting[1]
            await reader.refresh()
            assert not waiting[2].done()
            other = succeed(None, TWO, "other", now)
            await _write(connection, topics, write_version(other))
            assert await waiting[2] == other


async def test_a_version_that_came_too_late_takes_nobodys_place(definitions):
    connection, topics = definitions
    now = datetime.now(UTC)
    first = succeed(None, ONE, "acme", now)
    second = succeed(first, TWO, "acme", now)
    third = succeed(second, ONE, "acme", now)
    # The third before the second follows nothing, and the first is there already.
    raw = [write_version(first), _newer(third), _newer(first), write_version(second)]
    await _write(connection, topics, *raw)
    async with DefinitionsReader(connection, topics.definitions) as reader:
        assert reader.head("acme") == second
        assert [*reader.unreadable] == [("acme", 3)]
        await _write(connection, topics, write_version(third))
        assert await reader.wait_for("acme", 3) == third
        assert not reader.unreadable


async def test_a_version_of_whom_nobody_knows_is_passed_over(definitions):
    connection, topics = definitions
    await _write(connection, topics, b'{"version": 1}', b'{"version": 1, "tenant": "a b"}')
    await apply_game(connection, topics, ONE, tenant="default")
    async with DefinitionsReader(connection, topics.definitions) as reader:
        assert reader.head("default") is not None
        assert not reader.unreadable


async def test_nothing_is_put_in_force_on_top_of_what_cannot_be_read(definitions):
    connection, topics = definitions
    await apply_game(connection, topics, ONE, tenant="acme")
    async with DefinitionsReader(connection, topics.definitions) as reader:
        head = reader.head("acme")
        second = succeed(head, TWO, "acme", datetime.now(UTC))
        await _write(connection, topics, _newer(second))
        for dry_run in (True, False):
            with pytest.raises(UnreadableVersionError, match="version 2 of tenant 'acme'"):
                await apply_game(connection, topics, TWO, tenant="acme", dry_run=dry_run)
        # Also who has not read that it came.
        with pytest.raises(UnreadableVersionError, match="version 2 of tenant 'acme'"):
            await put_in_force(connection, topics, reader, second)
    await apply_game(connection, topics, TWO, tenant="other")
    ends = await end_offsets(connection, topics.events)
    assert ends == {0: 2}


async def test_the_doctor_names_a_version_that_cannot_be_read(stack, prefix, definitions):
    connection, topics = definitions
    await apply_game(connection, topics, ONE, tenant="other")
    first = succeed(None, ONE, "acme", datetime.now(UTC))
    await _write(connection, topics, _newer(first))
    settings = read_settings(None, {"kafka": stack.kafka, "topic_prefix": f"{prefix}."})
    found = [it for it in await examine(settings) if it.what == "Definitions"]
    assert [(it.ok, it.found) for it in found] == [
        (True, "other: version 1"),
        (False, "acme: version 1 cannot be read: unheardOf: unknown field"),
    ]


async def test_an_epoch_that_cannot_be_read_stops_the_reader_every_time(definitions):
    connection, topics = definitions
    async with DefinitionsReader(connection, topics.definitions) as reader:
        await _write(connection, topics, b'{"epoch": "second"}', b'{"epoch": 2}')
        for _ in range(2):
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(UnreadableRecordError, match="an epoch"):
                    await reader.refresh()
        assert reader.epoch == 0


async def test_a_version_that_does_not_fit_into_a_record_is_refused(definitions):
    connection, topics = definitions
    large = Definitions(
        metrics=[Metric(key=f"m{it}", name="M", description="d" * 4000) for it in range(250)]
    )
    for dry_run in (True, False):
        with pytest.raises(VersionTooLargeError, match="may have 1,000,000"):
            await apply_game(connection, topics, large, tenant="default", dry_run=dry_run)
    assert await end_offsets(connection, topics.definitions) == {0: 0}


async def test_what_is_archived_counts_into_what_fits(definitions):
    connection, topics = definitions
    one, other = (
        Definitions(
            metrics=[
                Metric(key=f"{key}{it}", name="M", description="d" * 4000) for it in range(130)
            ]
        )
        for key in ("a", "b")
    )
    await apply_game(connection, topics, one, tenant="default")
    with pytest.raises(VersionTooLargeError, match="what is archived counts too"):
        await apply_game(connection, topics, other, tenant="default")
    await apply_game(connection, topics, one, tenant="default")


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
