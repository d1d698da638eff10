"""The projector and records that it cannot store, or not even read: a real Kafka and Postgres."""

import asyncio

import orjson
import pytest
from database.projected import PATIENCE_S
from database.records import Ledger, a_bit_of_everything, created, points, total
from msgspec.structs import replace
from prometheus_client import REGISTRY

from broker.ledger import Position
from projections.database import connect
from projections.positions import positions
from projections.rebuild import rebuild
from projections.runner import Projector
from projections.set_aside import first_set_aside
from projections.totals import total as total_of
from schemas.codec import UnreadableRecordError, write_record
from schemas.records import Link


def overflow():
    """Return an award that no row can hold."""
    return points("xp", "t", 2**63, 2**63)


async def aside(world):
    """Return where the records that are set aside stand, and of whom they are."""
    async with connect(world.dsn) as connection:
        found = await first_set_aside(connection, 99)
    return sorted((it.partition, it.ledger_offset, it.user) for it in found)


def counted(name):
    return REGISTRY.get_sample_value(f"xp_projector_{name}_total") or 0


async def test_the_projector_goes_on_past_a_record_that_it_cannot_store(world, dump):
    left, right = a_bit_of_everything(0, "l"), a_bit_of_everything(1, "r")
    for ledger, user in ((left, "l1"), (right, "nu\0l")):
        ledger.add(user, created(), overflow(), definitions=1)
        ledger.add("after", created(), total("km", "1", "1"), definitions=1)
    before = counted("set_aside"), counted("records")
    await world.publish(left, right)
    async with world.projecting() as projector:
        await world.caught_up()
        assert await projector.lag() == 0
        # And it is still at work.
        left.add("after", total("km", "1", "2"), definitions=1)
        await world.publish(left)
        await world.caught_up()
    places = [(0, len(left.records) - 3, "l1"), (1, len(right.records) - 2, "nu\\u0000l")]
    assert await aside(world) == places
    stored = len(left.records) + len(right.records) - 2
    assert (counted("set_aside") - before[0], counted("records") - before[1]) == (2, stored)
    async with connect(world.dsn) as connection:
        assert await total_of(connection, "default", "after", "km") == 2
        assert (await positions(connection))[0] == left.position(len(left.records))
        live = await dump(connection)

    # Twice is once: after a restart nothing of it comes again.
    right.add("after", total("km", "1", "2"), definitions=1)
    await world.publish(right)
    async with world.projecting():
        await world.caught_up()
    assert await aside(world) == places
    async with connect(world.dsn) as connection:
        found = await dump(connection)
    assert found["awards"] == live["awards"]


async def test_a_projector_that_ends_before_it_has_set_a_record_aside_does_so_later(world):
    ledger = Ledger()
    ledger.add("u1", created())
    await world.publish(ledger)
    async with world.projecting():
        await world.caught_up()
    ledger.add("u1", overflow())
    ledger.add("u1", total("km", "1", "1"))
    await world.publish(ledger)
    async with connect(world.dsn) as other, other.transaction():
        await other.execute("SELECT FROM positions FOR UPDATE")
        async with world.projecting():
            # It has read the records, and waits for the lock when it ends.
            await asyncio.sleep(1)
    assert await aside(world) == []
    async with world.projecting():
        await world.caught_up()
    assert await aside(world) == [(0, 1, "u1")]


async def test_two_projectors_set_a_record_aside_once(world):
    ledger = Ledger()
    ledger.add("u1", created())
    async with world.projecting(records_max=7), world.projecting(records_max=5):
        for count in range(1, 101):
            ledger.add("u1", total("km", "1", str(count)), points("xp", "a", 1, count))
            if count % 20 == 0:
                ledger.add("u1", overflow())
                await world.publish(ledger)
        await world.caught_up()
    assert len(await aside(world)) == 5
    async with connect(world.dsn) as connection:
        found = await connection.execute("SELECT change, events FROM total_days")
        assert await found.fetchall() == [(100, 100)]
        found = await connection.execute("SELECT count(*), sum(awarded) FROM awards")
        assert await found.fetchall() == [(100, 100)]


async def test_a_rebuild_sets_the_same_records_aside_again(world, dump):
    left, right = a_bit_of_everything(0, "l"), a_bit_of_everything(1, "r")
    left.add("l1", overflow(), definitions=1)
    right.add("n\0", created(), definitions=1)
    right.add("r1", total("km", "1", "1"), definitions=1)
    await world.publish(left, right)
    async with world.projecting():
        await world.caught_up()
    async with connect(world.dsn) as connection:
        before = await dump(connection)
    places = await aside(world)
    assert len(places) == 2
    await rebuild(world.dsn, world.kafka, world.topics, lag_max=0)
    async with connect(world.dsn) as connection:
        assert await dump(connection) == before
    assert await aside(world) == places


# -- what cannot be read ------------------------------------------------------------------------


def newer(record):
    return orjson.dumps(orjson.loads(write_record(record)) | {"v": 3, "colour": "red"})


def misshapen(record):
    return orjson.dumps(orjson.loads(write_record(record)) | {"entries": [{"kind": "unheard-of"}]})


@pytest.mark.parametrize("change", [newer, misshapen])
async def test_a_record_that_cannot_be_read_stops_the_projector_and_is_not_passed(change, world):
    ledger = Ledger()
    ledger.add("u1", created(), total("km", "1", "1"))
    await world.publish(ledger)
    async with world.projecting():
        await world.caught_up()
    record = ledger.add("u1", total("km", "1", "2"))
    await world.publish_raw(0, change(record))
    await world.publish_raw(0, write_record(replace(record, entries=[total("km", "5", "7")])))
    for _ in range(2):
        projector = Projector(world.dsn, world.kafka, world.topics)
        with pytest.raises(UnreadableRecordError):
            await asyncio.wait_for(projector.run(), PATIENCE_S)
    assert await aside(world) == []
    async with connect(world.dsn) as connection:
        assert (await positions(connection))[0] == ledger.position(1)
        assert await total_of(connection, "default", "u1", "km") == 1


def cut(record):
    return write_record(record)[:-9]


def placeless(record):
    words = orjson.loads(write_record(record))
    del words["after"]
    return orjson.dumps(words)


def elsewhere(record):
    """Return a record that cannot be read, and is next to none that was stored."""
    return misshapen(replace(record, after=Link(0, 999, "nobody")))


@pytest.mark.parametrize(
    "junk", [cut, placeless, elsewhere, lambda _: b"", lambda _: b"\xff", lambda _: b'{"v":2}']
)
async def test_what_is_no_record_is_passed_over(junk, world):
    ledger = Ledger()
    ledger.add("u1", created(), total("km", "1", "1"))
    record = ledger.add("u1", total("km", "1", "2"))
    await world.publish_raw(0, junk(record))
    await world.publish(ledger)
    await world.publish_raw(0, junk(record))
    async with world.projecting():
        await world.caught_up()
    async with connect(world.dsn) as connection:
        stored = (await positions(connection))[0]
        assert stored == Position(4, ledger.position(2).last)
        assert await total_of(connection, "default", "u1", "km") == 2
