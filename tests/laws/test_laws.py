"""The laws of the ledger, on random games and histories: what must hold whatever the rules are."""

import json
from collections import Counter
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from laws.games import Log, Rows, Told, games, histories, law, users_of

from processor.rules.standing import Standing, evolve_record
from processor.state import PartitionState
from schemas.codec import read_record
from schemas.definitions import MetricAchievement, StreakAchievement, filter_id
from schemas.order import follows


def judged(definitions, story):
    """Return a log on which a history was judged, and the record of each event."""
    log = Log(definitions)
    return log, [log.tell(*told) for told in story]


def user_of(event):
    """Return the id of an event's user."""
    return event["user"] if isinstance(event["user"], str) else event["user"]["id"]


@law
@given(games(), histories())
def test_replay_is_live(definitions, story):
    log, _ = judged(definitions, story)
    replayed = PartitionState(Rows(), 0)
    for raw in log.raw:
        record = read_record(raw)
        assert follows(replayed.last, record)
        replayed.apply(record)
    assert (replayed.last, replayed.versions) == (log.state.last, log.state.versions)
    for user in users_of(story):
        assert same(replayed.standing("default", user), log.standing(user))


@law
@given(games(), histories())
def test_the_fold_of_the_entries_is_the_standing_that_decide_returns(definitions, story):
    # `evolve_record` is given no definitions: entries say all there is to know.
    log = Log(definitions)
    folded: dict[str, Standing] = {}
    for event, appended in story:
        user = user_of(event)
        record = log.tell(event, appended)
        if record["outcome"] == "applied":
            folded[user] = evolve_record(folded.get(user), record)
        assert folded.get(user) == log.standing(user)


@law
@given(games(), histories())
def test_a_restart_in_the_midst_changes_nothing(definitions, story):
    _, whole = judged(definitions, story)
    log, half = Log(definitions), len(story) // 2
    before = [log.tell(*told) for told in story[:half]]
    log.state.keep(half + 1)
    log.state = PartitionState(log.state._store, 0)
    assert before + [log.tell(*told) for told in story[half:]] == whole


@law
@given(games(), histories())
def test_the_events_of_others_change_nothing(definitions, story):
    _, records = judged(definitions, story)
    for user in users_of(story):
        alone = [told for told in story if user_of(told.event) == user]
        _, expected = judged(definitions, alone)
        among = [it for it, told in zip(records, story, strict=True) if user_of(told.event) == user]
        assert [effects(it) for it in among] == [effects(it) for it in expected]


def effects(record):
    """Return what a record says came of its event, apart from where it stands."""
    told = ("outcome", "reason", "entries", "state", "at", "key", "input")
    return {name: record.get(name) for name in told}


@law
@given(games(), histories(length=8))
def test_twice_is_once_with_a_key(definitions, story):
    keyed = [
        Told({**event, "idempotencyKey": f"key-{index}"}, appended)
        for index, (event, appended) in enumerate(story)
    ]
    once, records = judged(definitions, keyed)
    twice, repeated = judged(definitions, [it for told in keyed for it in (told, told)])
    again = {"applied": "replayed", "refused": "refused"}
    assert [it["outcome"] for it in repeated] == [
        outcome for it in records for outcome in (it["outcome"], again[it["outcome"]])
    ]
    assert all(it["entries"] == [] for it in repeated[1::2])
    for user in users_of(story):
        assert twice.standing(user) == once.standing(user)


@law
@given(games(), histories())
def test_a_replay_tells_of_the_first_use_and_of_where_the_user_stands_now(definitions, story):
    log, first = Log(definitions), {}
    for event, appended in story:
        before = log.standing(user_of(event))
        record = log.tell(event, appended)
        use = (user_of(event), event["metric"], event.get("idempotencyKey"))
        if record["outcome"] == "applied" and use[2]:
            assert use not in first
            first[use] = record["id"]
        if record["outcome"] == "replayed":
            assert record["first"] == first[use]
            assert record["state"]["total"] == before["series"][event["metric"]][0]
        if record["outcome"] != "applied":
            assert log.standing(user_of(event)) == before


@law
@given(games(), histories())
def test_balances_are_the_sum_of_their_awards_within_their_bounds(definitions, story):
    caps = {system.key: system.maxPoints for system in definitions.points}
    log = Log(definitions)
    balances: Counter[tuple[str, str]] = Counter()
    for event, appended in story:
        for entry in log.tell(event, appended)["entries"]:
            if entry["kind"] != "points":
                continue
            place = user_of(event), entry["system"]
            balances[place] += entry["awarded"]
            assert entry["awarded"] != 0
            assert entry["total"] == balances[place] >= 0
            assert caps[entry["system"]] is None or balances[place] <= caps[entry["system"]]
    for user in users_of(story):
        held = log.standing(user)["points"] if log.standing(user) else {}
        assert held == {system: it for (name, system), it in balances.items() if name == user}


@law
@given(games(), histories())
def test_a_level_is_told_when_and_only_when_it_changes(definitions, story):
    log = Log(definitions)
    held: dict[tuple[str, str], str | None] = {}
    for event, appended in story:
        record = log.tell(event, appended)
        for entry in record["entries"]:
            if entry["kind"] == "level":
                place = user_of(event), entry["system"]
                assert entry["before"] == held.get(place) != entry["after"]
                held[place] = entry["after"]
        standing = log.standing(user_of(event)) or {"points": {}}
        for system in definitions.points:
            expected = reached(system, standing["points"].get(system.key))
            assert held.get((user_of(event), system.key)) == expected


def reached(system, balance):
    """Return the level at a balance, by looking at all of them."""
    levels = [it for it in system.levels if balance is not None and it.points <= balance]
    return max(levels, key=lambda it: it.points).key if levels else None


@law
@given(games(), histories())
def test_an_achievement_is_completed_once_and_when_its_condition_is_true(definitions, story):
    goals = {item.key: item for item in definitions.achievements}
    log, completed = Log(definitions), set()
    for event, appended in story:
        user, record = user_of(event), log.tell(event, appended)
        for entry in record["entries"]:
            if entry["kind"] != "achievement":
                continue
            goal, standing = goals[entry["achievement"]], log.standing(user)
            assert (user, goal.key) not in completed
            completed.add((user, goal.key))
            assert goal.status == "active"
            assert goal.userAttributes.items() <= standing["attributes"].items()
            assert fulfilled(goal, record, standing, definitions.streak.frequency)


def fulfilled(goal, record, standing, frequency):
    """Tell whether the condition of an achievement holds after a record."""
    match goal:
        case MetricAchievement():
            wanted = goal.eventAttributes
            series = f"{goal.metric}?{filter_id(wanted)}" if wanted else goal.metric
            return (
                record["input"]["metric"] == goal.metric
                and wanted.items() <= record["input"].get("attributes", {}).items()
                and Decimal(standing["series"][series][0]) >= goal.metricValue
            )
        case StreakAchievement():
            return standing["streaks"][frequency]["length"] >= goal.streakLength


@law
@given(games(), histories())
def test_a_record_survives_the_journey_and_names_its_predecessor(definitions, story):
    log, records = judged(definitions, story)
    written = [read_record(raw) for raw in log.raw]
    assert written[1:] == json.loads(json.dumps(records))
    assert len({it["id"] for it in written}) == len(story) + 1
    for before, after in pairwise(written):
        epoch, _partition, offset = before["source"]
        assert list(after["after"] or ()) == [epoch, offset, before["lane"]]


def same(left, right):
    """Tell whether two standings are the same on disk: a pair and a list of two are."""
    return json.loads(json.dumps(left)) == json.loads(json.dumps(right))
