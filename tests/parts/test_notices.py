"""From a ledger record to what downstream services are told: which effects, and where."""

import json
from datetime import date
from typing import get_args

import pytest
from msgspec.structs import replace

from processor.notices import notices_of
from schemas.codec import write_notice
from schemas.entries import (
    AchievementEntry,
    BackfilledEntry,
    BackfillEntry,
    BoostEntry,
    CorrectionEntry,
    DefinitionsEntry,
    DueEntry,
    Entry,
    FreezesEntry,
    HoldEntry,
    LevelEntry,
    PausesEntry,
    PointsEntry,
    PreferencesEntry,
    ProgressEntry,
    StreakEntry,
    StreakPreferences,
    TotalEntry,
    UserEntry,
)
from schemas.inputs import RecordedEvent
from schemas.instants import MILLISECOND, instant, read_instant
from schemas.records import RECORD_VERSION, Record, Source
from schemas.topics import Topics

TOPICS = Topics()
DAY = date(2026, 3, 2)
NOON = "2026-03-02T12:00:00Z"
STREAK = StreakEntry("daily", "extended", 3, date(2026, 2, 28), DAY, DAY)
LOST = replace(STREAK, change="lost", length=0, started=None, through=None, lost=2)
BASE = {
    "tenant": "default",
    "user": "ada",
    "at": NOON,
    "event": "0-3-7",
    "definitions": 4,
}


def points(awarded, total, trigger="t0", **fields):
    """Return the entry of an award."""
    return PointsEntry("xp", trigger, awarded, total, **fields)


def level(before, after, total, **fields):
    """Return the entry of a change of level."""
    return LevelEntry("xp", before, after, total, **fields)


def record(*entries, user="ada", **fields):
    """Return a record with these entries."""
    return Record(
        RECORD_VERSION,
        Source(0, 3, 7),
        after=None,
        appended=read_instant("2026-03-02T12:00:07Z") // MILLISECOND,
        definitions=4,
        rules=1,
        user=user,
        input=RecordedEvent("commits", occurredAt=instant(read_instant(NOON))),
        entries=list(entries),
        lane="lane",
        **fields,
    )


def told(*entries, **fields):
    """Return the notices of a record as topic, key and notice, as they are written."""
    return [
        (topic, key, json.loads(write_notice(notice)))
        for topic, key, notice in notices_of(record(*entries, **fields), TOPICS)
    ]


@pytest.mark.parametrize(
    ("entry", "topic", "notice"),
    [
        (
            points(10, 30, "merge"),
            "xp.points-awarded",
            {"system": "xp", "trigger": "merge", "awarded": 10, "total": 30},
        ),
        (
            points(-2, 28, "merge"),
            "xp.points-awarded",
            {"system": "xp", "trigger": "merge", "awarded": -2, "total": 28},
        ),
        (
            level(None, "bronze", 30),
            "xp.level-changed",
            {"system": "xp", "previousLevel": None, "newLevel": "bronze", "total": 30},
        ),
        (AchievementEntry("one"), "xp.achievement-completed", {"achievement": "one"}),
        (
            STREAK,
            "xp.streak-changed",
            {"frequency": "daily", "change": "extended", "length": 3, "lost": None},
        ),
        (
            LOST,
            "xp.streak-changed",
            {"frequency": "daily", "change": "lost", "length": 0, "lost": 2},
        ),
        (
            replace(STREAK, change="frozen", since=date(2026, 3, 1), consumed=2, freezes=1),
            "xp.streak-changed",
            {
                "frequency": "daily",
                "change": "frozen",
                "length": 3,
                "lost": None,
                "consumed": 2,
                "freezes": 1,
            },
        ),
        (
            replace(STREAK, change="restored"),
            "xp.streak-changed",
            {"frequency": "daily", "change": "restored", "length": 3, "lost": None},
        ),
        (
            FreezesEntry("earned", 1, 2, DAY),
            "xp.streak-changed",
            {"change": "earned", "amount": 1, "freezes": 2},
        ),
        (
            FreezesEntry("granted", 2, 2, DAY),
            "xp.streak-changed",
            {"change": "granted", "amount": 2, "freezes": 2},
        ),
        (
            points(15, 45, "merge", boosts=("spring", "own")),
            "xp.points-awarded",
            {
                "system": "xp",
                "trigger": "merge",
                "awarded": 15,
                "total": 45,
                "boosts": ["spring", "own"],
            },
        ),
        (
            points(-5, 40, None, reason="a mistake of ours"),
            "xp.points-awarded",
            {
                "system": "xp",
                "trigger": None,
                "awarded": -5,
                "total": 40,
                "reason": "a mistake of ours",
            },
        ),
    ],
)
def test_an_effect_is_told_on_its_topic(entry, topic, notice):
    assert told(entry) == [(topic, b"ada", {"id": "0-3-7:0", **BASE, **notice})]


