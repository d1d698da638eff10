"""The state of a partition on a real store: what stays, what is forgotten, what a restart finds."""

import pytest

from processor.rules.standing import Standing
from processor.state import PartitionState, key_hash, origin_hash
from processor.store import Store
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


def test_reset_throws_away_this_partition_and_no_other(disk):
    here, there = PartitionState(disk, PARTITION), PartitionState(disk, PARTITION + 1)
    for state in (here, there):
        state.apply(record(0, key="k"))
        state.keep(1)
    here.reset()
    assert (total(here), here.first_use(KEY), here.position) == (None, None, (0, None))
    for state in (there, PartitionState(disk, PARTITION + 1)):
        assert (total(state), state.first_use(KEY), state.ledger) == ("1", "0-3-0", 1)


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


def test_many_users_are_read_back_from_the_store(disk, monkeypatch):
    monkeypatch.setattr("processor.state.HOT_USERS_MAX", 2)
    state = PartitionState(disk, PARTITION)
    for offset in range(9):
        state.apply(record(offset, str(offset), user=f"u{offset}"))
    state.keep(9)
    assert [total(state, f"u{offset}") for offset in range(9)] == [str(it) for it in range(9)]


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
