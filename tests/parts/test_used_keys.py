"""What is found by a hash: idempotency keys with their window, forwarded events, corrections."""

from decimal import Decimal

import pytest
from parts.states import KEY, PARTITION, fold, judged, millis, record, restarted, total

from processor.hashed_rows import key_hash, origin_hash, pack_use, read_use
from processor.partition_state import PartitionState
from processor.rows import path_of
from processor.store import Store
from schemas.codec import read_event_id
from schemas.entries import CorrectionEntry
from schemas.inputs import RecordedCorrection
from schemas.instants import instant, read_instant
from schemas.records import Source

ADA = path_of("default", "ada")


# The window of keys. The day of the first use is 2026-03-02.


@pytest.fixture
def used(store, take):
    """Return a state in which KEY was used at noon of 2026-03-02."""

    def make(**options):
        state = PartitionState(store, PARTITION, **options)
        take(state, record(0, key="k"))
        state.keep(1)
        return state

    return make


def test_without_a_window_a_key_counts_for_ever(used):
    assert used().used.first(KEY, millis("2099-01-01T00:00:00Z")) == "0-3-0"


def test_a_key_counts_to_the_end_of_the_last_day_of_its_window(used):
    state = used(key_window_days=30)
    assert state.used.first(KEY, millis("2026-04-01T23:59:59.999Z")) == "0-3-0"
    assert state.used.first(KEY, millis("2026-04-02T00:00:00Z")) is None
    # In UTC, whatever the zone in which it is told.
    assert state.used.first(KEY, millis("2026-04-02T01:00:00+02:00")) == "0-3-0"


def test_a_key_whose_window_has_ended_on_the_ledger_stays_free_for_an_older_event(used, take):
    state = used(key_window_days=30)
    take(state, record(1, appended="2026-04-02T00:00:00Z"))
    assert state.used.first(KEY, millis("2026-03-10T00:00:00Z")) is None


def test_a_key_that_is_used_again_after_its_window_begins_a_new_one(used, take):
    state = used(key_window_days=30)
    take(state, record(5, key="k", appended="2026-04-02T00:00:00Z"))
    state.keep(2)
    assert state.used.first(KEY, millis("2026-05-02T00:00:00Z")) == "0-3-5"
    assert state.used.first(KEY, millis("2026-05-03T00:00:00Z")) is None


def test_where_a_forwarded_event_was_first_found_has_no_window(store, take):
    state = PartitionState(store, PARTITION, key_window_days=1)
    take(state, record(0, id="0-1-9"))
    take(state, record(1, appended="2030-01-01T00:00:00Z"))
    assert state.used.first(origin_hash("0-1-9")) == "0-1-9"


def test_the_fold_knows_the_same_keys_as_the_judge_did(store, tmp_path):
    # Whatever was kept on the way and however often: only the records decide.
    days = [f"2026-{month:02}-{day:02}T00:00:00Z" for month in (3, 4, 5) for day in (1, 9, 25)]
    records = [record(n, key=f"k{n % 4}", appended=day) for n, day in enumerate(days)]
    other = Store(tmp_path / "other")
    states = [PartitionState(it, PARTITION, key_window_days=20) for it in (store, other)]
    for offset, it in enumerate(records):
        judged(states[0], it)
        fold(states[1], it)
        states[0].keep(offset + 1)
        states[0].used.sweep(1)
    states[1].keep(len(records))
    at = millis("2026-05-26T00:00:00Z")
    for n in range(4):
        digest = key_hash(ADA, "commits", f"k{n}")
        assert states[0].used.first(digest, at) == states[1].used.first(digest, at)
    other.close()


def test_keys_whose_window_has_ended_leave_the_disk_and_others_stay(store, used, take):
    state = used(key_window_days=30)
    for n in range(1, 20):
        take(state, record(n, key=f"k{n}", appended="2026-03-20T00:00:00Z"))
    state.keep(20)
    assert sum(state.used.sweep(6) for _ in range(5)) == 0
    take(state, record(20, appended="2026-04-05T00:00:00Z"))
    state.keep(21)
    assert sum(state.used.sweep(6) for _ in range(5)) == 1
    assert store.get(b"k" + KEY) is None
    assert total(state) == 1
    assert state.used.first(key_hash(ADA, "commits", "k19")) == "0-3-19"


@pytest.mark.parametrize(
    "event", ["0-3-0", "0-3-255", "0-3-99999999999", "2-3-7", "0-1-7", "1-0-0"]
)
@pytest.mark.parametrize("day", [0, 2252, 0x7FFF])
def test_a_first_use_is_read_as_it_was_packed(event, day):
    found = read_event_id(event)
    assert found is not None
    assert read_use(pack_use(Source(*found), day, PARTITION), PARTITION) == (event, day)


def test_a_first_use_takes_few_bytes():
    assert len(pack_use(Source(0, 3, 16777215), 2252, PARTITION)) == 5


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
    hashes = {key_hash(path_of(tenant, user), scope, key) for tenant, user, scope, key in uses}
    hashes.add(origin_hash("k"))
    assert len(hashes) == len(uses) + 1
    assert {len(it) for it in hashes} == {16}


def test_where_a_forwarded_event_was_first_found_is_kept_like_a_key(store, take):
    state = PartitionState(store, PARTITION)
    take(state, record(0, id="0-1-9"))
    take(state, record(1, 2))
    state.keep(2)
    again = restarted(store)
    assert again.used.first(origin_hash("0-1-9")) == "0-1-9"
    assert again.used.first(origin_hash("0-3-1")) is None


# Corrections


def correction(offset, event="0-3-0", after=Decimal("2.5")):
    """Return the record of a correction."""
    at = instant(read_instant("2026-03-02T12:00:00Z"))
    given = RecordedCorrection(event, "commits", 1, at, "because", value=after)
    return record(offset, input=given, entries=[CorrectionEntry(event, 1, after)])


def test_the_value_that_an_event_was_corrected_to_is_kept(store, take):
    state = PartitionState(store, PARTITION)
    take(state, correction(1))
    assert state.corrected(ADA, "0-3-0") == Decimal("2.5")
    state.keep(2)
    again = restarted(store)
    assert again.corrected(ADA, "0-3-0") == Decimal("2.5")
    assert again.corrected(path_of("default", "bob"), "0-3-0") is None


def test_a_correction_that_was_not_stored_is_forgotten(store, take):
    state = PartitionState(store, PARTITION)
    take(state, correction(1))
    state.drop()
    assert state.corrected(ADA, "0-3-0") is None
