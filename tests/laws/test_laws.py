"""The laws of the ledger, on random games and histories: what must hold whatever the rules are."""

import json
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from laws.games import law, often
from laws.log import Log, Rows, Told, user_of
from laws.stories import explain, stories

from processor.rules.standing import Standing, evolve_record
from processor.state import PartitionState
from schemas.codec import read_record
from schemas.definitions import filter_id
from schemas.order import follows

# Kinds of inputs that tell of their user besides naming it.
WITH_USER = ("metric", "achievement", "user")


def judged(story, told):
    """Return a log on which inputs were judged by a story's definitions, and their records."""
    explain(story)
    log = Log(story.versions)
    return log, [log.tell(*it) for it in told]


def same(left, right):
    """Tell whether two standings are the same on disk: a pair and a list of two are."""
    return json.loads(json.dumps(left)) == json.loads(json.dumps(right))


# Replay


@law
@given(stories())
def test_replay_is_live(story):
    explain(story)
    replayed = PartitionState(Rows(), 0)
    for raw in story.log.raw:
        record = read_record(raw)
        assert follows(replayed.last, record)
        replayed.apply(record)
    assert replayed.last == story.log.state.last
    assert replayed.versions == story.log.state.versions
    for user in story.users:
        assert same(replayed.standing("default", user), story.log.standing(user))


@law
@given(stories())
def test_judging_again_from_the_ledger_alone_gives_the_same_bytes(story):
    log, _ = judged(story, [told_by(it) for it in map(read_record, story.log.raw)])
    assert log.raw == story.log.raw


def told_by(record):
    """Return the input of a record, as a ledger without its source has it."""
    told = dict(record["input"])
    tz = {"tz": told.pop("tz")} if "tz" in told else {}
    attributes = told.pop("userAttributes", None)
    if record["user"] is not None:
        known = {**tz, **({"attributes": attributes} if attributes is not None else {})}
        with_user = told.get("type", "metric") in WITH_USER
        told["user"] = {"id": record["user"], **known} if with_user else record["user"]
    if told.get("value") is not None:
        told["value"] = float(told["value"])
    for line in told.get("streak", {}).get("metrics", ()):
        line["threshold"] = float(line["threshold"])
    if "key" in record:
        told["idempotencyKey"] = record["key"]
    return Told(told, datetime.fromisoformat(record["appended"]))


@law
@given(stories())
def test_the_fold_of_the_entries_is_the_standing_that_decide_returns(story):
    # `evolve_record` is given no definitions: entries say all there is to know.
    log = Log(story.versions)
    folded: dict[str, Standing] = {}
    for told in story.told:
        user, record = user_of(told.input), log.tell(*told)
        if user is None:
            continue
        if record["outcome"] == "applied":
            folded[user] = evolve_record(folded.get(user), record)
        assert folded.get(user) == log.standing(user)


@law
@given(stories())
def test_a_restart_in_the_midst_changes_nothing(story):
    explain(story)
    log, half = Log(story.versions), len(story.told) // 2
    before = [log.tell(*told) for told in story.told[:half]]
    log.state.keep(half)
    log.state = PartitionState(log.state._store, 0)
    assert before + [log.tell(*told) for told in story.told[half:]] == story.records


@law
@given(stories())
def test_a_record_survives_the_journey_and_names_its_predecessor(story):
    written = [read_record(raw) for raw in story.log.raw]
    assert written == json.loads(json.dumps(story.records))
    assert len({it["id"] for it in written}) == len(story.told)
    for before, after in pairwise(written):
        epoch, _partition, offset = before["source"]
        assert list(after["after"] or ()) == [epoch, offset, before["lane"]]


# Who, how often and when


@law
@given(stories())
def test_the_inputs_of_others_change_nothing(story):
    for user in story.users:
        mine = [user_of(told.input) in (user, None) for told in story.told]
        alone = [told for told, own in zip(story.told, mine, strict=True) if own]
        _, expected = judged(story, alone)
        among = [record for record, own in zip(story.records, mine, strict=True) if own]
        assert [effects(it) for it in among] == [effects(it) for it in expected]


def effects(record):
    """Return what a record says came of its input, apart from where it stands."""
    told = ("outcome", "reason", "entries", "state", "at", "key", "input")
    return {name: record.get(name) for name in told}


