"""Records that no row can hold, on a real Postgres: set aside, and everybody else goes on."""

import random
import re
import string
from decimal import Decimal

import psycopg
import pytest
from database.records import Ledger, achievement, created, points, streak, total
from database.records import store as store_all
from msgspec.structs import replace

from broker.ledger import Batch, Position
from projections import definitions, storing
from projections.changes import Changes, singly
from projections.database import send_rows
from projections.positions import StalePositionError, positions
from projections.set_aside import first_set_aside, set_aside_count
from projections.storing import store_or_set_aside
from schemas.codec import read_record
from schemas.records import link_of

RECORDS = 20
# So long a key fits into no index, however well it is packed.
LONG = "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=4000))

# What an old ledger, or one that a bug has written to, may hold: user, entries, and the reason.
UNSTORABLE = {
    "an award beyond bigint": ("u1", [points("xp", "t", 2**63, 2**63)], "22003: value"),
    "a balance beyond bigint": ("u1", [points("xp", "t", 1, -(2**63) - 1)], "22003: value"),
    "a length beyond integer": ("u1", [streak("started", 2**31, "2024-03-01")], "22003: value"),
    "a user with U+0000": ("u\0", [created()], r"22P05: .*\\u0000 cannot be converted"),
    "an attribute with U+0000": (
        "u1",
        [created(attributes={"a": "\0"})],
        r"22P05: .*\\u0000 cannot be converted",
    ),
    "a reason with U+0000": ("u1", [points("xp", None, 1, 1, reason="\0")], "22P05: "),
    "a change of more digits than can be added": (
        "u1",
        [replace(total("km", "1", "1"), change=Decimal(f"0.{'3' * 99}"))],
        "Inexact: ",
    ),
    "a key too long for an index": (LONG, [created()], "54000: index row"),
    "an achievement that is too long": ("u1", [achievement(LONG)], "54000: index row"),
}
OVERFLOW = UNSTORABLE["an award beyond bigint"]


