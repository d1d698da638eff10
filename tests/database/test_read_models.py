"""From entries to rows, one read model after the other, on a real Postgres."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import get_args

import pytest
from database.records import (
    Ledger,
    a_bit_of_everything,
    achievement,
    changed,
    correction,
    created,
    freezes,
    in_force,
    level,
    pauses,
    points,
    preferences,
    split,
    store,
    streak,
    total,
)
from msgspec.structs import replace

from broker.ledger import Batch
from projections import definitions
from projections.achievements import completion_counts, completions_of
from projections.changes import Changes
from projections.levels import level_changes
from projections.points import Award, balance, newest_awards, tops
from projections.positions import StalePositionError, positions
from projections.storing import store as store_changes
from projections.streaks import StreakPeriod, streak_history
from projections.streaks import streak as streak_of
from projections.totals import total as total_of
from projections.totals import totals_of
from projections.users import user, user_count
from schemas.definitions import Definitions
from schemas.entries import Entry
from schemas.versions import succeed


def at(day, hour, month=3):
    return datetime(2024, month, day, hour, tzinfo=UTC)


async def known(connection):
    found = await user(connection, "default", "u1")
    assert found is not None
    return found


async def daily(connection):
    found = await streak_of(connection, "default", "u1", "daily")
    assert found is not None
    return found


VERSION = succeed(
    None,
    Definitions.model_validate({"metrics": [{"key": "commits", "name": "Commits"}]}),
    "default",
    at(1, 0),
)


# -- twice is once ------------------------------------------------------------------------------


ONE_EACH: dict[str, list[Entry]] = {
    "users": [created(tz="UTC", attributes={"a": "b"})],
    "totals": [total("commits", "2", "2")],
    "streaks": [streak("started", 1, "2024-03-01")],
    "achievements": [achievement("first")],
    "points": [points("xp", "commit", 10, 10)],
    "levels": [level("xp", None, "newcomer", 10)],
    "freezes": [freezes("granted", 1, 1)],
    "pauses": [pauses("added", "p1", ("p1", "2024-03-01", "2024-03-02"))],
    "streak_preferences": [preferences(enabled=False)],
    "corrections": [correction("0-0-0", "1", "2")],
    "definitions": [in_force(1)],
}


def test_a_bit_of_everything_has_every_kind_of_entry():
    found = {type(it) for record in a_bit_of_everything().records for it in record.entries}
    assert found == set(get_args(Entry))


async def test_a_bit_of_everything_leaves_rows_in_every_table(connection, dump):
    await store(connection, a_bit_of_everything().batch(), [VERSION])
    assert [table for table, rows in (await dump(connection)).items() if not rows] == []


@pytest.mark.parametrize("read_model", ONE_EACH)
async def test_twice_is_once(read_model, connection, dump):
    ledger = Ledger()
    ledger.add("u1", *ONE_EACH[read_model])
    await store(connection, ledger.batch())
    once = await dump(connection)
    with pytest.raises(StalePositionError):
        await store(connection, ledger.batch())
    assert await dump(connection) == once
    assert any(once.values())


async def test_any_cut_into_batches_gives_the_same_rows(connection, dump, stored_at_once):
    ledger = a_bit_of_everything()
    whole = await stored_at_once(ledger.batch())
    for batch in split(ledger, [1] * (len(ledger.records) - 1)):
        await store(connection, batch)
    assert await dump(connection) == whole


@pytest.mark.parametrize("sizes", [[1] * 7, [3, 2]])
async def test_what_several_reads_brought_is_stored_as_if_read_at_once(
    sizes, connection, dump, stored_at_once
):
    left, right = a_bit_of_everything(0, "l"), a_bit_of_everything(1, "r")
    apart = await stored_at_once(left.batch(), right.batch())
    changes = Changes()
    for batch in split(left, sizes):
        changes.add(batch)
    changes.add(right.batch())
    await store_changes(connection, changes)
    assert await dump(connection) == apart
    assert changes.records == len(left.records) + len(right.records)


async def test_what_was_gathered_in_part_before_is_refused_as_a_whole(connection, dump):
    ledger = a_bit_of_everything()
    await store(connection, ledger.batch(0, 2))
    once = await dump(connection)
    changes = Changes(ledger.batch(0, 2))
    changes.add(ledger.batch(2))
    with pytest.raises(StalePositionError):
        await store_changes(connection, changes)
    assert await dump(connection) == once


async def test_batches_of_several_partitions_are_stored_together(connection, dump, stored_at_once):
    left, right = a_bit_of_everything(0, "l"), a_bit_of_everything(1, "r")
    apart = await stored_at_once(left.batch(), right.batch())
    await store(connection, {**left.batch(), **right.batch()})
    assert await dump(connection) == apart
    assert await user_count(connection, "default") == 4
    assert await completion_counts(connection, "default") == {"first": 4}


async def test_a_crash_between_rows_and_commit_loses_nothing_and_doubles_nothing(
    connection, dump, stored_at_once
):
    ledger = a_bit_of_everything()
    empty = await dump(connection)

    class CrashError(Exception):
        pass

    async def crash_after_the_rows():
        async with connection.transaction():
            await store(connection, ledger.batch())
            raise CrashError

    with pytest.raises(CrashError):
        await crash_after_the_rows()
    assert await dump(connection) == empty
    await store(connection, ledger.batch())
    assert await dump(connection) == await stored_at_once(ledger.batch())


async def test_a_batch_that_leaves_a_gap_is_refused(connection, dump):
    ledger = a_bit_of_everything()
    empty = await dump(connection)
    with pytest.raises(StalePositionError):
        await store(connection, ledger.batch(2))
    assert await dump(connection) == empty


async def test_a_batch_read_on_another_link_is_refused(connection):
    # The same offset reached by another lane: what the chain rule admitted is not what is stored.
    ledger = a_bit_of_everything()
    await store(connection, ledger.batch(0, 2))
    batch = ledger.batch(2)[0]
    assert batch.before.last is not None
    other = batch.before._replace(last=replace(batch.before.last, lane="lane-2"))
    with pytest.raises(StalePositionError):
        await store(connection, {0: Batch(batch.records, other, batch.after, 0)})


async def test_positions_move_past_records_that_are_skipped_or_not_applied(connection, dump):
    ledger = Ledger()
    ledger.add("u1", outcome="refused")
    ledger.add(None, outcome="dead")
    ledger.add("u1", outcome="forwarded")
    batch = ledger.batch()[0]
    after = batch.after._replace(offset=5)
    await store(connection, {0: Batch(batch.records, batch.before, after, 2)})
    assert (await positions(connection))[0] == after
    rows = await dump(connection)
    assert not any(rows[table] for table in rows if table != "positions")


# -- users --------------------------------------------------------------------------------------


async def test_a_user_is_known_from_their_first_event_on(connection):
    ledger = Ledger()
    ledger.add("u1", created(tz="Asia/Tokyo"), at="2024-03-01T10:00:00.500000Z")
    await store(connection, ledger.batch())
    found = await known(connection)
    assert found.created == datetime(2024, 3, 1, 10, 0, 0, 500000, tzinfo=UTC)
    assert (found.tz, found.attributes, found.updated) == ("Asia/Tokyo", {}, found.created)
    assert (found.name, found.email, found.subscribe_to_emails) == (None, None, False)
    assert await user(connection, "default", "u2") is None
    assert await user(connection, "other", "u1") is None


async def test_attributes_are_merged_and_null_clears(connection):
    ledger = Ledger()
    ledger.add("u1", created(tz="UTC", attributes={"team": "red", "city": "Bonn"}))
    ledger.add("u1", changed(attributes={"team": "blue"}), at="2024-03-02T10:00:00Z")
    ledger.add("u1", changed(attributes={"city": None, "x": "1"}), at="2024-03-03T10:00:00Z")
    ledger.add("u1", changed(attributes={"x": None}), at="2024-03-04T10:00:00Z")
    for batch in split(ledger, [1, 2]):
        await store(connection, batch)
    found = await known(connection)
    assert found.attributes == {"team": "blue"}
    assert (found.tz, found.updated) == ("UTC", at(4, 10))


async def test_a_time_zone_can_be_taken_back(connection):
    ledger = Ledger()
    ledger.add("u1", created(tz="Asia/Tokyo"))
    ledger.add("u1", changed(tz=None))
    for batch in split(ledger, [1]):
        await store(connection, batch)
    assert (await known(connection)).tz is None


async def test_a_late_event_does_not_set_last_seen_back(connection):
    ledger = Ledger()
    ledger.add("u1", created(), at="2024-03-05T10:00:00Z")
    ledger.add("u1", total("commits", "1", "1"), at="2024-03-07T10:00:00Z")
    ledger.add("u1", total("commits", "1", "2"), at="2024-03-02T10:00:00Z")
    for batch in split(ledger, [2]):
        await store(connection, batch)
    found = await known(connection)
    assert (found.created, found.updated, found.last_seen) == (at(5, 10), at(5, 10), at(7, 10))


async def test_tenants_do_not_see_each_other(connection):
    ledger = Ledger()
    ledger.add("u1", created(), total("commits", "1", "1"), points("xp", "t", 1, 1))
    ledger.add("u1", created(), total("commits", "5", "5"), points("xp", "t", 9, 9), tenant="acme")
    await store(connection, ledger.batch())
    assert await total_of(connection, "default", "u1", "commits") == 1
    assert await total_of(connection, "acme", "u1", "commits") == 5
    assert await balance(connection, "acme", "u1", "xp") == 9
    assert await user_count(connection, "acme") == 1


# -- totals -------------------------------------------------------------------------------------


async def test_totals_are_exact_decimals(connection):
    ledger = Ledger()
    ledger.add("u1", created(), total("km", "0.1", "0.1"))
    ledger.add("u1", total("km", "0.2", "0.3"))
    ledger.add("u1", total("steps", "123456789012345678", "123456789012345678"))
    await store(connection, ledger.batch())
    assert await totals_of(connection, "default", "u1") == {
        "km": Decimal("0.3"),
        "steps": Decimal(123456789012345678),
    }
    assert await total_of(connection, "default", "u1", "nothing") == 0


async def test_a_day_holds_the_sum_of_its_changes(connection):
    ledger = Ledger()
    ledger.add("u1", created(), total("km", "0.1", "0.1", "2024-03-01"))
    ledger.add("u1", total("km", "0.2", "0.3", "2024-03-01"))
    ledger.add("u1", total("km", "-1", "-0.7", "2024-03-02"))
    ledger.add("u1", total("km", "1", "0.3", "2024-03-01"))
    for batch in split(ledger, [2]):
        await store(connection, batch)
    rows = await connection.execute("SELECT day, change, events FROM total_days ORDER BY day")
    assert await rows.fetchall() == [
        (date(2024, 3, 1), Decimal("1.3"), 3),
        (date(2024, 3, 2), Decimal(-1), 1),
    ]


# -- streaks ------------------------------------------------------------------------------------


async def test_a_streak_grows_is_lost_and_starts_again(connection):
    ledger = Ledger()
    ledger.add("u1", created(), streak("started", 1, "2024-03-01"))
    ledger.add(
        "u1",
        streak("extended", 2, "2024-03-02", started="2024-03-01"),
        at="2024-03-02T10:00:00Z",
    )
    await store(connection, ledger.batch())
    found = await daily(connection)
    assert (found.length, found.longest, found.started) == (2, 2, date(2024, 3, 1))
    assert (found.period, found.through) == (date(2024, 3, 2), date(2024, 3, 2))
    assert found.extended == at(2, 10)

    ledger.add("u1", streak("lost", 0, "2024-03-03", lost=2), at="2024-03-09T10:00:00Z")
    await store(connection, ledger.batch(2))
    found = await daily(connection)
    assert (found.length, found.longest, found.started, found.through) == (0, 2, None, None)
    assert (found.period, found.extended) == (date(2024, 3, 2), at(2, 10))

    ledger.add("u1", streak("started", 1, "2024-03-09"), at="2024-03-09T11:00:00Z")
    await store(connection, ledger.batch(3))
    found = await daily(connection)
    assert (found.length, found.longest, found.started) == (1, 2, date(2024, 3, 9))
    assert await streak_of(connection, "default", "u1", "weekly") is None
    assert await streak_history(connection, "default", "u1", "daily", date(2024, 3, 2)) == [
        StreakPeriod(date(2024, 3, 2), 2),
        StreakPeriod(date(2024, 3, 9), 1),
    ]


async def test_the_longest_streak_within_one_batch_is_kept(connection):
    ledger = Ledger()
    ledger.add("u1", created(), streak("started", 1, "2024-03-01"))
    ledger.add("u1", streak("extended", 2, "2024-03-02", started="2024-03-01"))
    ledger.add("u1", streak("lost", 0, "2024-03-03", lost=2), streak("started", 1, "2024-03-09"))
    await store(connection, ledger.batch())
    found = await daily(connection)
    assert (found.length, found.longest, found.period) == (1, 2, date(2024, 3, 9))


async def test_a_carried_streak_moves_only_up_to_where_it_is_kept(connection):
    ledger = Ledger()
    ledger.add("u1", created(), streak("started", 1, "2024-03-01"))
    ledger.add(
        "u1",
        streak("carried", 1, "2024-03-01", through="2024-03-02"),
        at="2024-03-03T10:00:00Z",
    )
    for batch in split(ledger, [1]):
        await store(connection, batch)
    found = await daily(connection)
    assert (found.period, found.through) == (date(2024, 3, 1), date(2024, 3, 2))
    assert (found.length, found.extended) == (1, at(1, 10))
    periods = await streak_history(connection, "default", "u1", "daily", date(2024, 1, 1))
    assert len(periods) == 1


# -- achievements -------------------------------------------------------------------------------


async def test_completions_are_listed_and_counted_once_per_user(connection):
    ledger = Ledger()
    ledger.add("u1", created(), achievement("first"))
    ledger.add("u1", achievement("tenth"), at="2024-03-02T10:00:00Z")
    ledger.add("u2", created(), achievement("first"))
    ledger.add("u1", achievement("first"), at="2024-03-03T10:00:00Z")
    for batch in split(ledger, [3]):
        await store(connection, batch)
    found = await completions_of(connection, "default", "u1")
    assert found == [("first", at(1, 10), "0-0-0"), ("tenth", at(2, 10), "0-0-1")]
    assert await completion_counts(connection, "default") == {"first": 2, "tenth": 1}
    assert await completion_counts(connection, "other") == {}


# -- points and levels --------------------------------------------------------------------------


async def test_every_award_is_kept_under_the_id_of_its_effect(connection):
    ledger = Ledger()
    ledger.add("u1", created(), points("xp", "welcome", 5, 5), definitions=3)
    ledger.add(
        "u1",
        total("commits", "1", "1"),
        points("xp", "commit", 10, 15),
        points("care", "fifth", 3, 3),
        points("xp", "merge", -2, 13),
        definitions=3,
    )
    await store(connection, ledger.batch())
    assert await balance(connection, "default", "u1", "xp") == 13
    assert await balance(connection, "default", "u1", "care") == 3
    assert await balance(connection, "default", "u1", "none") is None
    assert await newest_awards(connection, "default", "u1", "xp", 2) == [
        Award("0-0-1:3", "merge", -2, 13, at(1, 10), 3),
        Award("0-0-1:1", "commit", 10, 15, at(1, 10), 3),
    ]


async def test_points_count_on_the_local_day_of_the_event(connection):
    ledger = Ledger()
    late = "2024-03-01T23:30:00Z"
    ledger.add("u1", created(), points("xp", "welcome", 5, 5), at=late)
    ledger.add("u1", points("xp", "a", 1, 6), total("km", "1", "1", "2024-03-02"), at=late)
    ledger.add("u1", points("xp", "a", 1, 7), total("km", "1", "2", "2024-03-02"), at=late)
    for batch in split(ledger, [2]):
        await store(connection, batch)
    rows = await connection.execute("SELECT day, change FROM point_days ORDER BY day")
    assert await rows.fetchall() == [(date(2024, 3, 1), 5), (date(2024, 3, 2), 2)]


async def test_changes_of_level_are_kept_in_order(connection):
    ledger = Ledger()
    ledger.add("u1", created(), level("xp", None, "bronze", 10))
    ledger.add("u1", level("xp", "bronze", "gold", 200))
    ledger.add("u1", level("xp", "gold", None, 0))
    await store(connection, ledger.batch())
    found = await level_changes(connection, "default", "u1", "xp")
    assert [(it.id, it.before, it.after, it.total) for it in found] == [
        ("0-0-0:1", None, "bronze", 10),
        ("0-0-1:0", "bronze", "gold", 200),
        ("0-0-2:0", "gold", None, 0),
    ]


# -- definitions --------------------------------------------------------------------------------


async def test_a_version_is_in_force_from_its_marker_on(connection):
    ledger = Ledger()
    ledger.add(None, in_force(1), definitions=1)
    assert await definitions.in_force(connection, "default") is None
    await store(connection, ledger.batch(), [VERSION])
    assert await definitions.in_force(connection, "default") == 1
    assert await definitions.version(connection, "default", 1) == VERSION
    assert await definitions.version(connection, "default", 2) is None


async def test_a_version_that_is_known_stays_as_it_is(connection):
    await definitions.add_versions(connection, [VERSION])
    await definitions.add_versions(connection, [VERSION])
    assert await definitions.version(connection, "default", 1) == VERSION


# -- tops ---------------------------------------------------------------------------------------


async def test_tops_show_those_with_most_points_and_what_they_did(connection):
    await store(connection, a_bit_of_everything().batch())
    other = Ledger(1)
    other.add("z", created(), points("xp", "welcome", 50, 50))
    await store(connection, other.batch())
    first, second = await tops(connection, "default", "xp", "daily")
    assert (first.user, first.points, first.totals) == ("z", 50, {})
    assert (second.user, second.points, second.longest) == ("u1", 13, 2)
    assert second.totals == {"commits": Decimal("1.3"), "lines": Decimal(7)}
    assert len(await tops(connection, "default", "xp", "daily", 1)) == 1
