"""The laws of memory: how much of it there is, and when what is stored, changes nothing."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from laws.breaking import meanwhile
from laws.games import SEED, law
from laws.log import Log, state_bytes
from laws.stories import explain, stories

from processor.partition_state import PartitionState
from processor.rows import path_of
from processor.rules.evolve import evolve_record
from processor.rules.user_state import UserState, read_user_state, write_user_state
from schemas.codec import read_record
from schemas.inputs.base import DEFAULT_TENANT
from schemas.instants import DAY, micros

# From a cache that forgets a user when the next one comes to one that forgets nobody.
CACHE_BYTES = st.sampled_from((0, 1, 4000, 8000, 12_000, 10**9))
MANY = 1000


@law
@given(stories(), CACHE_BYTES)
def test_a_cache_of_any_size_changes_nothing(story, cache_bytes):
    explain(story)
    log = Log(story.versions, cache_bytes=cache_bytes)
    for index, appended in enumerate(story.inputs):
        log.tell(*appended)
        if index % 3 == 0:
            log.keep()
    assert log.raw == story.log.raw
    assert stored(log) == stored(story.log)


def stored(log):
    """Return all rows once everything is stored."""
    log.keep()
    return log.store.rows


@law
@given(stories(), SEED, CACHE_BYTES)
def test_storing_at_any_point_changes_nothing(story, seed, cache_bytes):
    explain(story)
    log, rng = Log(story.versions, cache_bytes=cache_bytes), Random(seed)
    for appended in story.inputs:
        meanwhile(log, rng)
        log.tell(*appended)
    assert log.raw == story.log.raw
    assert stored(log) == stored(story.log)


@law
@given(stories(), SEED)
def test_what_falls_due_by_the_rows_is_what_the_users_say(story, seed):
    explain(story)
    log, rng = Log(story.versions), Random(seed)
    far = micros(max(it.at for it in story.inputs)) + 36_500 * DAY
    for appended in story.inputs:
        log.tell(*appended)
        if rng.random() < 0.3:
            log.keep()
            dues = [(it.at, it.user) for it in log.state.users.dues.until(far, MANY)]
            known = {user: log.user_state(user) for user in story.users}
            expected = [(own.due, user) for user, own in known.items() if own and own.due]
            assert dues == sorted(expected)


@law
@given(stories(), SEED)
def test_the_fold_of_the_records_is_what_is_in_memory_at_every_point(story, seed):
    explain(story)
    log, rng = Log(story.versions, cache_bytes=8000), Random(seed)
    folded: dict[str, UserState] = {}
    for appended in story.inputs:
        meanwhile(log, rng)
        log.tell(*appended)
        record = read_record(log.raw[-1])
        if record.outcome == "applied" and record.user is not None:
            folded[record.user] = evolve_record(folded.get(record.user), record)
        for user, own in folded.items():
            raw = write_user_state(own)
            assert log.user_bytes(user) == raw
            # And it is the same after the journey through the store.
            assert write_user_state(read_user_state(raw)) == raw


@law
@given(stories(), SEED)
def test_one_who_folds_the_ledger_goes_on_as_the_one_before(story, seed):
    explain(story)
    log, rng = Log(story.versions), Random(seed)
    half = rng.randint(0, len(story.inputs))
    log.raw = story.log.raw[:half]
    for at, raw in enumerate(log.raw, 1):
        log.state.fold(read_record(raw))
        # What is not stored yet must be there too when an input after it is refused.
        if rng.random() < 0.3:
            log.state.keep(at)
    for appended in story.inputs[half:]:
        log.tell(*appended)
    assert log.raw == story.log.raw
    assert stored(log) == stored(story.log)


@law
@given(stories())
def test_what_was_not_stored_is_forgotten_as_a_whole(story):
    explain(story)
    log, half = Log(story.versions), len(story.inputs) // 2
    for appended in story.inputs[:half]:
        log.tell(*appended)
    log.keep()
    for appended in story.inputs[half:]:
        log.tell(*appended)
    log.state.drop()
    fresh = PartitionState(log.store, 0)
    assert (log.state.position, log.state.versions) == (fresh.position, fresh.versions)
    for user in story.users:
        assert log.user_bytes(user) == state_bytes(fresh.users.get(path_of(DEFAULT_TENANT, user)))
    # What was lost comes again.
    del log.raw[half:]
    for appended in story.inputs[half:]:
        log.tell(*appended)
    assert log.raw == story.log.raw
