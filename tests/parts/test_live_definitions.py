"""When definitions are read anew: for what they lack, and for nothing else. No broker is asked."""

from typing import cast

import pytest
from aiokafka.errors import KafkaConnectionError
from plumbing.gateway_world import AT, GAME, version_one

from broker.connection import Connection
from broker.definitions import DefinitionsReader
from contract.errors import MissingItemError, UnknownItemError
from contract.items import check_event_metric, check_metric, metric_item
from gateway.definitions import LiveDefinitions
from gateway.http.errors import NotReadyError
from gateway.missed import FOR_S, MAX, Missed
from schemas.definitions import Definitions
from schemas.records import RECORD_VERSION, Record, Source
from schemas.topics import Topics
from schemas.versions import succeed


class Reader:
    """Definitions of one tenant, of which a newer version is there once they are read anew."""

    def __init__(self, *, away=False):
        self.refreshes = 0
        self._away = away

    async def refresh(self):
        self.refreshes += 1
        if self._away:
            raise KafkaConnectionError

    epoch = 0

    def get(self, _tenant, _number):
        return None

    def head(self, tenant):
        if tenant != "default":
            return None
        first = version_one()
        if not self.refreshes or self._away:
            return first
        metrics = [*GAME["metrics"], {"key": "steps", "name": "Steps"}]
        game = Definitions.model_validate({**GAME, "metrics": metrics})
        return succeed(first, game, "default", AT)


def live(reader):
    made = LiveDefinitions(
        Connection("127.0.0.1:1"), Topics(), lambda: AT, acknowledge_timeout_s=60
    )
    made._known = cast(DefinitionsReader, reader)
    return made


def reading(key, seen):
    async def read(version):
        seen.append(version.version)
        return metric_item(version, key).name

    return read


async def test_what_the_definitions_have_is_checked_once():
    reader = Reader()
    await live(reader).checked("default", lambda head: check_metric(head, "commits"))
    assert reader.refreshes == 0


async def test_what_the_definitions_lack_is_checked_against_newer_ones():
    reader = Reader()
    await live(reader).checked("default", lambda head: check_metric(head, "steps"))
    assert reader.refreshes == 1


async def test_what_newer_definitions_lack_too_is_refused_and_soon_without_reading_them_again():
    reader = Reader()
    definitions = live(reader)
    for _ in range(2):
        with pytest.raises(UnknownItemError, match="'none'"):
            await definitions.checked("default", lambda head: check_metric(head, "none"))
    assert reader.refreshes == 1


@pytest.fixture
def clock(monkeypatch):
    """Give a clock that a test moves by hand."""

    class Clock:
        now_s = 1000.0

    monkeypatch.setattr("time.monotonic", lambda: Clock.now_s)
    return Clock


async def test_what_was_missing_a_moment_ago_is_not_read_for_again(clock):
    reader = Reader()
    definitions = live(reader)

    async def ask(key, tenant="default"):
        with pytest.raises(UnknownItemError):
            await definitions.checked(tenant, lambda head: check_event_metric(head, key))

    for step in range(4):
        # Long enough that definitions may be read anew.
        clock.now_s += 1.1
        await ask("none")
        assert reader.refreshes == 1, step
    for tenant in ("default", "nobody"):
        clock.now_s += 1.1
        await ask("other", tenant)
    assert reader.refreshes == 3
    # Another moment, and it may have come to be.
    clock.now_s += FOR_S
    await ask("none")
    assert reader.refreshes == 4


async def test_a_tenant_of_nobody_is_read_for_once(clock):
    reader = Reader()
    definitions = live(reader)
    for _ in range(3):
        clock.now_s += 1.1
        with pytest.raises(UnknownItemError):
            await definitions.newest("nobody")
    assert reader.refreshes == 1
    assert (await definitions.newest("default")).version == 2
    assert reader.refreshes == 2


async def test_records_of_a_version_that_cannot_be_read_are_read_for_once(clock):
    reader = Reader()
    definitions = live(reader)
    record = Record(RECORD_VERSION, Source(0, 0, 1), None, 0, definitions=9, rules=1)
    for _ in range(3):
        clock.now_s += 1.1
        await definitions.look(record)
    assert reader.refreshes == 1


def test_no_more_is_remembered_of_what_is_missing_than_is_bounded(clock):
    missed = Missed()
    for number in range(2 * MAX):
        missed.note(f"name {number}")
    assert len(missed) == MAX
    assert f"name {2 * MAX - 1}" in missed
    assert "name 0" not in missed
    clock.now_s += FOR_S
    assert f"name {2 * MAX - 1}" not in missed


async def test_rows_that_are_ahead_of_the_definitions_are_read_again_under_newer_ones():
    seen: list[int] = []
    assert await live(Reader()).reading("default", reading("steps", seen)) == "Steps"
    assert seen == [1, 2]


async def test_rows_are_not_read_again_where_no_newer_definitions_can_be_had():
    seen: list[int] = []
    with pytest.raises(NotReadyError) as told:
        await live(Reader(away=True)).reading("default", reading("steps", seen))
    assert told.value.status == 503
    assert seen == [1]


async def test_what_the_newest_definitions_lack_is_a_mistake_and_not_a_matter_of_time():
    with pytest.raises(MissingItemError):
        await live(Reader()).reading("default", reading("none", []))


@pytest.mark.parametrize("mistake", [KeyError("steps"), IndexError(), LookupError("steps")])
async def test_a_missing_key_of_our_own_does_not_pass_for_definitions_that_are_behind(mistake):
    reader = Reader()

    async def read(_version):
        raise mistake

    with pytest.raises(type(mistake)):
        await live(reader).reading("default", read)
    assert reader.refreshes == 0


async def test_a_tenant_without_definitions_has_nothing_to_read():
    with pytest.raises(UnknownItemError, match="no definitions"):
        await live(Reader()).reading("acme", reading("steps", []))
