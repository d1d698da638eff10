"""Achievements of trigger metric and streak (semantics 5): once per user, never revoked."""

from collections.abc import Mapping

from processor.rules.game import Game, MetricRule, matches
from processor.rules.standing import Standing
from processor.rules.totals import total_of
from schemas.entries import Entry


def completed_by_metric(
    standing: Standing, rule: MetricRule, attributes: Mapping[str, str]
) -> list[Entry]:
    """Return the achievements that a matching event of the metric completes.

    `standing` holds the totals after the event; a (sub)total at or above the value completes.
    """
    held = standing["achievements"]
    return [
        {"kind": "achievement", "achievement": goal.key}
        for goal in rule.goals
        if goal.key not in held
        and matches(goal.event, attributes)
        and total_of(standing, goal.series) >= goal.value
        and matches(goal.user, standing["attributes"])
    ]


def completed_by_streak(standing: Standing, game: Game, length: int) -> list[Entry]:
    """Return the achievements that a streak completes on reaching a length."""
    held = standing["achievements"]
    return [
        {"kind": "achievement", "achievement": goal.key}
        for goal in game.streak_goals
        if goal.key not in held
        and length >= goal.length
        and matches(goal.user, standing["attributes"])
    ]
