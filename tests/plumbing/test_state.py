"""The state of a partition on a real store: what stays, what is forgotten, what a restart finds."""

from datetime import datetime
from decimal import Decimal

import orjson
import pytest

from processor.rules.standing import Standing
from processor.state import HotRoom, PartitionState, Told, key_hash, origin_hash, pack_use, read_use
from processor.store import Store
from schemas.codec import read_event_id
from schemas.order import Link

PARTITION = 3


@pytest.fixture
def disk(tmp_path):
    store = Store(tmp_path / "0")
    yield store
    store.close()


def record(offset, total="1", **fields):
    """Return an applied record of one event."""
    made = {
        "id": f"0-{PARTITION}-{offset}",
        "outcome": "applied",
        "at": "2026-03-02T12:00:00Z",
        "appended": "2026-03-02T12:00:00Z",
        "source": (0, PARTITION, offset),
        "lane": "lane",
        "tenant": "default",
        "user": "ada",
        "input": {"metric": "commits"},
        "entries": [
            {
                "kind": "total",
                "metric": "commits",
                "change": "1",
                "total": total,
                "day": "2026-03-02",
            }
        ],
    }
    return {**made, **fields}


def total(state, user="ada", tenant="default"):
    """Return a user's total, None for one who is not known."""
    standing = state.standing(tenant, user)
    return standing and standing["series"]["commits"][0]


KEY = key_hash("default", "ada", "commits", "k")


def test_a_partition_begins_at_record_zero_with_nobody(disk):
    state = PartitionState(disk, PARTITION)
    assert (state.position, state.versions) == ((0, None), {})
    assert (state.standing("default", "ada"), state.first_use(KEY)) == (None, None)
    assert state.next_source(0) == 0


def test_what_is_applied_is_known_at_once(disk):
    state = PartitionState(disk, PARTITION)
    state.apply(record(0, key="k"))
    state.apply(record(1, "2"))
    assert (total(state), state.first_use(KEY)) == ("2", "0-3-0")
    assert state.last == Link(0, 1, "lane")
    # The position is that of what is stored, the link that of what was applied.
    assert state.ledger == 0


def test_a_standing_that_is_known_saves_the_fold(disk):
    state = PartitionState(disk, PARTITION)
    state.apply(record(0))
    before = state.standing("default", "ada")
    assert before is not None
    known: Standing = {**before, "tz": "Asia/Tokyo"}
    state.apply(record(1), known)
    assert state.standing("default", "ada") is known


def test_a_restart_finds_what_was_kept_and_nothing_else(disk):
    state = PartitionState(disk, PARTITION)
    marker = {"user": None, "input": None, "entries": [{"kind": "definitions", "version": 4}]}
    state.apply(record(0, **marker))
    state.apply(record(1, key="k"))
    state.keep(12)
    state.apply(record(2, "2", key="l"))
    again = PartitionState(disk, PARTITION)
    assert again.position == (12, Link(0, 1, "lane"))
    assert again.versions == {"default": 4}
    assert (total(again), again.first_use(KEY)) == ("1", "0-3-1")
    assert again.first_use(key_hash("default", "ada", "commits", "l")) is None


def test_a_restart_of_the_process_finds_it_too(tmp_path):
    store = Store(tmp_path / "0")
    state = PartitionState(store, PARTITION)
    state.apply(record(0, key="k"))
    state.keep(1)
    store.close()
    store = Store(tmp_path / "0")
    again = PartitionState(store, PARTITION)
    assert (total(again), again.first_use(KEY), again.position.offset) == ("1", "0-3-0", 1)
    store.close()


def test_drop_goes_back_to_what_was_kept(disk):
    state = PartitionState(disk, PARTITION)
    state.apply(record(0))
    state.keep(1)
    marker = {"user": None, "input": None, "entries": [{"kind": "definitions", "version": 4}]}
    state.apply(record(1, "2", key="k"))
    state.apply(record(2, **marker))
    state.drop()
    assert (total(state), state.first_use(KEY), state.versions) == ("1", None, {})
    assert state.position == (1, Link(0, 0, "lane"))
    state.apply(record(1, "3"))
    assert total(state) == "3"


def test_reset_throws_everything_away_for_good(disk):
    state = PartitionState(disk, PARTITION)
    state.apply(record(0, key="k"))
    state.keep(1)
    state.reset()
    for it in (state, PartitionState(disk, PARTITION)):
        assert (total(it), it.first_use(KEY), it.position) == (None, None, (0, None))
    state.apply(record(0, "7"))
    state.keep(1)
    assert total(PartitionState(disk, PARTITION)) == "7"


