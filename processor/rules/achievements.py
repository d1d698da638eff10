"""Achievements of trigger metric and streak (semantics 5): once per user, never revoked."""

from collections.abc import Iterator, Mapping

from processor.rules.game import Game, MetricRule, matches
from processor.rules.standing import Standing
from processor.rules.totals import total_of
from schemas.entries import AchievementEntry


def completed_by_metric(
    standing: Standing, rule: MetricRule, attributes: Mapping[str, str]
) -> Iterator[AchievementEntry]:
    """Return the achievements that a matching event of the metric completes.

    `standing` holds the totals after the event; a (sub)total at or above the value completes.
    """
    for goal in rule.goals:
        if goal.key in standing["achievements"] or not matches(goal.event, attributes):
            continue
        if total_of(standing, goal.series) >= goal.value and matches(
            goal.user, standing["attributes"]
        ):
            yield {"kind": "achievement", "achievement": goal.key}


def completed_by_streak(standing: Standing, game: Game, length: int) -> Iterator[AchievementEntry]:
    """Return the achievements that a streak completes on reaching a length."""
    for goal in game.streak_goals:
        if (
            goal.key not in standing["achievements"]
            and length >= goal.length
            and matches(goal.user, standing["attributes"])
        ):
            yield {"kind": "achievement", "achievement": goal.key}
