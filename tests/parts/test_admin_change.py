"""How a change of definitions ends when the broker is away or slow; nothing of it is started."""

import asyncio
from dataclasses import replace
from typing import cast

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError
from plumbing.gateway_world import version_one

from broker.apply import OvertakenError
from broker.connection import Connection
from broker.definitions import DefinitionsReader
from gateway import parts as parts_module
from gateway.errors import ApiError, AwayError
from gateway.parts import GatewayConfig, Parts
from schemas.codec import UnreadableVersionError, VersionTooLargeError


class Reader:
    """Definitions as they were read, and a broker that does what the test says."""

    def __init__(self, refresh=None):
        self._refresh = refresh

    async def refresh(self):
        if self._refresh is not None:
            await self._refresh()

    def head(self, tenant):
        return version_one() if tenant == "default" else None

    def check_head(self, _tenant):
        """Let every head pass: all that was read could be."""


class ListedParts(Parts):
    """Parts whose way to the broker is a list: what was put in force, and what that raises."""

    def __init__(self, config):
        super().__init__(config)
        self.put: list[int] = []
        self.raises: list[Exception] = []


@pytest.fixture
def parts(monkeypatch):
    dsn = "postgresql://x@127.0.0.1:1/x"
    config = GatewayConfig(Connection("127.0.0.1:1"), dsn, acknowledge_timeout_s=60)
    made = ListedParts(config)
    made._definitions = cast(DefinitionsReader, Reader())

    async def put_in_force(_connection, _topics, _reader, version):
        made.put.append(version.version)
        if made.raises:
            raise made.raises.pop(0)

    monkeypatch.setattr(parts_module, "put_in_force", put_in_force)
    return made


def on_sundays(version):
    game = version.definitions
    settings = game.settings.model_copy(update={"weekStart": "sunday"})
    return game.model_copy(update={"settings": settings})


async def test_a_change_is_put_in_force_once(parts):
    version = await parts.change("default", on_sundays)
    assert (version.version, parts.put) == (2, [2])


async def test_what_changes_nothing_is_not_put_in_force(parts):
    version = await parts.change("default", lambda head: head.definitions)
    assert (version.version, parts.put) == (1, [])


async def test_a_change_is_made_anew_until_nobody_overtakes_it(parts):
    parts.raises = [OvertakenError(), OvertakenError()]
    assert (await parts.change("default", on_sundays)).version == 2
    assert len(parts.put) == 3
    parts.raises = [OvertakenError()] * 9
    with pytest.raises(AwayError, match="Somebody else"):
        await parts.change("default", on_sundays)


async def test_a_tenant_without_definitions_has_nothing_to_change(parts):
    with pytest.raises(ApiError) as refused:
        await parts.change("acme", on_sundays)
    assert refused.value.status == 404


async def test_a_broker_that_goes_away_is_a_503_that_promises_nothing(parts):
    for error in (KafkaConnectionError(), OSError()):
        parts.raises = [error]
        with pytest.raises(AwayError, match="may still come into force"):
            await parts.change("default", on_sundays)


async def test_definitions_that_are_too_large_are_the_callers_to_change(parts):
    for error in (MessageSizeTooLargeError(), VersionTooLargeError("too much")):
        parts.raises = [error]
        with pytest.raises(ApiError) as refused:
            await parts.change("default", on_sundays)
        assert refused.value.status == 422


async def test_on_top_of_a_version_that_cannot_be_read_nothing_is_changed(parts):
    parts.raises = [UnreadableVersionError("default", 2, "colour: unknown field")]
    with pytest.raises(AwayError, match="Nothing is changed: version 2 of tenant 'default'"):
        await parts.change("default", on_sundays)


async def test_a_change_outlives_the_patience_of_its_caller(parts):
    parts.config = replace(parts.config, acknowledge_timeout_s=0.2)
    back = asyncio.Event()
    parts._definitions = cast(DefinitionsReader, Reader(back.wait))
    with pytest.raises(AwayError, match="may still come into force"):
        await parts.change("default", on_sundays)
    caller = asyncio.create_task(parts.change("default", on_sundays))
    await asyncio.sleep(0)
    caller.cancel()
    assert parts.put == []
    back.set()
    async with asyncio.timeout(60):
        while len(parts.put) < 2:
            await asyncio.sleep(0.01)
    assert not parts._changes