@pytest.mark.parametrize("outcome", ["replayed", "refused", "forwarded", "dead"])
def test_what_was_not_applied_moves_nothing_but_the_position(disk, outcome):
    state = PartitionState(disk, PARTITION)
    state.apply(record(0))
    state.apply(record(1, "9", outcome=outcome, key="k"))
    state.keep(2)
    assert (total(state), state.first_use(KEY)) == ("1", None)
    assert state.position == (2, Link(0, 1, "lane"))


def test_users_of_several_tenants_with_one_name_are_several_users(disk):
    state = PartitionState(disk, PARTITION)
    state.apply(record(0, "1"))
    state.apply(record(1, "2", tenant="acme"))
    state.apply(record(2, "3", user="acme/ada"))
    state.keep(3)
    found = [total(state), total(state, tenant="acme"), total(state, "acme/ada")]
    assert found == ["1", "2", "3"]


def test_many_users_are_read_back_from_the_store(disk):
    state = PartitionState(disk, PARTITION, room=HotRoom(1))
    for offset in range(9):
        state.apply(record(offset, str(offset), user=f"u{offset}"))
    state.keep(9)
    assert len(state._hot) == 1
    assert [total(state, f"u{offset}") for offset in range(9)] == [str(it) for it in range(9)]


def test_the_memory_of_hot_users_is_shared_by_a_workers_partitions(disk):
    room = HotRoom(10_000)
    room.shares = 2
    state = PartitionState(disk, PARTITION, room=room)
    for offset in range(99):
        state.apply(record(offset, user=f"u{offset:02}"))
    state.keep(99)
    size = len(orjson.dumps(state.standing("default", "u98")))
    assert len(state._hot) == 5_000 // size


def test_the_offset_of_the_last_record_applied_is_kept_apart_from_the_position(disk):
    state = PartitionState(disk, PARTITION)
    state.apply(record(0))
    state.keep(3, applied=1)
    again = PartitionState(disk, PARTITION)
    assert (again.ledger, again.applied, again.appended) == (3, 1, "2026-03-02T12:00:00Z")


# The window of keys. The day of the first use is 2026-03-02.


def used(disk, **options):
    """Return a state in which KEY was used at noon of 2026-03-02."""
    state = PartitionState(disk, PARTITION, **options)
    state.apply(record(0, key="k"))
    state.keep(1)
    return state


def instant(text):
    return datetime.fromisoformat(text)


def test_without_a_window_a_key_counts_for_ever(disk):
    assert used(disk).first_use(KEY, instant("2099-01-01T00:00:00Z")) == "0-3-0"


def test_a_key_counts_to_the_end_of_the_last_day_of_its_window(disk):
    state = used(disk, key_window_days=30)
    assert state.first_use(KEY, instant("2026-04-01T23:59:59.999Z")) == "0-3-0"
    assert state.first_use(KEY, instant("2026-04-02T00:00:00Z")) is None
    # In UTC, whatever the zone in which it is told.
    assert state.first_use(KEY, instant("2026-04-02T01:00:00+02:00")) == "0-3-0"


def test_a_key_whose_window_has_ended_on_the_ledger_stays_free_for_an_older_event(disk):
    state = used(disk, key_window_days=30)
    state.apply(record(1, appended="2026-04-02T00:00:00Z"))
    assert state.first_use(KEY, instant("2026-03-10T00:00:00Z")) is None


def test_a_key_that_is_used_again_after_its_window_begins_a_new_one(disk):
    state = used(disk, key_window_days=30)
    state.apply(record(5, key="k", appended="2026-04-02T00:00:00Z"))
    state.keep(2)
    assert state.first_use(KEY, instant("2026-05-02T00:00:00Z")) == "0-3-5"
    assert state.first_use(KEY, instant("2026-05-03T00:00:00Z")) is None


def test_where_a_forwarded_event_was_first_found_has_no_window(disk):
    state = PartitionState(disk, PARTITION, key_window_days=1)
    state.apply(record(0, id="0-1-9"))
    state.apply(record(1, appended="2030-01-01T00:00:00Z"))
    assert state.first_use(origin_hash("0-1-9")) == "0-1-9"


