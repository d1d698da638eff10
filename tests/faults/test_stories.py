"""The stories of F13 know how long streaks become, and what is not as they tell."""

from datetime import UTC, date, datetime
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest
from faults import stories
from faults.stories import SCENES, Scene, Story


def _scene(name: str, seed: int = 1) -> Story:
    scene = next(it for it in SCENES if it.name == name)
    return stories.of_scene(Random(seed), "user", scene)


@pytest.mark.parametrize("scene", SCENES, ids=lambda it: it.name)
def test_a_day_is_a_day_however_long_it_is(scene: Scene) -> None:
    # One of these dates never came.
    dates = scene.days - (scene.zone == "Pacific/Apia")
    assert stories.of_scene(Random(3), "user", scene).lengths["daily"] == dates


def test_a_year_ends_within_a_week_and_with_a_month() -> None:
    assert _scene("a year's end").lengths == {"daily": 8, "weekly": 2, "monthly": 2}


def test_events_of_a_story_come_one_after_the_other() -> None:
    for seed in range(20):
        lives = [stories.of_scene(Random(seed), "user", it) for it in SCENES]
        for story in (*lives, stories.of_traveller(Random(seed), "user")):
            instants = [datetime.fromisoformat(it.occurred or "") for it in story.events]
            assert instants == sorted(instants)


def test_who_comes_to_a_date_for_the_second_time_has_it_counted_once() -> None:
    story = stories.of_traveller(Random(5), "user")
    days = [
        datetime.fromisoformat(it.occurred or "").astimezone(ZoneInfo(it.tz or "")).date()
        for it in story.events
    ]
    assert story.lengths["daily"] <= len(set(days))
    assert min(days) >= date(2025, 5, 27)


def test_a_traveller_skips_a_date() -> None:
    for seed in range(20):
        story = stories.of_traveller(Random(seed), "user")
        days = [
            datetime.fromisoformat(it.occurred or "").astimezone(ZoneInfo(it.tz or "")).date()
            for it in story.events
        ]
        assert max(after - before for before, after in pairwise(days)).days >= 2


def test_a_streak_that_was_lost_or_came_to_another_length_is_told() -> None:
    story = _scene("a leap day")
    right = [
        (frequency, "extended", length)
        for frequency, longest in story.lengths.items()
        for length in range(1, longest + 1)
    ]
    assert stories.problems(story, right) == []
    # After its end it may be lost.
    assert stories.problems(story, [*right, ("daily", "lost", 0)]) == []
    assert len(stories.problems(story, [("daily", "lost", 0), *right])) == 1
    assert len(stories.problems(story, [*right, ("daily", "extended", 99)])) == 1
    assert len(stories.problems(story, [it for it in right if it[0] != "weekly"])) == 1


def test_twins_do_the_same_and_one_of_them_is_asked_in_the_end() -> None:
    asked, waiting, present = stories.twins(Random(2), "twin", datetime.now(UTC))
    histories = [
        [(it.occurred, it.metric, it.value, it.tz) for it in own] for own in (asked, waiting)
    ]
    assert histories[0] == histories[1]
    assert {it.user for it in asked} == {present.user} != {it.user for it in waiting}