@pytest.mark.parametrize(
    "entry",
    [
        UserEntry(created=True, tz="Asia/Tokyo"),
        TotalEntry("commits", 1, 1, DAY),
        ProgressEntry("commits", {}),
        DefinitionsEntry(1),
        AchievementEntry("one", quiet=True),
        points(1, 1, quiet=True),
        level(None, "bronze", 30, quiet=True),
        replace(STREAK, quiet=True),
        replace(LOST, quiet=True),
        replace(STREAK, change="carried"),
        replace(STREAK, change="paused", since=DAY),
        PausesEntry("added", "p1", []),
        PreferencesEntry(StreakPreferences(enabled=False)),
        CorrectionEntry("0-3-1", 1, 2),
        BackfillEntry(2, {}),
        BackfilledEntry(2),
        DueEntry(instant(read_instant("2026-03-03T00:00:00Z"))),
        HoldEntry(on=True),
        BoostEntry("xp", "own", "started"),
    ],
)
def test_nobody_is_told_of_what_is_no_effect_or_quiet(entry):
    assert told(entry) == []


def test_what_time_awarded_is_told_with_when_it_was_due_and_how_often():
    due = instant(read_instant("2026-03-01T08:00:00Z"))
    ((_, _, notice),) = told(points(6, 16, "daily", at=due, count=3))
    assert (notice["at"], notice["count"]) == ("2026-03-01T08:00:00Z", 3)
    assert (notice["awarded"], notice["total"]) == (6, 16)


# One entry of each kind that would be told, were it not for what it says.
ONE_OF_EACH = (
    UserEntry(),
    TotalEntry("commits", 1, 1, DAY),
    ProgressEntry("commits", {}),
    STREAK,
    FreezesEntry("earned", 1, 2, DAY),
    PausesEntry("added", "p1", []),
    PreferencesEntry(StreakPreferences()),
    AchievementEntry("one"),
    points(1, 1),
    level(None, "bronze", 30),
    CorrectionEntry("0-3-1", 1, 2),
    BackfillEntry(2, {}),
    DueEntry(None),
    DefinitionsEntry(1),
    BackfilledEntry(2),
    HoldEntry(on=True),
    BoostEntry("xp", "own", "started"),
)


def test_every_kind_of_entry_is_known_and_five_are_told():
    assert {type(it) for it in ONE_OF_EACH} == set(get_args(Entry))
    heard = {it.__struct_config__.tag for it in ONE_OF_EACH if told(it)}
    assert heard == {"points", "level", "achievement", "streak", "freezes"}


@pytest.mark.parametrize("outcome", ["replayed", "refused", "forwarded", "dead"])
def test_what_was_not_applied_is_told_to_nobody(outcome):
    assert told(points(1, 1), outcome=outcome) == []


def test_what_is_about_no_user_is_told_to_nobody():
    assert told(DefinitionsEntry(1), points(1, 1), user=None) == []


def test_an_id_is_the_place_within_the_record_whatever_is_told_before_it():
    effects = [
        UserEntry(created=True),
        TotalEntry("commits", 1, 1, DAY),
        replace(STREAK, quiet=True),
        points(1, 1),
        level(None, "a", 1),
    ]
    assert [notice["id"] for _, _, notice in told(*effects)] == ["0-3-7:3", "0-3-7:4"]


def test_a_forwarded_event_keeps_the_id_of_where_it_was_first_found():
    ((_, _, notice),) = told(points(1, 1), id="0-9-1")
    assert (notice["id"], notice["event"]) == ("0-9-1:0", "0-9-1")


def test_the_key_of_another_tenants_user_names_the_tenant():
    ((_, key, notice),) = told(points(1, 1), tenant="acme")
    assert (key, notice["tenant"]) == (b"acme/ada", "acme")


def test_topics_have_the_prefix_that_they_are_given():
    ((topic, _, _),) = notices_of(record(points(1, 1)), Topics("test."))
    assert topic == "test.points-awarded"