@law
@given(stories(steps=8))
def test_twice_is_once_with_a_key(story):
    keyed = [
        Told({**given, "idempotencyKey": f"key-{index}"} if "user" in given else given, appended)
        for index, (given, appended) in enumerate(story.told)
    ]
    once, records = judged(story, keyed)
    twice, repeated = judged(story, [it for told in keyed for it in (told, told)])
    again = {"applied": "replayed", "replayed": "replayed", "refused": "refused"}
    assert [it["outcome"] for it in repeated] == [
        outcome for it in records for outcome in (it["outcome"], again[it["outcome"]])
    ]
    assert all(it["entries"] == [] for it in repeated[1::2])
    for user in story.users:
        assert twice.standing(user) == once.standing(user)


@law
@given(stories())
def test_a_replay_tells_of_the_first_use_and_of_where_the_user_stands_now(story):
    log, first = Log(story.versions), {}
    for told in story.told:
        user, kind = user_of(told.input), told.input.get("type", "metric")
        if user is None:
            log.tell(*told)
            continue
        before = log.standing(user)
        record = log.tell(*told)
        use = (user, kind, told.input.get("metric", ""), told.input.get("idempotencyKey"))
        if kind == "correction":
            use = (user, kind, "", told.input.get("idempotencyKey"))
        if record["outcome"] == "applied":
            assert use not in first
            if use[3]:
                first[use] = record["id"]
            continue
        assert log.standing(user) == before
        if record["outcome"] == "replayed":
            # One without a use of its key found nothing to do.
            assert record.get("first") == first.get(use)
            if kind == "metric":
                assert record["state"]["total"] == before["series"][told.input["metric"]][0]


@law
@given(stories(clock="punctual", late=False, edits=False))
def test_a_late_clock_concludes_what_a_punctual_one_would_have(story):
    explain(story)
    last = max(told.appended for told in story.told) + timedelta(days=3)
    end = [Told({"type": "user", "user": user}, last) for user in sorted(story.users)]
    without = [told for told in story.told if told.input.get("type") != "due"]
    logs = [judged(story, [*told, *end]) for told in (story.told, without)]
    for user in story.users:
        punctual, late = (log.standing(user) for log, _ in logs)
        assert punctual == late
    punctual, late = (awarded_by(records) for _, records in logs)
    assert punctual == late


def awarded_by(records):
    """Return the sum of awards of each trigger of each user."""
    sums: Counter[tuple[str, str, str | None]] = Counter()
    for record in records:
        for entry in record["entries"]:
            if entry["kind"] == "points":
                sums[record["user"], entry["system"], entry["trigger"]] += entry["awarded"]
    return sums


@law
@given(stories())
def test_what_falls_due_next_lies_in_the_future_of_its_user(story):
    log = Log(story.versions)
    for told in story.told:
        user = user_of(told.input)
        log.tell(*told)
        standing = log.standing(user) if user else None
        if standing and "due" in standing:
            due, now = (datetime.fromisoformat(standing[name]) for name in ("due", "time"))
            assert due > now


# Sums and bounds, at every prefix


@law
@given(stories())
def test_balances_are_the_sum_of_their_awards_within_their_bounds(story):
    explain(story)
    log = Log(story.versions)
    balances: Counter[tuple[str, str]] = Counter()
    for told in story.told:
        record = log.tell(*told)
        caps = {it.key: it.maxPoints for it in of_version(story, record).points}
        for entry in record["entries"]:
            if entry["kind"] != "points":
                continue
            place = record["user"], entry["system"]
            balances[place] += entry["awarded"]
            assert entry["awarded"] != 0
            assert entry["total"] == balances[place] >= 0
            # A cap that is lowered takes nothing away, but lets nothing on top.
            cap = caps[entry["system"]]
            assert cap is None or balances[place] <= cap or entry["awarded"] < 0
    for user in story.users:
        held = {system: it for (name, system), it in balances.items() if name == user}
        assert log.standing(user)["points"] == held


def of_version(story, record):
    """Return the definitions that a record was judged by."""
    return story.versions[record["definitions"] - 1].definitions


