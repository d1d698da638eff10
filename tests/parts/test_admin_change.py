"""How a change of definitions ends when the broker is away or slow; nothing of it is started."""

import asyncio
from typing import cast

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError
from plumbing.gateway_world import AT, version_one

from broker.apply import OvertakenError
from broker.connection import Connection
from broker.definitions import DefinitionsReader
from contract.errors import UnknownItemError
from gateway import edits as module
from gateway.definitions import LiveDefinitions
from gateway.http import errors
from gateway.http.errors import ApiError, UnavailableError
from schemas.codec import UnreadableVersionError, VersionTooLargeError
from schemas.topics import Topics


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


class ListedDefinitions(LiveDefinitions):
    """Definitions whose way to the broker is a list: what was put in force, what that raises."""

    def __init__(self):
        super().__init__(Connection("127.0.0.1:1"), Topics(), lambda: AT, acknowledge_timeout_s=60)
        self.put: list[int] = []
        self.raises: list[Exception] = []


@pytest.fixture
def definitions(monkeypatch):
    made = ListedDefinitions()
    made._known = cast(DefinitionsReader, Reader())

    async def put_in_force(_connection, _topics, _reader, version):
        made.put.append(version.version)
        if made.raises:
            raise made.raises.pop(0)

    monkeypatch.setattr(module, "put_in_force", put_in_force)
    return made


def on_sundays(game):
    settings = game.settings.model_copy(update={"weekStart": "sunday"})
    return game.model_copy(update={"settings": settings}), "on Sundays"


async def test_a_change_is_put_in_force_once(definitions):
    version, outcome = await definitions.change("default", on_sundays)
    assert (version.version, outcome, definitions.put) == (2, "on Sundays", [2])


async def test_what_changes_nothing_is_not_put_in_force(definitions):
    version, outcome = await definitions.change("default", lambda game: (game, "as before"))
    assert (version.version, outcome, definitions.put) == (1, "as before", [])


async def test_a_change_is_made_anew_until_nobody_overtakes_it(definitions):
    definitions.raises = [OvertakenError(), OvertakenError()]
    version, _ = await definitions.change("default", on_sundays)
    assert version.version == 2
    assert len(definitions.put) == 3
    definitions.raises = [OvertakenError()] * 9
    with pytest.raises(UnavailableError, match="Somebody else"):
        await definitions.change("default", on_sundays)


async def test_a_tenant_without_definitions_has_nothing_to_change(definitions):
    with pytest.raises(UnknownItemError) as refused:
        await definitions.change("acme", on_sundays)
    assert errors.refused(refused.value).status == 404


async def test_a_broker_that_goes_away_is_a_503_that_promises_nothing(definitions):
    for error in (KafkaConnectionError(), OSError()):
        definitions.raises = [error]
        with pytest.raises(UnavailableError, match="may still come into force"):
            await definitions.change("default", on_sundays)


async def test_definitions_that_are_too_large_are_the_callers_to_change(definitions):
    for error in (MessageSizeTooLargeError(), VersionTooLargeError("too much")):
        definitions.raises = [error]
        with pytest.raises(ApiError) as refused:
            await definitions.change("default", on_sundays)
        assert refused.value.status == 422


async def test_on_top_of_a_version_that_cannot_be_read_nothing_is_changed(definitions):
    definitions.raises = [UnreadableVersionError("default", 2, "colour: unknown field")]
    with pytest.raises(UnavailableError, match="Nothing is changed: version 2 of tenant 'default'"):
        await definitions.change("default", on_sundays)


async def test_a_change_outlives_the_patience_of_its_caller(definitions):
    definitions._editor._acknowledge_timeout_s = 0.2
    back = asyncio.Event()
    definitions._known = cast(DefinitionsReader, Reader(back.wait))
    with pytest.raises(UnavailableError, match="may still come into force"):
        await definitions.change("default", on_sundays)
    caller = asyncio.create_task(definitions.change("default", on_sundays))
    await asyncio.sleep(0)
    caller.cancel()
    assert definitions.put == []
    back.set()
    async with asyncio.timeout(60):
        while len(definitions.put) < 2:
            await asyncio.sleep(0.01)
    assert not definitions._editor._changes
