"""What is refused, what becomes of the user, and in which order an event is concluded."""

import pytest
from given import (
    achievement,
    created,
    daily,
    event,
    game,
    given,
    kinds_of,
    level,
    of_kind,
    play,
    points,
    total,
    user,
)

from processor.rules.compiling import EMPTY

KNOWN = game(["commits", "lines"], event=["kind"], user=["team", "city"])


# Refusals


@pytest.mark.parametrize(
    ("sent", "code", "text"),
    [
        pytest.param(
            event(metric="stars"),
            "not_found",
            "there is no metric 'stars' (known: commits, lines)",
            id="unknown metric",
        ),
        pytest.param(
            event(attributes={"kind": "a", "size": "b", "age": "c"}),
            "invalid",
            "Invalid attribute keys: age, size. They are no event attributes of this game "
            "(known: kind).",
            id="unknown event attributes",
        ),
        pytest.param(
            event(user={"attributes": {"kind": "a"}}),
            "invalid",
            "Invalid attribute keys: kind. They are no user attributes of this game "
            "(known: city, team).",
            id="an event attribute is no user attribute",
        ),
        pytest.param(
            event(user={"attributes": {"age": None}}),
            "invalid",
            "Invalid attribute keys: age.",
            id="an unknown attribute cannot be cleared either",
        ),
        pytest.param(
            event(at="2026-03-02T12:05:00.000001Z", appended="2026-03-02T12:00:00Z"),
            "invalid",
            "occurredAt is more than 5 minutes in the future",
            id="future",
        ),
    ],
)
def test_an_event_that_the_rules_do_not_admit_is_refused_with_a_reason(sent, code, text):
    given(KNOWN).when(sent).then_refused(code, text)
    given(KNOWN, event()).when(sent).then_refused(code, text)


def test_a_game_of_nothing_knows_no_metric():
    assert (EMPTY.version, EMPTY.plans, EMPTY.systems, EMPTY.streak) == (0, {}, (), None)
    given(game(metrics=[])).when(event()).then_refused("not_found", "(known: none)")


def test_an_archived_metric_or_attribute_is_not_known_any_more():
    gone = game([{"key": "commits", "archived": True}, "lines"])
    given(gone).when(event()).then_refused("not_found", "(known: lines)")
    kinds = KNOWN.model_copy(
        update={"attributes": [it.model_copy(update={"archived": True}) for it in KNOWN.attributes]}
    )
    given(kinds).when(event(attributes={"kind": "a"})).then_refused("invalid", "(known: none)")


def test_five_minutes_in_the_future_are_still_fine():
    early = event(at="2026-03-02T12:05:00Z", appended="2026-03-02T12:00:00Z")
    given(KNOWN).when(early).then(created(), total(1, 1))


# The user


@pytest.mark.parametrize(
    ("before", "said", "changed"),
    [
        pytest.param({}, {"tz": "Asia/Tokyo"}, {"tz": "Asia/Tokyo"}, id="a zone"),
        pytest.param({"tz": "Asia/Tokyo"}, {"tz": "Asia/Tokyo"}, None, id="the same zone"),
        pytest.param({"tz": "Asia/Tokyo"}, {}, None, id="left out is kept"),
        pytest.param({"tz": "Asia/Tokyo"}, {"tz": None}, {"tz": None}, id="null clears the zone"),
        pytest.param({}, {"tz": None}, None, id="null where there was none"),
        pytest.param(
            {"attributes": {"team": "red"}},
            {"attributes": {"city": "Bonn"}},
            {"attributes": {"city": "Bonn"}},
            id="attributes are merged",
        ),
        pytest.param(
            {"attributes": {"team": "red"}},
            {"attributes": {"team": "blue"}},
            {"attributes": {"team": "blue"}},
            id="an attribute is overwritten",
        ),
        pytest.param(
            {"attributes": {"team": "red"}}, {"attributes": {"team": "red"}}, None, id="no change"
        ),
        pytest.param(
            {"attributes": {"team": "red"}},
            {"attributes": {"team": None}},
            {"attributes": {"team": None}},
            id="null clears an attribute",
        ),
        pytest.param(
            {"attributes": {"team": "red"}},
            {"attributes": {"team": ""}},
            {"attributes": {"team": None}},
            id="an empty text clears it too",
        ),
        pytest.param({}, {"attributes": {"team": ""}}, None, id="nothing to clear"),
        pytest.param({"attributes": {"team": "red"}}, {"attributes": None}, None, id="no map"),
        pytest.param({}, {"name": "Ada", "email": "ada@example.org"}, None, id="personal fields"),
    ],
)
def test_what_an_event_says_of_its_user_is_noted_where_it_changes(before, said, changed):
    entries = [user(**changed)] if changed else []
    given(KNOWN, event(0, user=before)).when(event(user=said)).then(*entries, total(1, 1))


def test_attributes_are_merged_key_by_key_in_the_user_state():
    said = [{"team": "red", "city": "Bonn"}, {"team": ""}, {"city": "Köln"}]
    last = play(KNOWN, *(event(user={"attributes": it}) for it in said))[-1]
    assert last.own.attributes == {"city": "Köln"}


def test_the_first_event_creates_the_user_with_all_that_it_says():
    sent = event(user={"tz": "Asia/Tokyo", "attributes": {"team": "red", "city": ""}})
    given(KNOWN).when(sent).then(created(tz="Asia/Tokyo", attributes={"team": "red"}), total(1, 1))


def test_an_event_of_value_zero_creates_the_user_too():
    given(KNOWN).when(event(0)).then(created(), total(0, 0))


# The order


def test_everything_in_the_one_written_order():
    full = game(
        ["commits"],
        user=["team"],
        streak=daily(),
        achievements=[{"key": "s", "streakLength": 1}, {"key": "m", "metricValue": 1}],
        points={
            "xp": {
                "levels": {"bronze": 1},
                "triggers": [
                    {"achievement": "s", "points": 3},
                    {"streakLength": 1, "points": 2},
                    {"metricThreshold": 1, "points": 1},
                    {"points": 9},
                ],
            }
        },
    )
    decided = play(full, event(at="2026-03-01"), event(at="2026-03-03", user={"tz": "Asia/Tokyo"}))
    first, second = (kinds_of(one.entries) for one in decided)
    started = ["started"] * 3
    assert first == [
        "user", "points", "total", *started, "achievement", "achievement", *["points"] * 3, "level",
        "due",
    ]  # fmt: skip
    assert second == ["lost", "user", "total", "started", "extended", "points", "points", "due"]
    assert of_kind("achievement", decided[0]) == [achievement("m"), achievement("s")]
    assert of_kind("points", decided[0]) == [
        points(9, 9, "t3"), points(3, 12, "t0"), points(2, 14, "t1"), points(1, 15, "t2")
    ]  # fmt: skip
    assert of_kind("level", decided[0]) == [level(None, "bronze", 15)]


def test_what_has_ended_ended_under_the_zone_that_was_in_force_until_now():
    days = game(streak=daily())
    # It is the 4th in UTC, where the streak of the 2nd is lost, and still the 3rd in Pago Pago.
    moves = event(at="2026-03-04T06:00:00Z", user={"tz": "Pacific/Pago_Pago"})
    last = play(days, event(at="2026-03-02"), moves)[-1]
    assert kinds_of(last.entries)[:2] == ["lost", "user"]


def test_the_answer_shows_the_total_of_the_events_own_metric():
    assert play(KNOWN, event(5), event(7, metric="lines"))[-1].state.total == 7