@law
@given(stories())
def test_freezes_are_those_given_without_those_consumed_and_never_too_many(story):
    freezes: Counter[str] = Counter()
    for record in story.records:
        most = of_version(story, record).streak.maxFreezes
        user = record["user"]
        for entry in record["entries"]:
            if entry["kind"] == "freezes":
                freezes[user] += entry["amount"]
                assert entry["freezes"] == freezes[user] <= most
            elif entry["kind"] == "streak" and "consumed" in entry:
                freezes[user] -= entry["consumed"]
                assert entry["freezes"] == freezes[user] >= 0
                assert entry["change"] == "frozen"
    for user in story.users:
        assert story.log.standing(user).get("freezes", 0) == freezes[user]


@law
@given(stories())
def test_a_streak_grows_by_one_and_is_lost_as_a_whole(story):
    lengths: Counter[tuple[str, str]] = Counter()
    for record in story.records:
        for entry in record["entries"]:
            if entry["kind"] != "streak":
                continue
            place = record["user"], entry["frequency"]
            before, lengths[place] = lengths[place], entry["length"]
            match entry["change"]:
                case "started":
                    assert (before, entry["length"]) == (0, 1)
                case "extended":
                    assert entry["length"] == before + 1 > 1
                case "lost":
                    assert (before, entry["length"]) == (entry["lost"], 0)
                case "restored":
                    assert entry["length"] > before
                case _:
                    assert entry["length"] == before > 0


@law
@given(stories())
def test_levels_are_those_of_the_balance(story):
    log = Log(story.versions)
    for told in story.told:
        user = user_of(told.input)
        before = (log.standing(user) if user else None) or {"points": {}}
        record = log.tell(*told)
        after = (log.standing(user) if user else None) or {"points": {}}
        moved = []
        for system in of_version(story, record).points:
            levels = [reached(system, it["points"].get(system.key)) for it in (before, after)]
            if levels[0] != levels[1] and not system.archived:
                moved.append((system.key, *levels))
        entries = [it for it in record["entries"] if it["kind"] == "level"]
        assert [(it["system"], it["before"], it["after"]) for it in entries] == moved


def reached(system, balance):
    """Return the level at a balance, by looking at all of them."""
    levels = [
        it
        for it in system.levels
        if balance is not None and it.points <= balance and not it.archived
    ]
    return max(levels, key=lambda it: it.points).key if levels else None


@often
@given(stories())
def test_an_achievement_is_completed_once_and_when_its_condition_is_true(story):
    explain(story)
    log, completed = Log(story.versions), set()
    for told in story.told:
        record = log.tell(*told)
        definitions = of_version(story, record)
        goals = {item.key: item for item in definitions.achievements}
        for entry in record["entries"]:
            if entry["kind"] != "achievement":
                continue
            goal, standing = goals[entry["achievement"]], log.standing(record["user"])
            assert (record["user"], goal.key) not in completed
            completed.add((record["user"], goal.key))
            assert (goal.status, goal.archived) == ("active", False)
            assert goal.userAttributes.items() <= standing["attributes"].items()
            assert fulfilled(goal, record, standing, definitions.streak.frequency)


def fulfilled(goal, record, standing, frequency):
    """Tell whether the condition of an achievement holds after a record."""
    told = record["input"]
    backdated = told.get("type") == "backfill"
    match goal.trigger:
        case "metric":
            wanted = goal.eventAttributes
            series = f"{goal.metric}?{filter_id(wanted)}" if wanted else goal.metric
            counted = backdated or (
                told["metric"] == goal.metric
                and wanted.items() <= told.get("attributes", {}).items()
            )
            return counted and Decimal(standing["series"][series][0]) >= goal.metricValue
        case "streak":
            track = standing["streaks"][frequency]
            return track["longest" if backdated else "length"] >= goal.streakLength
        case "api":
            return (told["type"], told["achievement"]) == ("achievement", goal.key)
        case "achievement":
            return standing["achievements"].keys() >= set(goal.achievements)


@law
@given(stories())
def test_what_is_completed_for_the_past_is_quiet_and_nothing_else_is(story):
    for record in story.records:
        told = record["input"] or {}
        for entry in record["entries"]:
            if entry["kind"] in ("achievement", "level"):
                assert entry.get("quiet", False) == (told.get("type") == "backfill")
