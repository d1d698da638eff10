"""The projector and the rebuild: a real Kafka on one side, a real Postgres on the other."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from database.projected import PATIENCE_S, VERSION
from database.records import Ledger, a_bit_of_everything, created, in_force, points, total
from msgspec.structs import replace
from prometheus_client import REGISTRY

from broker.ledger import LedgerReader, Position
from projections import definitions, runner
from projections.database import ReadFormatError, connect
from projections.lag import events_behind, ledger_lag
from projections.migrations import create_read, migrate
from projections.outages import AwayError
from projections.points import balance
from projections.positions import add_positions, positions
from projections.rebuild import SHADOW, Progress, RebuildRunningError, rebuild
from projections.runner import LedgerLostError, Projector
from projections.totals import total as total_of
from projections.users import user
from schemas.codec import write_record, write_version
from schemas.definitions import Definitions
from schemas.order import link_of
from schemas.topics import Topics
from schemas.versions import succeed


async def rows_of(world, dump):
    async with connect(world.dsn) as connection:
        return await dump(connection)


async def test_the_ledger_becomes_rows(world, dump, stored_at_once):
    left, right = a_bit_of_everything(0, "l"), a_bit_of_everything(1, "r")
    await world.publish(left, right)
    async with world.projecting() as projector:
        await world.caught_up()
        assert await projector.lag() == 0
        assert (await projector.positions())[0] == left.position(len(left.records))
    apart = await stored_at_once(left.batch(), right.batch(), versions=[VERSION])
    found = await rows_of(world, dump)
    del apart["positions"], found["positions"]
    assert found == apart


async def test_a_projector_goes_on_where_the_last_one_stopped(world):
    ledger = Ledger()
    ledger.add("u1", created(), total("km", "1", "1"))
    await world.publish(ledger)
    async with world.projecting():
        await world.caught_up()
    ledger.add("u1", total("km", "1", "2"))
    await world.publish(ledger)
    async with world.projecting():
        await world.caught_up()
    async with connect(world.dsn) as connection:
        found = await connection.execute("SELECT change, events FROM total_days")
        assert await found.fetchall() == [(2, 2)]


async def test_a_record_of_a_lane_that_lost_is_skipped(world):
    ledger = Ledger()
    ledger.add("u1", created(), points("xp", "a", 1, 1))
    await world.publish(ledger)
    zombie = replace(ledger.records[0], lane="lane-2")
    await world.publish_raw(0, write_record(zombie))
    ledger.add("u1", points("xp", "a", 1, 2))
    await world.publish(ledger)
    async with world.projecting():
        await world.caught_up()
    async with connect(world.dsn) as connection:
        assert await balance(connection, "default", "u1", "xp") == 2
        assert (await positions(connection))[0] == Position(3, link_of(ledger.records[1]))


async def test_what_comes_while_postgres_is_busy_is_stored_together(world):
    ledger = Ledger()
    ledger.add("u1", created())
    async with world.projecting(records_max=3), connect(world.dsn) as other:
        await world.publish(ledger)
        await world.caught_up()
        before = stored_batches()
        async with other.transaction():
            await other.execute("SELECT FROM positions FOR UPDATE")
            for count in range(1, 41):
                ledger.add("u1", total("km", "1", str(count)))
                await world.publish(ledger)
            await asyncio.sleep(0.5)
        await world.caught_up()
        # The first of them, which waited for the lock, and the others.
        assert stored_batches() - before == 2
    async with connect(world.dsn) as connection:
        found = await connection.execute("SELECT change, events FROM total_days")
        assert await found.fetchall() == [(40, 40)]


async def test_a_trickle_is_read_a_few_times_and_not_record_by_record(world, monkeypatch):
    monkeypatch.setattr(runner, "READ_EVERY_S", 0.5)
    reads = reads_that_brought_something(monkeypatch)
    ledger = Ledger()
    async with world.projecting():
        await world.caught_up()
        reads.clear()
        for count in range(1, 81):
            ledger.add("u1", total("km", "1", str(count)))
            await world.publish(ledger)
            await asyncio.sleep(0.025)
        await world.caught_up()
    # Two seconds and a bit, and the first at once.
    assert 1 < len(reads) <= 8


async def test_a_projector_that_is_far_behind_does_not_rest(world, monkeypatch):
    monkeypatch.setattr(runner, "READ_EVERY_S", 2 * PATIENCE_S)
    ledger = Ledger()
    for count in range(1, 7):
        ledger.add("u1", total("km", "1", str(count)))
    await world.publish(ledger)
    # Each read is as full as may be.
    async with world.projecting(records_max=1):
        await world.caught_up()


def reads_that_brought_something(monkeypatch):
    reads = []
    read = LedgerReader.read

    async def counting(reader, *given):
        batches = await read(reader, *given)
        if batches:
            reads.append(batches)
        return batches

    monkeypatch.setattr(LedgerReader, "read", counting)
    return reads


def stored_batches():
    return REGISTRY.get_sample_value("xp_projector_batch_seconds_count")


async def test_two_projectors_count_nothing_twice(world):
    ledger = Ledger()
    ledger.add("u1", created())
    async with world.projecting(records_max=7), world.projecting(records_max=5):
        for count in range(1, 301):
            ledger.add("u1", total("km", "1", str(count)), points("xp", "a", 1, count))
            if count % 20 == 0:
                await world.publish(ledger)
        await world.caught_up()
    async with connect(world.dsn) as connection:
        found = await connection.execute("SELECT change, events FROM total_days")
        assert await found.fetchall() == [(300, 300)]
        found = await connection.execute("SELECT count(*), sum(awarded) FROM awards")
        assert await found.fetchall() == [(300, 300)]


async def test_a_version_published_meanwhile_is_there_with_its_marker(world):
    ledger = Ledger()
    async with world.projecting():
        await world.caught_up()
        second = succeed(VERSION, Definitions(), "default", datetime(2024, 3, 2, tzinfo=UTC))
        await world.producer.send_and_wait(
            world.topics.definitions, write_version(second), partition=0
        )
        ledger.add(None, in_force(2), definitions=2)
        await world.publish(ledger)
        await world.caught_up()
    async with connect(world.dsn) as connection:
        assert await definitions.in_force(connection, "default") == 2
        assert await definitions.version(connection, "default", 2) == second


async def test_a_version_that_cannot_be_read_holds_up_nobody(world):
    ledger = Ledger()
    ledger.add("u1", created(), definitions=2)
    ledger.add("u2", created(), tenant="other", definitions=1)
    other = succeed(None, Definitions(), "other", VERSION.at)
    second = write_version(succeed(VERSION, Definitions(), "default", VERSION.at))
    for raw in (second.replace(b'"tenant"', b'"colour":1,"tenant"'), write_version(other)):
        await world.producer.send_and_wait(world.topics.definitions, raw, partition=0)
    await world.publish(ledger)
    async with world.projecting():
        await world.caught_up()
    async with connect(world.dsn) as connection:
        assert await user(connection, "default", "u1")
        assert await user(connection, "other", "u2")
        assert await definitions.version(connection, "default", 2) is None
        assert await definitions.version(connection, "other", 1) == other


async def test_a_version_is_stored_with_its_marker_even_if_the_tables_were_swapped_since(world):
    async with world.projecting() as projector:
        async with asyncio.timeout(PATIENCE_S):
            while not projector._stored_versions:
                await asyncio.sleep(0.05)
        async with connect(world.dsn) as connection:
            await connection.execute("DELETE FROM definitions")
        ledger = Ledger()
        ledger.add(None, in_force(1), definitions=1)
        await world.publish(ledger)
        await world.caught_up()
    async with connect(world.dsn) as connection:
        assert await definitions.version(connection, "default", 1) == VERSION


async def test_profiles_are_merged_field_by_field(world):
    ledger = Ledger()
    ledger.add("u1", created())
    await world.publish(ledger)

    async def profile(connection):
        found = await user(connection, "default", "u1")
        return found and (found.name, found.email, found.device_tokens, found.subscribe_to_emails)

    async with world.projecting():
        await world.profile("u1", name="Ada", email="ada@example.org", deviceTokens=["a"])
        await world.seen(profile, ("Ada", "ada@example.org", ["a"], True))
        await world.profile("u1", name="Ada L.", deviceTokens=None)
        await world.seen(profile, ("Ada L.", "ada@example.org", None, True))
    await world.profile("u1", subscribeToEmails=False)
    await world.producer.send_and_wait(world.topics.profiles, b"\xff", key=b"u1")
    await world.producer.send_and_wait(world.topics.profiles, b'{"user": 5}', key=b"u1")
    await world.producer.send_and_wait(world.topics.profiles, None, key=b"u1")
    await world.profile("u1", email="new@example.org")
    await world.profile("u1", name="Last")
    async with world.projecting():
        await world.seen(profile, ("Last", None, None, False))


async def test_events_behind_are_those_after_the_last_record_of_their_partition(world):
    async with world.projecting():
        for _ in range(3):
            await world.producer.send_and_wait(world.topics.events, b"{}", partition=0)
        assert await events_behind(world.dsn, world.kafka, world.topics) == 3
        ledger = Ledger()
        ledger.add(None, outcome="dead")
        ledger.add(None, outcome="dead")
        await world.publish(ledger)
        await world.caught_up()
        assert await events_behind(world.dsn, world.kafka, world.topics) == 1


async def test_a_postgres_that_breaks_every_connection_is_outlasted(world):
    ledger = Ledger()
    ledger.add("u1", created(), total("km", "1", "1"))
    await world.publish(ledger)
    async with world.projecting():
        await world.caught_up()
        async with connect(world.dsn) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ledger.add("u1", total("km", "1", "2"))
        await world.publish(ledger)
        await world.caught_up()
        async with connect(world.dsn) as connection:
            assert await total_of(connection, "default", "u1", "km") == 2


async def test_a_projector_of_another_format_stops_with_what_to_run(world):
    async with connect(world.dsn) as connection:
        await connection.execute("UPDATE format SET value = '0-old'")
    projector = Projector(world.dsn, world.kafka, world.topics)
    with pytest.raises(ReadFormatError, match="xp project --rebuild"):
        await asyncio.wait_for(projector.run(), PATIENCE_S)


async def test_a_ledger_that_lacks_what_is_due_next_stops_the_projector(world):
    ledger = Ledger()
    ledger.add("u1", created())
    await world.publish(ledger)
    async with connect(world.dsn) as connection:
        await add_positions(connection, 2)
        await connection.execute("UPDATE positions SET next_offset = 99 WHERE partition = 0")
    projector = Projector(world.dsn, world.kafka, world.topics)
    with pytest.raises(LedgerLostError, match="xp project --rebuild"):
        await asyncio.wait_for(projector.run(), PATIENCE_S)


async def test_a_lag_of_topics_that_are_not_there_is_not_zero(world):
    with pytest.raises(AwayError, match="there is no topic"):
        await ledger_lag(world.dsn, world.kafka, Topics(prefix="none."))


# -- rebuild ------------------------------------------------------------------------------------


async def test_a_rebuild_equals_the_live_read_models_row_for_row(world, dump):
    left, right = a_bit_of_everything(0, "l"), a_bit_of_everything(1, "r")
    await world.publish(left, right)
    async with world.projecting():
        await world.caught_up()
    before = await rows_of(world, dump)
    seen: list[Progress] = []
    await rebuild(world.dsn, world.kafka, world.topics, progress=seen.append, lag_max=0)
    assert await rows_of(world, dump) == before
    assert (seen[-1].read, seen[-1].lag) == (len(left.records) + len(right.records), 0)


async def test_what_was_wrong_in_the_live_read_models_is_mended_and_own_is_not_touched(world):
    ledger = Ledger()
    ledger.add("u1", created(), total("km", "1", "1"))
    await world.publish(ledger)
    async with world.projecting():
        await world.profile("u1", name="Ada")
        await world.caught_up()

        async def name(connection):
            found = await user(connection, "default", "u1")
            return found and found.name

        await world.seen(name, "Ada")
    async with connect(world.dsn) as connection:
        await connection.execute("UPDATE totals SET total = 99")
        await connection.execute("UPDATE format SET value = '0-old'")
    await rebuild(world.dsn, world.kafka, world.topics)
    async with connect(world.dsn) as connection:
        assert await total_of(connection, "default", "u1", "km") == 1
        assert await name(connection) == "Ada"
    assert await migrate(world.dsn) == []


async def test_live_projectors_and_readers_go_on_over_a_rebuild(world):
    ledger = Ledger()
    ledger.add("u1", created())
    count = 0

    async def keep_publishing():
        nonlocal count
        while True:
            for _ in range(20):
                count += 1
                ledger.add("u1", total("km", "1", str(count)), points("xp", "a", 1, count))
            await world.publish(ledger)
            await asyncio.sleep(0.02)

    async with world.projecting(records_max=50), connect(world.dsn) as reader:
        publishing = asyncio.create_task(keep_publishing())
        last = Decimal(0)
        for _ in range(3):
            await rebuild(world.dsn, world.kafka, world.topics, lag_max=200)
            # The same prepared statement before and after: it must mean the tables of now.
            for _ in range(8):
                reached = await total_of(reader, "default", "u1", "km")
                assert reached >= last
                last = reached
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        ledger.add("u1", total("km", "1", str(count + 1)))
        await world.publish(ledger)
        await world.caught_up()
        assert await total_of(reader, "default", "u1", "km") == count + 1
        found = await reader.execute("SELECT sum(change), sum(events) FROM total_days")
        assert await found.fetchall() == [(count + 1, count + 1)]
        found = await reader.execute("SELECT count(*), sum(awarded) FROM awards")
        assert await found.fetchall() == [(count, count)]


async def test_a_killed_rebuild_leaves_the_live_schema_alone_and_the_next_one_cleans_up(
    world, dump
):
    ledger = a_bit_of_everything()
    await world.publish(ledger)
    async with world.projecting():
        await world.caught_up()
    before = await rows_of(world, dump)
    # What a rebuild leaves that is killed between its two schemas.
    async with connect(world.dsn) as connection:
        await create_read(connection, SHADOW)
        await connection.execute("CREATE SCHEMA read_old")
    running = asyncio.create_task(rebuild(world.dsn, world.kafka, world.topics))
    await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await rows_of(world, dump) == before
    await rebuild(world.dsn, world.kafka, world.topics)
    assert await rows_of(world, dump) == before
    async with connect(world.dsn) as connection:
        found = await connection.execute(
            "SELECT count(*) FROM pg_namespace WHERE nspname IN ('read_next', 'read_old')"
        )
        assert await found.fetchone() == (0,)


async def test_a_second_rebuild_at_the_same_time_is_refused(world):
    first = asyncio.create_task(rebuild(world.dsn, world.kafka, world.topics))
    await asyncio.sleep(0.2)
    with pytest.raises(RebuildRunningError):
        await rebuild(world.dsn, world.kafka, world.topics)
    await first
