"""The laws of sums and bounds, at every prefix of random histories: nothing comes from nowhere."""

from collections import Counter
from decimal import Decimal

from hypothesis import given
from laws.games import law, often
from laws.log import Log, user_of
from laws.stories import explain, stories

from schemas.definitions import series_of
from schemas.entries import (
    AchievementEntry,
    FreezesEntry,
    LevelEntry,
    PointsEntry,
    StreakEntry,
)
from schemas.inputs import RecordedBackfill, RecordedCompletion


@law
@given(stories())
def test_balances_are_the_sum_of_their_awards_within_their_bounds(story):
    explain(story)
    log = Log(story.versions)
    balances: Counter[tuple[str | None, str]] = Counter()
    for appended in story.inputs:
        record = log.tell(*appended)
        caps = {it.key: it.maxPoints for it in of_version(story, record).points}
        for entry in record.entries:
            if not isinstance(entry, PointsEntry):
                continue
            place = record.user, entry.system
            balances[place] += entry.awarded
            assert entry.awarded != 0
            assert entry.total == balances[place] >= 0
            # A cap that is lowered takes nothing away, but lets nothing on top.
            cap = caps[entry.system]
            assert cap is None or balances[place] <= cap or entry.awarded < 0
    for user in story.users:
        held = {system: it for (name, system), it in balances.items() if name == user}
        own = log.user_state(user)
        assert own is not None
        assert {system: it.total for system, it in own.points.items()} == held


def of_version(story, record):
    """Return the definitions that a record was judged by."""
    return story.versions[record.definitions - 1].definitions


@law
@given(stories())
def test_freezes_are_those_given_without_those_consumed_and_never_too_many(story):
    explain(story)
    freezes: Counter[str] = Counter()
    for record in story.records:
        most = of_version(story, record).streak.maxFreezes
        user = record.user
        for entry in record.entries:
            if isinstance(entry, FreezesEntry):
                freezes[user] += entry.amount
                assert entry.freezes == freezes[user] <= most
            elif isinstance(entry, StreakEntry) and entry.consumed is not None:
                freezes[user] -= entry.consumed
                assert entry.freezes == freezes[user] >= 0
                assert entry.change == "frozen"
    for user in story.users:
        assert story.log.user_state(user).freezes == freezes[user]


@law
@given(stories())
def test_a_streak_grows_by_one_and_is_lost_as_a_whole(story):
    explain(story)
    lengths: Counter[tuple[str, str]] = Counter()
    for record in story.records:
        for entry in record.entries:
            if not isinstance(entry, StreakEntry):
                continue
            place = record.user, entry.frequency
            before, lengths[place] = lengths[place], entry.length
            match entry.change:
                case "started":
                    assert (before, entry.length) == (0, 1)
                case "extended":
                    assert entry.length == before + 1 > 1
                case "lost":
                    assert (before, entry.length) == (entry.lost, 0)
                case "restored":
                    assert entry.length > before
                case _:
                    assert entry.length == before > 0


@law
@given(stories())
def test_levels_are_those_of_the_balance(story):
    explain(story)
    log = Log(story.versions)
    for appended in story.inputs:
        user = user_of(appended.input)
        before = points_of(log, user)
        record = log.tell(*appended)
        after = points_of(log, user)
        moved = []
        for system in of_version(story, record).points:
            levels = [reached(system, it.get(system.key)) for it in (before, after)]
            if levels[0] != levels[1] and not system.archived:
                moved.append((system.key, *levels))
        entries = [it for it in record.entries if isinstance(it, LevelEntry)]
        assert [(it.system, it.before, it.after) for it in entries] == moved
        assert all(it.total == after[it.system] for it in entries)


def points_of(log, user):
    """Return a user's balances by system."""
    own = log.user_state(user) if user else None
    return {system: it.total for system, it in own.points.items()} if own else {}


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
    for appended in story.inputs:
        record = log.tell(*appended)
        definitions = of_version(story, record)
        goals = {item.key: item for item in definitions.achievements}
        for entry in record.entries:
            if not isinstance(entry, AchievementEntry):
                continue
            assert record.user is not None
            goal, own = goals[entry.achievement], log.user_state(record.user)
            assert own is not None
            assert (record.user, goal.key) not in completed
            completed.add((record.user, goal.key))
            assert (goal.status, goal.archived) == ("active", False)
            assert goal.userAttributes.items() <= own.attributes.items()
            assert fulfilled(goal, record, own, definitions.streak.frequency)


def fulfilled(goal, record, own, frequency):
    """Tell whether the condition of an achievement holds after a record."""
    given = record.input
    backdated = isinstance(given, RecordedBackfill)
    match goal.trigger:
        case "metric":
            wanted = goal.eventAttributes
            counted = backdated or (
                given.metric == goal.metric and wanted.items() <= given.attributes.items()
            )
            total = own.series[series_of(goal.metric, wanted)].total
            return counted and Decimal(total) >= goal.metricValue
        case "streak":
            track = own.streaks[frequency]
            return (track.longest if backdated else track.length) >= goal.streakLength
        case "api":
            return isinstance(given, RecordedCompletion) and given.achievement == goal.key
        case "achievement":
            return own.achievements.keys() >= set(goal.achievements)


@law
@given(stories())
def test_what_is_completed_for_the_past_is_quiet_and_nothing_else_is(story):
    explain(story)
    for record in story.records:
        of_past = isinstance(record.input, RecordedBackfill)
        for entry in record.entries:
            if isinstance(entry, AchievementEntry | LevelEntry):
                assert entry.quiet == of_past