def ledgers(places, unstorable=OVERFLOW, partition=0):
    """Return a ledger with a record that cannot be stored at each place, and its twin.

    In the twin those records have no effect.
    """
    found, twin = Ledger(partition), Ledger(partition)
    for place in range(RECORDS):
        user = f"u{partition}-{place % 4}"
        entries = [
            created() if place < 4 else total("steps", "2", str(place)),
            total("km", "0.1", str(place)),
            points("xp", "t", 1, place // 4 + 1),
            achievement("first"),
        ]
        if place in places:
            user, entries, _reason = unstorable
            found.add(user, *entries)
            twin.add(user, outcome="refused")
        else:
            found.add(user, *entries)
            twin.add(user, *entries)
    return found, twin


async def aside(connection):
    """Return where the records that are set aside stand, and why."""
    return [
        (it.partition, it.ledger_offset, it.reason) for it in await first_set_aside(connection, 99)
    ]


async def places_aside(connection):
    return [(partition, offset) for partition, offset, _reason in await aside(connection)]


def reached(ledger):
    """Return the position after a whole ledger."""
    return ledger.position(len(ledger.records))


# -- one record cannot be stored ----------------------------------------------------------------


@pytest.mark.parametrize("kind", UNSTORABLE)
async def test_what_no_row_can_hold_is_set_aside_and_all_else_is_stored(
    kind, connection, dump, stored_at_once
):
    ledger, twin = ledgers([7], UNSTORABLE[kind])
    assert await store_or_set_aside(connection, Changes(ledger.batch())) == 1
    assert await dump(connection) == await stored_at_once(twin.batch())
    (found,) = await first_set_aside(connection, 9)
    user, _entries, reason = UNSTORABLE[kind]
    assert (found.partition, found.ledger_offset, found.event_id) == (0, 7, "0-0-7")
    assert (found.tenant, found.user) == ("default", user.replace("\0", "\\u0000"))
    assert re.match(reason, found.reason)
    assert await set_aside_count(connection) == 1


@pytest.mark.parametrize("kind", UNSTORABLE)
async def test_the_record_that_is_set_aside_can_be_read_from_its_row(kind, connection):
    ledger, _twin = ledgers([0], UNSTORABLE[kind])
    await store_or_set_aside(connection, Changes(ledger.batch(0, 1)))
    (found,) = await first_set_aside(connection, 9)
    assert read_record(found.record.encode()) == ledger.records[0]


@pytest.mark.parametrize(
    "places",
    [[0], [RECORDS - 1], [10], [0, RECORDS - 1], [6, 7], [3, 16], [1, 2, 9, 17], range(RECORDS)],
)
async def test_wherever_they_stand_and_however_many_they_are(
    places, connection, dump, stored_at_once
):
    ledger, twin = ledgers(places)
    assert await store_or_set_aside(connection, Changes(ledger.batch())) == len(places)
    assert await dump(connection) == await stored_at_once(twin.batch())
    assert await places_aside(connection) == [(0, place) for place in places]
    assert (await positions(connection))[0] == reached(ledger)


async def test_a_batch_of_one_record_can_be_the_one(connection):
    ledger, _twin = ledgers([0])
    assert await store_or_set_aside(connection, Changes(ledger.batch(0, 1))) == 1
    assert (await positions(connection))[0] == ledger.position(1)
    assert await places_aside(connection) == [(0, 0)]


async def test_a_batch_without_any_is_stored_at_once_and_nothing_is_set_aside(
    connection, dump, stored_at_once
):
    ledger, _twin = ledgers([])
    assert await store_or_set_aside(connection, Changes(ledger.batch())) == 0
    assert await dump(connection) == await stored_at_once(ledger.batch())
    assert await aside(connection) == []


async def test_partitions_that_were_gathered_together_are_told_apart(
    connection, dump, stored_at_once
):
    left, left_twin = ledgers([4], partition=0)
    right, right_twin = ledgers([0, 19], UNSTORABLE["a user with U+0000"], partition=1)
    changes = Changes(left.batch(0, 6))
    changes.add({**right.batch(0, 9), **left.batch(6)})
    changes.add(right.batch(9))
    assert await store_or_set_aside(connection, changes) == 3
    assert await dump(connection) == await stored_at_once(left_twin.batch(), right_twin.batch())
    assert sorted(await places_aside(connection)) == [(0, 4), (1, 0), (1, 19)]


async def test_records_that_the_chain_rule_skipped_leave_no_gap(connection):
    ledger, _twin = ledgers([3])
    # Twice as far apart, and three more after the last.
    records = [(2 * offset, record) for offset, record in enumerate(ledger.records)]
    after = Position(2 * RECORDS + 3, link_of(ledger.records[-1]))
    batch = Batch(records, Position(), after, RECORDS + 3)
    assert await store_or_set_aside(connection, Changes({0: batch})) == 1
    assert (await positions(connection))[0] == after
    assert await places_aside(connection) == [(0, 6)]


def test_batches_of_one_record_follow_each_other_and_end_where_the_whole_does():
    ledger, _twin = ledgers([])
    records = [(2 * offset, record) for offset, record in enumerate(ledger.records)]
    whole = Batch(records, Position(), Position(99, link_of(ledger.records[-1])), 70)
    idle = Batch([], Position(5), Position(8), 3)
    pieces = list(singly([(0, whole), (1, idle)]))
    assert [len(batch.records) for _, batch in pieces] == [*[1] * RECORDS, 0]
    assert pieces[-1] == (1, idle)
    single = [batch for partition, batch in pieces if partition == 0]
    assert [it.before for it in single[1:]] == [it.after for it in single[:-1]]
    assert (single[0].before, single[-1].after) == (whole.before, whole.after)
    assert sum(it.skipped for it in single) == whole.skipped
    assert [it for batch in single for it in batch.records] == records


async def test_sums_that_overflow_only_together_are_not_at_fault(connection):
    ledger = Ledger()
    for _ in range(3):
        ledger.add("u1", points("xp", "t", 2**62, 0))
        ledger.add("u1", points("xp", "t", -(2**62), 0))
    ledger.add("u1", points("xp", "t", 2**62, 1))
    ledger.add("u1", points("xp", "t", 2**62, 2))
    ledger.add("u1", points("xp", "t", 5, 3))
    # The last but one takes the day's sum beyond what a row holds, and it alone is set aside.
    assert await store_or_set_aside(connection, Changes(ledger.batch())) == 1
    assert await places_aside(connection) == [(0, 7)]
    rows = await connection.execute("SELECT change FROM point_days")
    assert await rows.fetchall() == [(2**62 + 5,)]


async def test_later_records_of_the_user_build_on_nothing_that_is_missing(connection):
    ledger = Ledger()
    ledger.add("u1", created(), total("km", "1", "1"), points("xp", "t", 1, 1))
    ledger.add("u1", total("km", "2", "3"), points("xp", "t", 2**63, 3))
    ledger.add("u1", total("km", "4", "7"), points("xp", "t", 4, 7))
    await store_or_set_aside(connection, Changes(ledger.batch()))
    rows = await connection.execute("SELECT total FROM totals UNION ALL SELECT total FROM points")
    assert await rows.fetchall() == [(7,), (7,)]
    # What is summed up by day lacks what was set aside.
    rows = await connection.execute("SELECT change, events FROM total_days")
    assert await rows.fetchall() == [(5, 2)]


# -- twice is once ------------------------------------------------------------------------------


async def test_twice_is_once(connection, dump):
    ledger, _twin = ledgers([3, 16])
    await store_or_set_aside(connection, Changes(ledger.batch()))
    once = await dump(connection), await aside(connection)
    with pytest.raises(StalePositionError):
        await store_or_set_aside(connection, Changes(ledger.batch()))
    with pytest.raises(StalePositionError):
        await store_or_set_aside(connection, Changes(ledger.batch(16)))
    assert (await dump(connection), await aside(connection)) == once


class CrashError(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("step", ["lock_positions", "set_aside", "move_positions", "reach"])
async def test_a_crash_while_a_record_is_set_aside_loses_nothing_and_doubles_nothing(
    step, connection, dump, stored_at_once, monkeypatch
):
    ledger, twin = ledgers([7])
    set_aside_one, whole = storing._set_aside, getattr(storing, step)

    async def crash_after(*given):
        await whole(*given)
        raise CrashError

    def crash(*_):
        raise CrashError

    async def crash_within(*given):
        with monkeypatch.context() as patched:
            patched.setattr(storing, step, crash if step == "reach" else crash_after)
            await set_aside_one(*given)

    with monkeypatch.context() as patched:
        patched.setattr(storing, "_set_aside", crash_within)
        with pytest.raises(CrashError):
            await store_or_set_aside(connection, Changes(ledger.batch()))
    # What came before it is stored, it is neither set aside nor passed.
    assert await aside(connection) == []
    assert (await positions(connection))[0] == ledger.position(7)
    assert await store_or_set_aside(connection, Changes(ledger.batch(7))) == 1
    assert await dump(connection) == await stored_at_once(twin.batch())
    assert await places_aside(connection) == [(0, 7)]


async def test_who_was_overtaken_meanwhile_sets_nothing_aside(connection, monkeypatch):
    ledger, _twin = ledgers([7])
    set_one_aside = storing._set_aside

    async def overtaken(*given):
        await set_one_aside(*given)
        return await set_one_aside(*given)

    monkeypatch.setattr(storing, "_set_aside", overtaken)
    with pytest.raises(StalePositionError):
        await store_or_set_aside(connection, Changes(ledger.batch()))
    assert await places_aside(connection) == [(0, 7)]
    assert (await positions(connection))[0] == ledger.position(8)


# -- what is about something else ---------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("the connection is lost"),
        psycopg.InterfaceError("the connection is closed"),
        psycopg.DataError("without a state"),
        psycopg.errors.ConnectionFailure("08006"),
        psycopg.errors.UniqueViolation("23505"),
        psycopg.errors.InFailedSqlTransaction("25P02"),
        psycopg.errors.DeadlockDetected("40P01"),
        psycopg.errors.UndefinedTable("42P01"),
        psycopg.errors.DiskFull("53100"),
        psycopg.errors.OutOfMemory("53200"),
        psycopg.errors.LockNotAvailable("55P03"),
        psycopg.errors.QueryCanceled("57014"),
        psycopg.errors.AdminShutdown("57P01"),
        psycopg.errors.IoError("58030"),
        psycopg.errors.InternalError_("XX000"),
        KeyError("a bug of ours"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_an_error_that_is_not_about_a_record_sets_none_aside(
    error, connection, dump, monkeypatch
):
    ledger, _twin = ledgers([])
    empty = await dump(connection)

    async def fail(*_):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(storing, "send_rows", fail)
        with pytest.raises(type(error)):
            await store_or_set_aside(connection, Changes(ledger.batch()))
    assert await aside(connection) == []
    assert await dump(connection) == empty


async def test_an_outage_in_the_midst_of_it_sets_no_good_record_aside(
    connection, dump, stored_at_once, monkeypatch
):
    ledger, twin = ledgers([7])
    send = send_rows
    left = 60

    async def fail_soon(*given):
        nonlocal left
        left -= 1
        if left < 0:
            raise psycopg.OperationalError("the connection is lost")
        await send(*given)

    with monkeypatch.context() as patched:
        patched.setattr(storing, "send_rows", fail_soon)
        with pytest.raises(psycopg.OperationalError):
            await store_or_set_aside(connection, Changes(ledger.batch()))
    assert set(await places_aside(connection)) <= {(0, 7)}
    at = (await positions(connection))[0].offset
    await store_or_set_aside(connection, Changes(ledger.batch(at)))
    assert await dump(connection) == await stored_at_once(twin.batch())
    assert await places_aside(connection) == [(0, 7)]


async def test_a_version_that_cannot_be_stored_is_no_fault_of_the_records(
    connection, dump, monkeypatch
):
    ledger, _twin = ledgers([])
    empty = await dump(connection)

    async def fail(*_):
        raise psycopg.errors.UntranslatableCharacter("22P05")

    monkeypatch.setattr(definitions, "add_versions", fail)
    with pytest.raises(psycopg.DataError):
        await store_or_set_aside(connection, Changes(ledger.batch()))
    assert await aside(connection) == []
    assert await dump(connection) == empty


async def test_without_it_nothing_of_the_batch_is_stored(connection, dump):
    ledger, _twin = ledgers([7])
    empty = await dump(connection)
    with pytest.raises(psycopg.DataError):
        await store_all(connection, ledger.batch())
    assert await dump(connection) == empty