def test_the_fold_knows_the_same_keys_as_the_judge_did(disk, tmp_path):
    # Whatever was kept on the way and however often: only the records decide.
    days = [f"2026-{month:02}-{day:02}T00:00:00Z" for month in (3, 4, 5) for day in (1, 9, 25)]
    told = [record(n, key=f"k{n % 4}", appended=day) for n, day in enumerate(days)]
    other = Store(tmp_path / "other")
    states = [PartitionState(it, PARTITION, key_window_days=20) for it in (disk, other)]
    for offset, it in enumerate(told):
        for state in states:
            state.apply(it)
        states[0].keep(offset + 1)
        states[0].sweep(1)
    states[1].keep(len(told))
    at = instant("2026-05-26T00:00:00Z")
    for n in range(4):
        digest = key_hash("default", "ada", "commits", f"k{n}")
        assert states[0].first_use(digest, at) == states[1].first_use(digest, at)
    other.close()


def test_keys_whose_window_has_ended_leave_the_disk_and_others_stay(disk):
    state = used(disk, key_window_days=30)
    for n in range(1, 20):
        state.apply(record(n, key=f"k{n}", appended="2026-03-20T00:00:00Z"))
    state.keep(20)
    assert sum(state.sweep(6) for _ in range(5)) == 0
    state.apply(record(20, appended="2026-04-05T00:00:00Z"))
    state.keep(21)
    assert sum(state.sweep(6) for _ in range(5)) == 1
    assert disk.get(b"k" + KEY) is None
    assert total(state) == "1"
    assert state.first_use(key_hash("default", "ada", "commits", "k19")) == "0-3-19"


@pytest.mark.parametrize(
    "event", ["0-3-0", "0-3-255", "0-3-99999999999", "2-3-7", "0-1-7", "1-0-0"]
)
@pytest.mark.parametrize("day", [0, 2252, 0x7FFF])
def test_a_first_use_is_read_as_it_was_packed(event, day):
    found = read_event_id(event)
    assert found is not None
    assert read_use(pack_use(found, day, PARTITION), PARTITION) == (event, day)


def test_a_first_use_takes_few_bytes():
    assert len(pack_use((0, 3, 16777215), 2252, PARTITION)) == 5


@pytest.mark.parametrize(
    ("last", "epoch", "due"),
    [
        (None, 0, 0),
        (None, 2, 0),
        ((0, 7), 0, 8),
        ((0, 7), 1, 0),
        ((1, 0), 1, 1),
    ],
)
def test_the_event_due_next_follows_the_last_one_of_the_epoch(disk, last, epoch, due):
    state = PartitionState(disk, PARTITION)
    if last:
        state.apply(record(last[1], source=(last[0], PARTITION, last[1])))
    assert state.next_source(epoch) == due


def test_a_key_is_scoped_to_tenant_user_and_metric_and_never_confused():
    uses = [
        ("default", "ada", "commits", "k"),
        ("acme", "ada", "commits", "k"),
        ("default", "bob", "commits", "k"),
        ("default", "ada", "lines", "k"),
        ("default", "ada", "commits", "l"),
        ("default", "adac", "ommits", "k"),
        ("default", "ada", "commitsk", ""),
    ]
    hashes = {key_hash(*use) for use in uses} | {origin_hash("k")}
    assert len(hashes) == len(uses) + 1
    assert {len(it) for it in hashes} == {16}


def test_where_a_forwarded_event_was_first_found_is_kept_like_a_key(disk):
    state = PartitionState(disk, PARTITION)
    state.apply(record(0, id="0-1-9"))
    state.apply(record(1, "2"))
    state.keep(2)
    again = PartitionState(disk, PARTITION)
    assert again.first_use(origin_hash("0-1-9")) == "0-1-9"
    assert again.first_use(origin_hash("0-3-1")) is None


# What falls due


def falls(state, offset, at, user="ada", **fields):
    """Take the record of an input after which a user falls due at an instant."""
    entries = [{"kind": "due", "at": at}]
    state.apply(record(offset, user=user, entries=entries, **fields))


def dues(state, before="8999-12-31T00:00:00Z", limit=99):
    """Return who falls due until an instant."""
    return [(at, user) for at, _tenant, user in state.due(instant(before), limit)]


def test_what_falls_due_is_known_once_it_is_stored(disk):
    state = PartitionState(disk, PARTITION)
    falls(state, 0, "2026-03-03T00:00:00Z")
    assert dues(state) == []
    state.keep(1)
    assert dues(state) == dues(PartitionState(disk, PARTITION)) == [("2026-03-03T00:00:00Z", "ada")]


