"""Levels: where a balance stands, up and down, one change per event."""

import pytest
from given import created, event, game, given, level, of_kind, per, play, points, total

from processor.rules.compiling import compile_definitions
from processor.rules.levels import level_at

METALS = {"bronze": 0, "silver": 50, "gold": 200}
MEDALS = game(points={"xp": per(1, 1, levels=METALS)})


@pytest.mark.parametrize(
    ("value", "key"),
    [(1, "bronze"), (49, "bronze"), (50, "silver"), (199, "silver"), (200, "gold"), (9999, "gold")],
)
def test_a_level_is_held_from_its_points_on(value, key):
    given(MEDALS).when(event(value)).then_of("level", level(None, key, value))


def test_d1_9_a_balance_of_100_is_a_change_from_bronze_to_silver():
    given(MEDALS, event(49)).when(event(51)).then(
        total(51, 100), points(51, 100), level("bronze", "silver", 100)
    )


def test_d2_m_several_levels_at_once_are_one_change():
    given(MEDALS, event(40)).when(event(200)).then(
        total(200, 240), points(200, 240), level("bronze", "gold", 240)
    )


def test_d2_m_a_deduction_leads_back_down():
    falling = game(
        metrics=["commits", "reverts"],
        points={
            "xp": {
                "levels": METALS,
                "triggers": [
                    {"metricThreshold": 1, "points": 1},
                    {"metricThreshold": 1, "points": -1, "metric": "reverts"},
                ],
            }
        },
    )
    story = given(falling, event(240))
    story.when(event(60, metric="reverts")).then_of("level", level("gold", "silver", 180))
    story.when(event(240, metric="reverts")).then_of("level", level("gold", "bronze", 0))


def test_a_fall_below_the_lowest_level_is_a_change_to_none():
    shallow = game(
        metrics=["commits", "reverts"],
        points={
            "xp": {
                "levels": {"low": 5},
                "triggers": [
                    {"metricThreshold": 1, "points": 1},
                    {"metricThreshold": 1, "points": -1, "metric": "reverts"},
                ],
            }
        },
    )
    given(shallow, event(5)).when(event(1, metric="reverts")).then_of(
        "level", level("low", None, 4)
    )


def test_there_is_no_level_before_the_first_award_though_its_threshold_is_zero():
    slow = game(points={"xp": per(10, 1, levels=METALS)})
    given(slow).when(event(9)).then(created(), total(9, 9))
    given(slow, event(9)).when(event(1)).then(total(1, 10), points(1, 1), level(None, "bronze", 1))


def test_an_award_that_stays_within_a_level_changes_none():
    given(MEDALS, event(50)).when(event(1)).then(total(1, 51), points(1, 51))


def test_up_and_down_within_one_event_is_no_change():
    both = game(
        points={
            "xp": {
                "levels": METALS,
                "triggers": [
                    {"metricThreshold": 1, "points": 100},
                    {"metricThreshold": 1, "points": -100},
                ],
            }
        }
    )
    (first, second) = play(both, event(), event())
    assert of_kind("level", first) == [level(None, "bronze", 0)]
    assert of_kind("points", second) == [points(100, 100, "t0"), points(-100, 0, "t1")]
    assert of_kind("level", second) == []


def test_points_for_being_there_count_towards_the_change_of_the_first_event():
    welcome = game(
        points={
            "xp": {
                "levels": METALS,
                "triggers": [{"points": 40}, {"metricThreshold": 1, "points": 10}],
            }
        }
    )
    given(welcome).when(event()).then(
        created(), points(40, 40), total(1, 1), points(10, 50, "t1"), level(None, "silver", 50)
    )


def test_every_system_has_levels_of_its_own():
    two = game(points={"xp": per(1, 60, levels=METALS), "care": per(1, 1, levels={"kind": 1})})
    given(two).when(event()).then_of(
        "level", level(None, "silver", 60), level(None, "kind", 1, system="care")
    )


def test_the_order_of_the_file_does_not_decide_which_level_is_higher():
    shuffled = game(points={"xp": per(1, 1, levels={"gold": 200, "bronze": 0, "silver": 50})})
    given(shuffled).when(event(60)).then_of("level", level(None, "silver", 60))


def test_an_archived_level_is_not_reached():
    system = {**per(1, 1), "levels": {"bronze": 0}}
    definitions = game(points={"xp": system})
    (xp,) = definitions.points
    gone = xp.model_copy(update={"levels": [xp.levels[0].model_copy(update={"archived": True})]})
    given(definitions.model_copy(update={"points": [gone]})).when(event()).then_of("level")


@pytest.mark.parametrize(
    ("balance", "key"), [(None, None), (0, None), (49, None), (50, "silver"), (200, "gold")]
)
def test_a_balance_alone_says_its_level(balance, key):
    metals = game(points={"xp": {"levels": {"silver": 50, "gold": 200}}})
    (system,) = compile_definitions(metals, 1).systems
    assert level_at(system, balance) == key
