"""From a ledger record to what downstream services are told: which effects, and where."""

from typing import get_args

import pytest
from given import achievement, created, level, points, total

from processor.notices import notices_of
from schemas.entries import Entry
from schemas.topics import Topics

TOPICS = Topics()
STREAK = {
    "kind": "streak",
    "frequency": "daily",
    "change": "extended",
    "length": 3,
    "started": "2026-02-28",
    "period": "2026-03-02",
    "through": "2026-03-02",
}
BASE = {
    "tenant": "default",
    "user": "ada",
    "at": "2026-03-02T12:00:00Z",
    "event": "0-3-7",
    "definitions": 4,
}


def record(*entries, **fields):
    """Return a record with these entries."""
    return {
        "id": "0-3-7",
        "outcome": "applied",
        "at": "2026-03-02T12:00:00Z",
        "tenant": "default",
        "user": "ada",
        "definitions": 4,
        "entries": list(entries),
        **fields,
    }


def told(*entries, **fields):
    """Return the notices of a record as topic, key and notice."""
    return [tuple(it) for it in notices_of(record(*entries, **fields), TOPICS)]


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
        (achievement("one"), "xp.achievement-completed", {"achievement": "one"}),
        (
            STREAK,
            "xp.streak-changed",
            {"frequency": "daily", "change": "extended", "length": 3, "lost": None},
        ),
        (
            {**STREAK, "change": "lost", "length": 0, "started": None, "through": None, "lost": 2},
            "xp.streak-changed",
            {"frequency": "daily", "change": "lost", "length": 0, "lost": 2},
        ),
        (
            {**STREAK, "change": "frozen", "since": "2026-03-01", "consumed": 2, "freezes": 1},
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
            {**STREAK, "change": "restored"},
            "xp.streak-changed",
            {"frequency": "daily", "change": "restored", "length": 3, "lost": None},
        ),
        (
            {"kind": "freezes", "change": "earned", "amount": 1, "freezes": 2, "day": "2026-03-02"},
            "xp.streak-changed",
            {"change": "earned", "amount": 1, "freezes": 2},
        ),
        (
            {
                "kind": "freezes",
                "change": "granted",
                "amount": 2,
                "freezes": 2,
                "day": "2026-03-02",
            },
            "xp.streak-changed",
            {"change": "granted", "amount": 2, "freezes": 2},
        ),
        (
            {**points(15, 45, "merge"), "boosts": ["spring", "own"]},
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
            {**points(-5, 40, None), "reason": "a mistake of ours"},
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
        created(tz="Asia/Tokyo"),
        total(1, 1),
        {"kind": "progress", "metric": "commits", "periods": {}},
        {"kind": "definitions", "version": 1},
        {**achievement("one"), "quiet": True},
        {**points(1, 1), "quiet": True},
        {**level(None, "bronze", 30), "quiet": True},
        {**STREAK, "quiet": True},
        {**STREAK, "change": "lost", "length": 0, "lost": 2, "quiet": True},
        {**STREAK, "change": "carried"},
        {**STREAK, "change": "paused", "since": "2026-03-02"},
        {"kind": "pauses", "change": "added", "id": "p1", "pauses": []},
        {"kind": "preferences", "streak": {"enabled": False}},
        {"kind": "correction", "event": "0-3-1", "before": "1", "after": "2"},
        {"kind": "backfill", "version": 2, "series": {}},
        {"kind": "backfilled", "version": 2},
        {"kind": "due", "at": "2026-03-03T00:00:00Z"},
        {"kind": "hold", "on": True},
        {"kind": "boost", "system": "xp", "boost": "own", "change": "started"},
    ],
)
def test_nobody_is_told_of_what_is_no_effect_or_quiet(entry):
    assert told(entry) == []


def test_what_time_awarded_is_told_with_when_it_was_due_and_how_often():
    ((_, _, notice),) = told({**points(6, 16, "daily"), "at": "2026-03-01T08:00:00Z", "count": 3})
    assert (notice["at"], notice["count"]) == ("2026-03-01T08:00:00Z", 3)
    assert (notice["awarded"], notice["total"]) == (6, 16)


def test_every_kind_of_entry_is_known_and_five_are_told():
    heard = set()
    for kind in get_args(Entry):
        (name,) = get_args(kind.__annotations__["kind"])
        try:
            assert told({"kind": name}) == []
        except KeyError:
            # It was about to be told, and the entry has nothing to tell.
            heard.add(name)
    assert heard == {"points", "level", "achievement", "streak", "freezes"}


@pytest.mark.parametrize("outcome", ["replayed", "refused", "forwarded", "dead"])
def test_what_was_not_applied_is_told_to_nobody(outcome):
    assert told(points(1, 1), outcome=outcome) == []


def test_what_is_about_no_user_is_told_to_nobody():
    assert told({"kind": "definitions", "version": 1}, points(1, 1), user=None) == []


def test_an_id_is_the_place_within_the_record_whatever_is_told_before_it():
    effects = [created(), total(1, 1), {**STREAK, "quiet": True}, points(1, 1), level(None, "a", 1)]
    assert [notice["id"] for _, _, notice in told(*effects)] == ["0-3-7:3", "0-3-7:4"]


def test_a_forwarded_event_keeps_the_id_of_where_it_was_first_found():
    ((_, _, notice),) = told(points(1, 1), id="0-9-1", source=(0, 3, 7))
    assert (notice["id"], notice["event"]) == ("0-9-1:0", "0-9-1")


def test_the_key_of_another_tenants_user_names_the_tenant():
    ((_, key, notice),) = told(points(1, 1), tenant="acme")
    assert (key, notice["tenant"]) == (b"acme/ada", "acme")


def test_topics_have_the_prefix_that_they_are_given():
    ((topic, _, _),) = notices_of(record(points(1, 1)), Topics("test."))
    assert topic == "test.points-awarded"