def test_a_user_falls_due_once_at_the_instant_that_was_told_last(disk):
    state = PartitionState(disk, PARTITION)
    falls(state, 0, "2026-03-03T00:00:00Z")
    falls(state, 1, "2026-03-04T00:00:00Z")
    state.keep(2)
    assert dues(state) == [("2026-03-04T00:00:00Z", "ada")]
    falls(state, 2, "2026-03-03T00:00:00Z")
    state.keep(3)
    assert dues(state) == [("2026-03-03T00:00:00Z", "ada")]
    falls(state, 3, None)
    state.keep(4)
    assert dues(state) == []


def test_one_who_is_not_read_before_is_moved_too(disk):
    state = PartitionState(disk, PARTITION)
    falls(state, 0, "2026-03-03T00:00:00Z")
    state.keep(1)
    standing = PartitionState(disk, PARTITION).standing("default", "ada")
    assert standing is not None
    again = PartitionState(disk, PARTITION)
    again.apply(record(1), {**standing, "due": "2026-03-05T00:00:00Z"})
    again.keep(2)
    assert dues(again) == [("2026-03-05T00:00:00Z", "ada")]


def test_one_who_was_read_before_the_last_write_is_moved_from_there(disk):
    state = PartitionState(disk, PARTITION)
    falls(state, 0, "2026-03-03T00:00:00Z")
    state.keep(1)
    standing = state.standing("default", "ada")
    assert standing is not None
    for number, day in ((1, 4), (2, 5)):
        state.apply(record(number), {**standing, "due": f"2026-03-0{day}T00:00:00Z"})
        state.keep(number + 1)
    assert dues(state) == [("2026-03-05T00:00:00Z", "ada")]


def test_a_read_of_another_user_moves_nothing(disk):
    state = PartitionState(disk, PARTITION)
    falls(state, 0, "2026-03-03T00:00:00Z")
    falls(state, 1, "2026-03-04T00:00:00Z", "bob")
    state.keep(2)
    standing = state.standing("default", "ada")
    assert standing is not None
    state.standing("default", "bob")
    state.apply(record(2), {**standing, "due": "2026-03-05T00:00:00Z"})
    state.keep(3)
    assert dues(state) == [("2026-03-04T00:00:00Z", "bob"), ("2026-03-05T00:00:00Z", "ada")]


def test_who_falls_due_comes_in_the_order_of_time(disk):
    state = PartitionState(disk, PARTITION)
    told = [
        "1900-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00Z",
        "2026-03-02T23:59:59.999999Z",
        "2026-03-03T00:00:00.001Z",
        "8999-12-30T00:00:00Z",
    ]
    for number, at in enumerate(reversed(told)):
        falls(state, number, at, f"u{number}")
    state.keep(len(told))
    assert [at for at, _user in dues(state)] == told
    assert [at for at, _user in dues(state, limit=2)] == told[:2]


@pytest.mark.parametrize(
    ("at", "before", "falls_due"),
    [
        ("2026-03-03T00:00:00Z", "2026-03-03T00:00:00Z", True),
        ("2026-03-03T00:00:00Z", "2026-03-02T23:59:59.999999Z", False),
        # To the next millisecond: never before its time.
        ("2026-03-03T00:00:00.000001Z", "2026-03-03T00:00:00.000999Z", False),
        ("2026-03-03T00:00:00.000001Z", "2026-03-03T00:00:00.001Z", True),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.9999Z", False),
        ("1969-12-31T23:59:59.9999Z", "1970-01-01T00:00:00Z", True),
    ],
)
def test_nothing_falls_due_before_its_time(disk, at, before, falls_due):
    state = PartitionState(disk, PARTITION)
    falls(state, 0, at)
    state.keep(1)
    assert bool(dues(state, before)) is falls_due


def test_what_falls_due_before_all_that_was_looked_at_is_found(disk):
    state = PartitionState(disk, PARTITION)
    falls(state, 0, "2026-03-05T00:00:00Z")
    state.keep(1)
    assert dues(state, "2026-03-04T00:00:00Z") == []
    falls(state, 1, "2026-03-03T00:00:00Z", "bob")
    state.keep(2)
    assert dues(state, "2026-03-04T00:00:00Z") == [("2026-03-03T00:00:00Z", "bob")]
    falls(state, 2, None, "bob")
    state.keep(3)
    assert dues(state, "2026-03-06T00:00:00Z") == [("2026-03-05T00:00:00Z", "ada")]


