"""A user's state: it follows from the entries alone, and holds no more than is needed."""

import pytest
from given import (
    complete,
    correct,
    daily,
    days,
    event,
    every,
    freeze,
    game,
    grant,
    identify,
    pause,
    play,
    prefer,
    restore,
    unpause,
)
from msgspec.msgpack import decode
from wording.states import record_of

from processor.rules.decide import event_time
from processor.rules.evolve import evolve_record
from processor.rules.user_state import read_user_state, write_user_state
from schemas.instants import micros

FULL = game(
    ["commits", "lines"],
    event=["kind"],
    user=["team"],
    streak=daily(
        2, initialFreezes=1, maxFreezes=2, freezeAutoEarnInterval=3, freezeAutoEarnAmount=1
    ),
    achievements=[
        {"key": "tour"},
        {"key": "two", "metricValue": 2, "eventAttributes": {"kind": "a"}},
        {"key": "both", "achievements": ["tour", "two"]},
    ],
    points={
        "xp": {
            "triggers": [{"metricThreshold": 1, "points": 5}, every(1, hours=5)],
            "levels": {"silver": 9},
        }
    },
)
FIRST = event(4, attributes={"kind": "a"})
STORY = [
    identify(attributes={"team": "red"}),
    FIRST,
    event(1, at="2026-03-03", user={"tz": "Asia/Tokyo"}),
    event(1, at="2026-03-01"),
    correct(1, FIRST, "2026-03-03"),
    complete("tour", "2026-03-04"),
    pause("2026-03-06", "2026-03-07", "2026-03-05"),
    freeze("2026-03-05"),
    event(2, at="2026-03-09"),
    unpause("2026-03-09"),
    grant(-3, "2026-03-09"),
    restore("2026-03-20"),
    prefer("2026-03-21", enabled=False),
    identify("2026-03-22", attributes={"team": ""}, tz=None),
]


def test_the_fold_of_the_entries_is_what_was_decided_with_no_definitions_at_hand():
    folded = None
    for sent, decided in zip(STORY, play(FULL, *STORY), strict=True):
        at = event_time(sent.input, micros(sent.appended))
        folded = evolve_record(folded, record_of(decided.entries, at))
        assert folded == decided.own


def test_a_state_that_is_kept_comes_back_as_it_was():
    for decided in play(FULL, *STORY):
        raw = write_user_state(decided.own)
        assert read_user_state(raw) == decided.own
        assert write_user_state(read_user_state(raw)) == raw


def test_what_came_before_stays_what_it_was():
    decisions = play(FULL, *STORY)
    again = play(FULL, *STORY[:-1])
    assert [it.own for it in decisions[:-1]] == [it.own for it in again]


@pytest.mark.parametrize(("values", "length", "changes"), [([4], 0, [4]), ([4, 1], 1, [])])
def test_of_a_period_that_is_satisfied_nothing_is_counted_any_more(values, length, changes):
    last = play(game(streak=daily(5)), *map(event, values))[-1]
    for track in last.own.streaks.values():
        assert track.length == length
        assert [it["commits"] for it in track.changes.values()] == changes


def test_the_greatest_length_ever_is_remembered():
    last = play(game(streak=daily()), *days(2, 3, 5), event(0, at="2026-03-20"))[-1]
    assert last.own.streaks["daily"].longest == 2
    first = play(game(streak=daily()), *days(2))[-1]
    assert first.own.streaks["daily"].longest == 1


def test_a_state_is_kept_as_lists_in_the_order_of_their_fields():
    simple = game(
        streak=daily(), points={"xp": {"triggers": [{"metricThreshold": 1, "points": 5}]}}
    )
    (_, last) = play(simple, *days(2), event(0, at="2026-03-04"))
    kept = decode(write_user_state(last.own))
    born, now = micros(days(2)[0].appended), micros(days(4)[0].appended)
    open_ = [1, "2026-03-02", "2026-03-02"]
    assert kept == [
        now, None, 1, born, "2026-03-02", None,
        {"commits": [1, 1]}, {"xp": [5, 5]}, {}, {},
        {
            "daily": [
                0, None, "2026-03-02", None, {"2026-03-04": {"commits": 0}}, None, 1,
                [["2026-03-02", 1, "2026-03-02"]],
            ],
            "weekly": [*open_, "2026-03-02", {}, None, 1, []],
            "monthly": [1, "2026-03-02", "2026-03-01", "2026-03-01", {}, None, 1, []],
        },
        0, None, [], None,
    ]  # fmt: skip
