"""Definitions: what is accepted, and every kind of problem with the words it is told in."""

from pathlib import Path

import pytest
import yaml
from given import daily, game, per
from pydantic import ValidationError

from schemas.definitions import Definitions, filter_id, id_of, problems

EXAMPLE = Path(__file__).parents[2] / "examples" / "commits.yaml"


def found(definitions):
    """Return problems as path and message."""
    return [(".".join(map(str, path)), message) for path, message in problems(definitions)]


def test_the_example_has_no_problems():
    text = EXAMPLE.read_text(encoding="utf-8")
    assert found(Definitions.model_validate(yaml.safe_load(text))) == []


def test_a_game_of_nothing_has_no_problems():
    assert found(Definitions()) == []


def trigger(**fields):
    """Return a game with one trigger."""
    system = {"triggers": [{"metricThreshold": 1, "points": 1, **fields}]}
    return game(event=["kind"], user=["team"], points={"xp": system})


def boost(**fields):
    """Return a boost."""
    return {"key": "b", "name": "b", "start": "2026-01-01", "multiplier": 2, **fields}


def a(**fields):
    """Return an achievement of a metric."""
    return {"key": "a", "metricValue": 1, **fields}


@pytest.mark.parametrize(
    ("definitions", "path", "message"),
    [
        # Keys twice.
        (game(["m", "m"]), "metrics.1.key", "the key 'm' is used twice"),
        (game(event=["k", "k"]), "attributes.1.key", "the key 'k' is used twice"),
        (game(user=["k", "k"]), "attributes.1.key", "the key 'k' is used twice"),
        (game(achievements=[a(), a()]), "achievements.1.key", "the key 'a' is used twice"),
        (
            game(points={"xp": {"triggers": [{"key": "t", "points": 1}] * 2}}),
            "points.0.triggers.1.key",
            "the key 't' is used twice",
        ),
        # References.
        (
            game(streak={"metrics": [{"metric": "x", "threshold": 1}]}),
            "streak.metrics.0.metric",
            "there is no metric 'x' (known: commits)",
        ),
        (game(achievements=[a(metric="x")]), "achievements.0.metric", "there is no metric 'x'"),
        (
            game(achievements=[a(eventAttributes={"x": "1"})], user=["x"]),
            "achievements.0.eventAttributes.x",
            "there is no event attribute 'x' (known: none)",
        ),
        (
            game(achievements=[a(userAttributes={"x": "1"})], event=["x"]),
            "achievements.0.userAttributes.x",
            "there is no user attribute 'x' (known: none)",
        ),
        (
            game(achievements=[{"key": "s", "streakLength": 1, "userAttributes": {"x": "1"}}]),
            "achievements.0.userAttributes.x",
            "there is no user attribute 'x'",
        ),
        (trigger(metric="x"), "points.0.triggers.0.metric", "there is no metric 'x'"),
        (
            trigger(eventAttributes={"team": "1"}),
            "points.0.triggers.0.eventAttributes.team",
            "there is no event attribute 'team' (known: kind)",
        ),
        (
            trigger(userAttributes={"kind": "1"}),
            "points.0.triggers.0.userAttributes.kind",
            "there is no user attribute 'kind' (known: team)",
        ),
        (
            game(points={"xp": {"triggers": [{"achievement": "x", "points": 1}]}}),
            "points.0.triggers.0.achievement",
            "there is no achievement 'x' (known: none)",
        ),
        (
            game(
                [{"key": "commits", "archived": True}],
                streak=daily(),
            ),
            "streak.metrics.0.metric",
            "there is no metric 'commits' (known: none)",
        ),
        # Contradictions.
        (
            game(streak={"metrics": [{"metric": "commits", "threshold": 1}] * 2}),
            "streak.metrics.1.metric",
            "the metric 'commits' is a condition already",
        ),
        (
            game([{"key": "m", "unitType": "currency", "units": "Euro"}]),
            "metrics.0.units",
            "a currency needs a code of three letters, such as USD",
        ),
        (
            game(points={"xp": per(1, 1, levels={"low": 5, "high": 5})}),
            "points.0.levels.1.points",
            "the level 'low' is reached at 5 points already",
        ),
        # What has no rule yet.
        (game(settings={"controlRatio": 5}), "settings.controlRatio", "is not supported yet"),
        (
            game(streak={"initialFreezes": 3, "maxFreezes": 2}),
            "streak.initialFreezes",
            "more freezes than maxFreezes (2) allows",
        ),
        (
            game(streak={"maxFreezes": 2, "freezeAutoEarnInterval": 7}),
            "streak.freezeAutoEarnAmount",
            "need each other",
        ),
        (
            game(streak={"maxFreezes": 2, "freezeAutoEarnAmount": 1}),
            "streak.freezeAutoEarnInterval",
            "need each other",
        ),
        (
            game(streak={"freezeAutoEarnInterval": 7, "freezeAutoEarnAmount": 1}),
            "streak.freezeAutoEarnInterval",
            "cannot be earned where maxFreezes is 0",
        ),
        (
            game(achievements=[{"key": "c", "trigger": "achievement", "achievements": ["c"]}]),
            "achievements.0.achievements",
            "part of itself",
        ),
        (
            game(
                points={"xp": {"boosts": [boost(userId="ada", userAttributes={"k": "v"})]}},
                user=["k"],
            ),
            "points.0.boosts.0.userAttributes",
            "not both",
        ),
        (
            game(points={"xp": {"boosts": [boost(multiplier=1)]}}),
            "points.0.boosts.0.multiplier",
            "changes nothing",
        ),
        (
            game(points={"xp": {"boosts": [boost(end="2025-12-31")]}}),
            "points.0.boosts.0.end",
            "ends before it starts",
        ),
    ],
)  # fmt: skip
def test_a_problem_names_its_place_and_says_what_it_is(definitions, path, message):
    ((where, what),) = found(definitions)
    assert where == path
    assert message in what