def test_a_user_of_a_tenant_falls_due_as_such(disk):
    state = PartitionState(disk, PARTITION)
    falls(state, 0, "2026-03-03T00:00:00Z", "acme/ada", tenant="acme")
    state.keep(1)
    assert state.due(instant("2026-03-04T00:00:00Z"), 9) == [
        ("2026-03-03T00:00:00Z", "acme", "acme/ada")
    ]


def test_what_was_not_stored_falls_due_no_more_once_it_is_dropped(disk):
    state = PartitionState(disk, PARTITION)
    falls(state, 0, "2026-03-03T00:00:00Z")
    state.keep(1)
    falls(state, 1, "2026-03-04T00:00:00Z")
    state.drop()
    state.apply(record(1))
    state.keep(2)
    assert dues(state) == [("2026-03-03T00:00:00Z", "ada")]
    state.reset()
    assert dues(state) == []


# What is of the whole partition


def held(state, offset, appended, *, on=True):
    """Take the record of a hold."""
    told = {"type": "hold", "on": on}
    entries = [{"kind": "hold", "on": on}]
    state.apply(record(offset, user=None, input=told, entries=entries, appended=appended))


def came(state, offset, appended, outcome="applied", **told):
    """Take the record of an event that came at an instant."""
    told = {"metric": "commits", **told}
    state.apply(record(offset, appended=appended, input=told, outcome=outcome))


OLD = "2026-03-02T10:59:59Z"
RECENT = "2026-03-02T11:00:01Z"


def test_old_events_prolong_a_hold(disk):
    state = PartitionState(disk, PARTITION)
    held(state, 0, "2026-03-02T11:50:00Z")
    came(state, 1, "2026-03-02T12:00:00Z", occurredAt=RECENT)
    came(state, 2, "2026-03-02T12:00:00Z")
    came(state, 3, "2026-03-02T12:00:00Z", type="due", at=OLD)
    assert state.hold == (True, "2026-03-02T11:50:00Z")
    came(state, 4, "2026-03-02T12:00:00Z", "replayed", occurredAt=OLD)
    assert state.hold == (True, "2026-03-02T12:00:00Z")
    state.keep(5)
    assert PartitionState(disk, PARTITION).hold == (True, "2026-03-02T12:00:00Z")


def test_old_events_hold_nothing_that_nobody_asked_to_hold(disk):
    state = PartitionState(disk, PARTITION)
    came(state, 0, "2026-03-02T12:00:00Z", occurredAt=OLD)
    assert state.hold == (False, "")
    held(state, 1, "2026-03-02T12:00:00Z")
    held(state, 2, "2026-03-02T12:01:00Z", on=False)
    came(state, 3, "2026-03-02T12:02:00Z", occurredAt=OLD)
    assert state.hold == (False, "2026-03-02T12:01:00Z")


def test_what_was_told_of_boosts_and_backfills_is_found_by_a_restart(disk):
    state = PartitionState(disk, PARTITION)
    boost = {"kind": "boost", "system": "xp", "boost": "b", "change": "started"}
    state.apply(record(0, user=None, input={"type": "boost"}, entries=[boost]))
    entries = [{"kind": "backfilled", "version": 3}]
    state.apply(record(1, user=None, input={"type": "backfilled"}, entries=entries))
    state.keep(2)
    again = PartitionState(disk, PARTITION)
    assert again.told == {"default": {"xp/b": Told("started", "2026-03-02T12:00:00Z")}}
    assert again.backfilled == {"default": 3}


# Corrections


def test_the_value_that_an_event_was_corrected_to_is_kept(disk):
    state = PartitionState(disk, PARTITION)
    entry = {"kind": "correction", "event": "0-3-0", "before": "1", "after": "2.5"}
    state.apply(record(1, input={"type": "correction"}, entries=[entry]))
    assert state.corrected("default", "ada", "0-3-0") == Decimal("2.5")
    state.keep(2)
    again = PartitionState(disk, PARTITION)
    assert again.corrected("default", "ada", "0-3-0") == Decimal("2.5")
    assert again.corrected("default", "bob", "0-3-0") is None


def test_a_correction_that_was_not_stored_is_forgotten(disk):
    state = PartitionState(disk, PARTITION)
    entry = {"kind": "correction", "event": "0-3-0", "before": "1", "after": "2.5"}
    state.apply(record(1, input={"type": "correction"}, entries=[entry]))
    state.drop()
    assert state.corrected("default", "ada", "0-3-0") is None
