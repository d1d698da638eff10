"""The laws of who, how often and when: what inputs change, on random games and histories."""

from collections import Counter
from datetime import timedelta

from hypothesis import given
from laws.games import law
from laws.log import Appended, Log, user_of
from laws.stories import explain, judged, stories
from msgspec import structs

from schemas.entries import PointsEntry
from schemas.records import event_id_of, time_of


@law
@given(stories())
def test_the_inputs_of_others_change_nothing(story):
    for user in story.users:
        mine = [user_of(it.input) in (user, None) for it in story.inputs]
        alone = [it for it, own in zip(story.inputs, mine, strict=True) if own]
        _, expected = judged(story, alone)
        among = [record for record, own in zip(story.records, mine, strict=True) if own]
        assert [effects(it) for it in among] == [effects(it) for it in expected]


def effects(record):
    """Return what a record says came of its input, apart from where it stands."""
    names = ("outcome", "reason", "code", "entries", "state", "key", "input")
    return {name: getattr(record, name) for name in names} | {"at": time_of(record)}


@law
@given(stories())
def test_an_answer_that_nobody_waits_for_is_left_out_and_nothing_else(story):
    _, records = judged(story, story.inputs, headers=())
    assert records == [structs.replace(it, state=None) for it in story.records]


@law
@given(stories(steps=8))
def test_twice_is_once_with_a_key(story):
    keyed = [
        Appended({**given, "idempotencyKey": f"key-{index}"} if "user" in given else given, at)
        for index, (given, at) in enumerate(story.inputs)
    ]
    once, records = judged(story, keyed)
    twice, repeated = judged(story, [it for appended in keyed for it in (appended, appended)])
    again = {"applied": "replayed", "replayed": "replayed", "refused": "refused"}
    assert [it.outcome for it in repeated] == [
        outcome for it in records for outcome in (it.outcome, again[it.outcome])
    ]
    assert all(it.entries == [] for it in repeated[1::2])
    for user in story.users:
        assert twice.user_bytes(user) == once.user_bytes(user)


@law
@given(stories())
def test_a_replay_tells_of_the_first_use_and_of_where_the_user_stands_now(story):
    explain(story)
    log, first = Log(story.versions), {}
    for appended in story.inputs:
        given, user = appended.input, user_of(appended.input)
        if user is None:
            log.tell(*appended)
            continue
        before = log.user_bytes(user)
        record = log.tell(*appended)
        kind = given.get("type", "metric")
        metric = given["metric"] if kind == "metric" else ""
        use = (user, kind, metric, given.get("idempotencyKey"))
        if record.outcome == "applied":
            assert use not in first
            if use[3]:
                first[use] = event_id_of(record)
            continue
        assert log.user_bytes(user) == before
        if record.outcome == "replayed":
            # One without a use of its key found nothing to do.
            assert record.first == first.get(use)
            if kind == "metric":
                own = log.user_state(user)
                assert own is not None
                assert record.state is not None
                assert record.state.total == own.series[metric].total


@law
@given(stories(clock="punctual", late=False, edits=False))
def test_a_late_clock_concludes_what_a_punctual_one_would_have(story):
    explain(story)
    last = max(it.at for it in story.inputs) + timedelta(days=3)
    end = [Appended({"type": "user", "user": user}, last) for user in sorted(story.users)]
    without = [it for it in story.inputs if it.input.get("type") != "due"]
    logs = [judged(story, [*inputs, *end]) for inputs in (story.inputs, without)]
    for user in story.users:
        # Not byte for byte: which system awarded something first is no part of a state.
        punctual, late = (log.user_state(user) for log, _ in logs)
        assert punctual == late
    punctual, late = (awarded_by(records) for _, records in logs)
    assert punctual == late


def awarded_by(records):
    """Return the sum of awards of each trigger of each user."""
    sums: Counter[tuple[str, str, str | None]] = Counter()
    for record in records:
        for entry in record.entries:
            if isinstance(entry, PointsEntry):
                sums[record.user, entry.system, entry.trigger] += entry.awarded
    return sums


@law
@given(stories())
def test_what_falls_due_next_lies_in_the_future_of_its_user(story):
    explain(story)
    log = Log(story.versions)
    for appended in story.inputs:
        user = user_of(appended.input)
        log.tell(*appended)
        own = log.user_state(user) if user else None
        if own is not None and own.due is not None:
            assert own.due > own.time