def test_composite_achievements_boosts_and_systems_are_looked_into_as_well():
    composite = {"key": "c", "trigger": "achievement", "achievements": ["x"]}
    definitions = game(
        achievements=[composite],
        points={"xp": {"boosts": [boost(), boost(userAttributes={"x": "1"})]}},
    )
    paths = [path for path, _ in found(definitions)]
    assert "achievements.0.achievements.0" in paths
    assert "points.0.boosts.1.key" in paths
    assert "points.0.boosts.1.userAttributes.x" in paths
    twice = definitions.model_copy(update={"points": definitions.points * 2})
    assert "points.1.key" in [path for path, _ in found(twice)]


@pytest.mark.parametrize(
    "definitions",
    [
        pytest.param(game(event=["k"], user=["k"]), id="one key for both types of attribute"),
        pytest.param(game(achievements=[a(metric="x", archived=True)]), id="archived achievement"),
        pytest.param(trigger(metric="x", archived=True), id="archived trigger"),
        pytest.param(
            game(points={"xp": {**per(1, 1), "archived": True, "triggers": [
                {"metricThreshold": 1, "points": 1, "metric": "x"}
            ]}}),
            id="trigger of an archived system",
        ),
        pytest.param(game([{"key": "m", "unitType": "currency", "units": "USD"}]), id="currency"),
        pytest.param(game(streak=daily("0.5")), id="a streak threshold may be a fraction"),
    ],
)  # fmt: skip
def test_what_is_no_problem(definitions):
    assert found(definitions) == []


@pytest.mark.parametrize(
    "parts",
    [
        {"metrics": [{"key": "a b"}]},
        {"metrics": [{"key": ""}]},
        {"metrics": [{"key": "m", "name": ""}]},
        {"metrics": [{"key": "m", "nmae": "typo"}]},
        {"metrics": [{"key": "m", "defaultIncrementValue": True}]},
        {"metrics": [{"key": "m", "defaultIncrementValue": "NaN"}]},
        {"settings": {"weekStart": "tuesday"}},
        {"settings": {"defaultTimeZone": "Berlin"}},
        {"settings": {"controlRatio": 101}},
        {"streak": {"frequency": "yearly"}},
        {"streak": {"evaluationMode": "ALL"}},
        {"streak": daily(0)},
        {"streak": daily(-1)},
        {"streak": {"maxFreezes": 101}},
        {"achievements": [a(metricValue=0)]},
        {"achievements": [a(metricValue=True)]},
        {"achievements": [{"key": "a", "streakLength": 0}]},
        {"achievements": [{"key": "a", "streakLength": 1, "eventAttributes": {}}]},
        {"achievements": [a(status="open")]},
        {"achievements": [{"key": "a", "trigger": "achievement", "achievements": []}]},
        {"points": {"xp": per(0, 1)}},
        {"points": {"xp": per(1.5, 1)}},
        {"points": {"xp": per(1, 0)}},
        {"points": {"xp": per(1, 1.5)}},
        {"points": {"xp": {"triggers": [{"metricThreshold": 1, "points": True}]}}},
        {"points": {"xp": per(1, 10**12 + 1)}},
        {"points": {"xp": per(1, 1, maxPoints=0)}},
        {"points": {"xp": per(1, 1, levels={"low": -1})}},
    ],
)
def test_what_is_not_well_formed_is_no_definition(parts):
    with pytest.raises(ValidationError):
        game(**parts)


def test_an_id_is_the_same_for_the_same_path_and_for_no_other():
    assert id_of("default", "points", "xp") == "28f116bf-b331-5eb0-8ea1-6f6b7b3f8ef3"
    others = {
        id_of("default", "points", "yp"),
        id_of("acme", "points", "xp"),
        id_of("default", "xp"),
    }
    assert id_of("default", "points", "xp") not in others


def test_a_filter_has_one_name_whatever_the_order():
    assert filter_id({"b": "2", "a": "1"}) == filter_id({"a": "1", "b": "2"}) == "a=1&b=2"
    assert filter_id({}) == ""
