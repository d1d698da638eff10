"""What is kept of a partition as a whole: holds, boosts of everyone, backfills."""

import pytest
from parts.states import PARTITION, millis, record, restarted

from processor.partition_meta import BoostChange
from processor.partition_state import PartitionState
from schemas.entries import BackfilledEntry, BoostEntry, HoldEntry
from schemas.inputs import (
    RecordedBackfilled,
    RecordedBoostDue,
    RecordedCompletion,
    RecordedDue,
    RecordedEvent,
    RecordedHold,
)
from schemas.instants import instant, read_instant


@pytest.fixture
def state(store):
    return PartitionState(store, PARTITION)


def at(text):
    return instant(read_instant(text))


@pytest.fixture
def held(take):
    """Give what takes the record of a hold."""

    def held(state, offset, appended, *, on=True):
        given, entries = RecordedHold(on), [HoldEntry(on)]
        take(state, record(offset, user=None, input=given, entries=entries, appended=appended))

    return held


@pytest.fixture
def came(take):
    """Give what takes the record of an event that came at an instant."""

    def came(state, offset, appended, outcome="applied", given=None):
        given = given or RecordedEvent("commits")
        take(state, record(offset, appended=appended, input=given, outcome=outcome))

    return came


OLD = "2026-03-02T10:59:59Z"
RECENT = "2026-03-02T11:00:01Z"


def event(occurred_at):
    return RecordedEvent("commits", occurredAt=at(occurred_at))


def test_old_events_prolong_a_hold(store, state, held, came):
    held(state, 0, "2026-03-02T11:50:00Z")
    came(state, 1, "2026-03-02T12:00:00Z", given=event(RECENT))
    came(state, 2, "2026-03-02T12:00:00Z")
    came(state, 3, "2026-03-02T12:00:00Z", given=RecordedDue(at(OLD)))
    assert state.hold == (True, millis("2026-03-02T11:50:00Z"))
    came(state, 4, "2026-03-02T12:00:00Z", "replayed", event(OLD))
    assert state.hold == (True, millis("2026-03-02T12:00:00Z"))
    state.keep(5)
    assert restarted(store).hold == (True, millis("2026-03-02T12:00:00Z"))


def test_old_completions_prolong_a_hold_too(state, held, came):
    held(state, 0, "2026-03-02T11:50:00Z")
    came(state, 1, "2026-03-02T12:00:00Z", given=RecordedCompletion("tour", occurredAt=at(OLD)))
    assert state.hold == (True, millis("2026-03-02T12:00:00Z"))


def test_old_events_hold_nothing_that_nobody_asked_to_hold(state, held, came):
    came(state, 0, "2026-03-02T12:00:00Z", given=event(OLD))
    assert state.hold == (False, 0)
    held(state, 1, "2026-03-02T12:00:00Z")
    held(state, 2, "2026-03-02T12:01:00Z", on=False)
    came(state, 3, "2026-03-02T12:02:00Z", given=event(OLD))
    assert state.hold == (False, millis("2026-03-02T12:01:00Z"))


def test_what_was_told_of_boosts_and_backfills_is_found_by_a_restart(store, state, take):
    given = RecordedBoostDue("xp", "b", "started", at("2026-03-02T12:00:00Z"))
    entries = [BoostEntry("xp", "b", "started")]
    # The instant that fell due is what counts, not when the input came.
    appended = "2026-03-02T12:00:07Z"
    take(state, record(0, user=None, input=given, entries=entries, appended=appended))
    take(state, record(1, user=None, input=RecordedBackfilled(3), entries=[BackfilledEntry(3)]))
    state.keep(2)
    again = restarted(store)
    change = BoostChange("started", read_instant("2026-03-02T12:00:00Z"))
    assert again.boosts == {"default": {"xp/b": change}}
    assert again.backfilled == {"default": 3}
