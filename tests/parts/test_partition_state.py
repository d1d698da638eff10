"""The state of a partition on a real store: what stays, what is forgotten, what a restart finds."""

import pytest
from parts.states import (
    KEY,
    NOON,
    PARTITION,
    judged,
    marker,
    millis,
    own_of,
    record,
    restarted,
    total,
)

from processor.hashed_rows import key_hash
from processor.partition_state import PartitionState
from processor.rows import path_of
from processor.rules.user_state import UserState, read_user_state, write_user_state
from processor.store import Store
from schemas.records import Link, Source

ADA = path_of("default", "ada")


@pytest.fixture
def state(store):
    return PartitionState(store, PARTITION)


def test_a_partition_begins_at_record_zero_with_nobody(state):
    assert (state.position, state.versions) == ((0, None), {})
    assert (own_of(state), state.used.first(KEY)) == (None, None)
    assert state.next_source(0) == 0


def test_what_is_applied_is_known_at_once(state, take):
    take(state, record(0, key="k"))
    take(state, record(1, 2))
    assert (total(state), state.used.first(KEY)) == (2, "0-3-0")
    assert state.last == Link(0, 1, "lane")
    # The position is that of what is stored, the link that of what was applied.
    assert state.ledger == 0


def test_a_user_state_that_is_known_saves_the_fold(state):
    judged(state, record(0))
    known = own_of(state)
    assert known is not None
    known.tz = "Asia/Tokyo"
    state.apply_to_user(record(1), ADA, known, None, None)
    assert own_of(state) is known


def test_a_user_state_that_came_to_be_is_the_one_that_is_known_from_there_on(state):
    made = UserState(0)
    state.apply_to_user(record(0), ADA, made, None, None)
    assert own_of(state) is made
    state.keep(1)
    found = own_of(state)
    assert found is not None
    assert write_user_state(found) == write_user_state(made)


def test_a_restart_finds_what_was_kept_and_nothing_else(store, state, take):
    take(state, marker(0, 4))
    take(state, record(1, key="k"))
    state.keep(12)
    take(state, record(2, 2, key="l"))
    again = restarted(store)
    assert again.position == (12, Link(0, 1, "lane"))
    assert again.versions == {"default": 4}
    assert (total(again), again.used.first(KEY)) == (1, "0-3-1")
    assert again.used.first(key_hash(ADA, "commits", "l")) is None


def test_a_restart_of_the_process_finds_it_too(tmp_path, take):
    store = Store(tmp_path / "of a process")
    state = PartitionState(store, PARTITION)
    take(state, record(0, key="k"))
    state.keep(1)
    store.close()
    store = Store(tmp_path / "of a process")
    again = PartitionState(store, PARTITION)
    assert (total(again), again.used.first(KEY), again.position.offset) == (1, "0-3-0", 1)
    store.close()


def test_drop_goes_back_to_what_was_kept(state, take):
    take(state, record(0))
    state.keep(1)
    take(state, record(1, 2, key="k"))
    take(state, marker(2, 4))
    state.drop()
    assert (total(state), state.used.first(KEY), state.versions) == (1, None, {})
    assert state.position == (1, Link(0, 0, "lane"))
    take(state, record(1, 3))
    assert total(state) == 3


def test_reset_throws_everything_away_for_good(store, state, take):
    take(state, record(0, key="k"))
    state.keep(1)
    state.reset()
    for it in (state, restarted(store)):
        assert (total(it), it.used.first(KEY), it.position) == (None, None, (0, None))
    take(state, record(0, 7))
    state.keep(1)
    assert total(restarted(store)) == 7


@pytest.mark.parametrize("outcome", ["replayed", "refused", "forwarded", "dead"])
def test_what_was_not_applied_moves_nothing_but_the_position(state, take, outcome):
    take(state, record(0))
    take(state, record(1, 9, outcome=outcome, key="k"))
    state.keep(2)
    assert (total(state), state.used.first(KEY)) == (1, None)
    assert state.position == (2, Link(0, 1, "lane"))


def test_users_of_several_tenants_with_one_name_are_several_users(state, take):
    take(state, record(0, 1))
    take(state, record(1, 2, tenant="acme"))
    take(state, record(2, 3, user="acme/ada"))
    state.keep(3)
    found = [total(state), total(state, tenant="acme"), total(state, "acme/ada")]
    assert found == [1, 2, 3]


def test_the_offset_of_the_last_record_applied_is_kept_apart_from_the_position(store, state, take):
    take(state, record(0))
    state.keep(3, applied=1)
    again = restarted(store)
    assert (again.ledger, again.applied, again.appended) == (3, 1, millis(NOON))


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
def test_the_event_due_next_follows_the_last_one_of_the_epoch(state, take, last, epoch, due):
    if last:
        take(state, record(last[1], source=Source(last[0], PARTITION, last[1])))
    assert state.next_source(epoch) == due


# What judging has changed of a user in vain


def spoil(state):
    """Change a user as an input does that is then refused."""
    own = own_of(state)
    if own is not None:
        own.series["commits"].total = 99
        own.due = 5
        own.attributes["team"] = "red"


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_what_was_changed_in_vain_is_taken_back(store, kept):
    state = PartitionState(store, PARTITION)
    for offset in range(2):
        if offset == kept:
            state.keep(offset)
        judged(state, record(offset, offset + 1))
    if kept == 2:
        state.keep(2)
    before = write_user_state(own_of(state))
    spoil(state)
    state.users.undo(ADA)
    assert write_user_state(own_of(state)) == before
    # It can be gone on from, and what is stored then has nothing of it either.
    judged(state, record(2, 3))
    assert total(state) == 3
    state.keep(3)
    found = own_of(restarted(store))
    assert (found.series["commits"].total, found.due, found.attributes) == (3, None, {})


def test_of_one_who_is_not_known_nothing_is_left(state):
    state.users.undo(ADA)
    assert own_of(state) is None


def test_what_was_changed_in_vain_of_one_leaves_others_as_they_are(state):
    judged(state, record(0, 1))
    judged(state, record(1, 7, user="bob"))
    spoil(state)
    state.users.undo(ADA)
    assert (total(state), total(state, "bob")) == (1, 7)


def test_a_state_has_every_field_of_it_in_the_store(store, state):
    judged(state, record(0))
    own = own_of(state)
    own.tz, own.freezes, own.due = "Asia/Tokyo", 2, 7
    state.keep(1)
    raw = store.get(b"sdefault\0ada")
    assert read_user_state(raw) == own == own_of(restarted(store))
