"""The laws of replay, on random games and histories: the ledger alone says all there is to know."""

from itertools import pairwise

from hypothesis import given
from laws.games import law
from laws.log import Appended, Log, Rows, state_bytes
from laws.stories import explain, judged, stories
from reference.translation import input_of

from processor.partition_state import PartitionState
from processor.rows import path_of
from processor.rules.evolve import evolve_record
from processor.rules.user_state import UserState
from schemas.codec import read_record, write_record
from schemas.inputs.base import DEFAULT_TENANT
from schemas.instants import from_millis
from schemas.order import follows
from schemas.records import Link, event_id_of


@law
@given(stories())
def test_replay_is_live(story):
    explain(story)
    replayed = PartitionState(Rows(), 0)
    for raw in story.log.raw:
        record = read_record(raw)
        assert follows(replayed.last, record)
        replayed.fold(record)
    assert replayed.last == story.log.state.last
    assert replayed.versions == story.log.state.versions
    for user in story.users:
        folded = replayed.users.get(path_of(DEFAULT_TENANT, user))
        assert state_bytes(folded) == story.log.user_bytes(user)


@law
@given(stories())
def test_judging_again_from_the_ledger_alone_gives_the_same_bytes(story):
    log, _ = judged(story, [appended_by(it) for it in map(read_record, story.log.raw)])
    assert log.raw == story.log.raw


def appended_by(record):
    """Return the input of a record, as a ledger without its source has it."""
    return Appended(input_of(record), from_millis(record.appended))


@law
@given(stories())
def test_the_fold_of_the_entries_is_the_user_state_that_decide_returns(story):
    explain(story)
    # `evolve_record` is given no definitions: entries say all there is to know.
    log = Log(story.versions)
    folded: dict[str, UserState] = {}
    for appended in story.inputs:
        record = log.tell(*appended)
        if record.user is None:
            continue
        if record.outcome == "applied":
            folded[record.user] = evolve_record(folded.get(record.user), record)
        assert state_bytes(folded.get(record.user)) == log.user_bytes(record.user)


@law
@given(stories())
def test_a_restart_in_the_midst_changes_nothing(story):
    explain(story)
    log, half = Log(story.versions), len(story.inputs) // 2
    before = [log.tell(*appended) for appended in story.inputs[:half]]
    log.keep()
    log.restart()
    assert before + [log.tell(*appended) for appended in story.inputs[half:]] == story.records


@law
@given(stories())
def test_a_record_survives_the_journey_and_names_its_predecessor(story):
    written = [read_record(raw) for raw in story.log.raw]
    assert written == story.records
    assert [write_record(it) for it in written] == story.log.raw
    assert len({event_id_of(it) for it in written}) == len(story.inputs)
    lane = written[0].lane
    assert lane is not None
    for before, after in pairwise(written):
        # Said once, as long as it stays the same.
        assert after.after == Link(before.source.epoch, before.source.offset, lane)
        assert after.lane is None
