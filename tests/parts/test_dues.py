"""Who falls due when: known of a partition once it is stored, and never before its time."""

import pytest
from parts.states import PARTITION, own_of, record

from processor.partition_state import PartitionState
from processor.rows import path_of
from schemas.entries import DueEntry
from schemas.instants import instant, read_instant, write_micros

ADA = path_of("default", "ada")


@pytest.fixture
def state(store):
    return PartitionState(store, PARTITION)


@pytest.fixture
def falls(take):
    """Give what takes the record of an input after which a user falls due at an instant."""

    def falls(state, offset, at, user="ada", **fields):
        entry = DueEntry(None if at is None else instant(read_instant(at)))
        take(state, record(offset, user=user, entries=[entry], **fields))

    return falls


def moves(state, offset, at):
    """Have ada, who is known, fall due at another instant by what was judged."""
    own = own_of(state)
    due, own.due = own.due, read_instant(at)
    state.apply_to_user(record(offset), ADA, own, due, None)


def dues(state, before="8999-12-31T00:00:00Z", limit=99):
    """Return who falls due until an instant."""
    return [(write_micros(at), user) for at, _tenant, user in found(state, before, limit)]


def found(state, before, limit):
    return state.users.dues.until(read_instant(before), limit)


def test_what_falls_due_is_known_once_it_is_stored(store, state, falls):
    falls(state, 0, "2026-03-03T00:00:00Z")
    assert dues(state) == []
    state.keep(1)
    again = PartitionState(store, PARTITION)
    assert dues(state) == dues(again) == [("2026-03-03T00:00:00Z", "ada")]


def test_a_user_falls_due_once_at_the_instant_that_was_told_last(state, falls):
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


def test_one_who_is_not_read_before_is_moved_too(store, state, falls):
    falls(state, 0, "2026-03-03T00:00:00Z")
    state.keep(1)
    again = PartitionState(store, PARTITION)
    moves(again, 1, "2026-03-05T00:00:00Z")
    again.keep(2)
    assert dues(again) == [("2026-03-05T00:00:00Z", "ada")]


def test_one_who_was_read_before_the_last_write_is_moved_from_there(state, falls):
    falls(state, 0, "2026-03-03T00:00:00Z")
    state.keep(1)
    assert own_of(state) is not None
    for number, day in ((1, 4), (2, 5)):
        moves(state, number, f"2026-03-0{day}T00:00:00Z")
        state.keep(number + 1)
    assert dues(state) == [("2026-03-05T00:00:00Z", "ada")]


def test_one_who_is_moved_twice_between_two_writes_is_moved_from_where_the_store_has_it(
    state, falls
):
    falls(state, 0, "2026-03-03T00:00:00Z")
    state.keep(1)
    for number, day in ((1, 4), (2, 5)):
        moves(state, number, f"2026-03-0{day}T00:00:00Z")
    state.keep(3)
    assert dues(state) == [("2026-03-05T00:00:00Z", "ada")]


def test_a_read_of_another_user_moves_nothing(state, falls):
    falls(state, 0, "2026-03-03T00:00:00Z")
    falls(state, 1, "2026-03-04T00:00:00Z", "bob")
    state.keep(2)
    assert own_of(state, "bob") is not None
    moves(state, 2, "2026-03-05T00:00:00Z")
    state.keep(3)
    assert dues(state) == [("2026-03-04T00:00:00Z", "bob"), ("2026-03-05T00:00:00Z", "ada")]


def test_who_falls_due_comes_in_the_order_of_time(state, falls):
    instants = [
        "1900-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999000Z",
        "1970-01-01T00:00:00Z",
        "2026-03-02T23:59:59.999999Z",
        "2026-03-03T00:00:00.001000Z",
        "8999-12-30T00:00:00Z",
    ]
    for number, at in enumerate(reversed(instants)):
        falls(state, number, at, f"u{number}")
    state.keep(len(instants))
    assert [at for at, _user in dues(state)] == instants
    assert [at for at, _user in dues(state, limit=2)] == instants[:2]


@pytest.mark.parametrize(
    ("at", "before", "falls_due"),
    [
        ("2026-03-03T00:00:00Z", "2026-03-03T00:00:00Z", True),
        ("2026-03-03T00:00:00Z", "2026-03-02T23:59:59.999999Z", False),
        # To the microsecond: never before its time.
        ("2026-03-03T00:00:00.000001Z", "2026-03-03T00:00:00Z", False),
        ("2026-03-03T00:00:00.000001Z", "2026-03-03T00:00:00.000001Z", True),
        ("2026-03-03T00:00:00.000001Z", "2026-03-03T00:00:00.001Z", True),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999899Z", False),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.9999Z", True),
        ("1969-12-31T23:59:59.9999Z", "1970-01-01T00:00:00Z", True),
    ],
)
def test_nothing_falls_due_before_its_time(state, falls, at, before, falls_due):
    falls(state, 0, at)
    state.keep(1)
    assert bool(dues(state, before)) is falls_due


def test_what_falls_due_before_all_that_was_looked_at_is_found(state, falls):
    falls(state, 0, "2026-03-05T00:00:00Z")
    state.keep(1)
    assert dues(state, "2026-03-04T00:00:00Z") == []
    falls(state, 1, "2026-03-03T00:00:00Z", "bob")
    state.keep(2)
    assert dues(state, "2026-03-04T00:00:00Z") == [("2026-03-03T00:00:00Z", "bob")]
    falls(state, 2, None, "bob")
    state.keep(3)
    assert dues(state, "2026-03-06T00:00:00Z") == [("2026-03-05T00:00:00Z", "ada")]


def test_a_user_of_a_tenant_falls_due_as_such(state, falls):
    falls(state, 0, "2026-03-03T00:00:00Z", "acme/ada", tenant="acme")
    state.keep(1)
    due = (read_instant("2026-03-03T00:00:00Z"), "acme", "acme/ada")
    assert found(state, "2026-03-04T00:00:00Z", 9) == [due]


def test_what_was_not_stored_falls_due_no_more_once_it_is_dropped(state, falls, take):
    falls(state, 0, "2026-03-03T00:00:00Z")
    state.keep(1)
    falls(state, 1, "2026-03-04T00:00:00Z")
    state.drop()
    take(state, record(1))
    state.keep(2)
    assert dues(state) == [("2026-03-03T00:00:00Z", "ada")]
    state.reset()
    assert dues(state) == []
