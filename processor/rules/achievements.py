"""Achievements (semantics 5): once per user, never revoked.

Completed by a metric, by the streak, by a request, or by others being completed.
"""

from collections.abc import Mapping, Sequence

from processor.rules.game import Game, MetricRule, matches
from processor.rules.standing import Standing
from processor.rules.totals import total_of
from schemas.entries import AchievementEntry


def completed_by_metric(
    standing: Standing, rule: MetricRule, attributes: Mapping[str, str]
) -> list[AchievementEntry]:
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
        and goal.since <= standing.get("known", 1)
        and matches(goal.user, standing["attributes"])
    ]


def completed_by_streak(standing: Standing, game: Game, length: int) -> list[AchievementEntry]:
    """Return the achievements that a streak completes on reaching a length."""
    held = standing["achievements"]
    return [
        {"kind": "achievement", "achievement": goal.key}
        for goal in game.streak_goals
        if goal.key not in held
        and length >= goal.length
        and matches(goal.user, standing["attributes"])
    ]


def completed_by_others(
    standing: Standing, game: Game, newly: Sequence[AchievementEntry]
) -> list[AchievementEntry]:
    """Return the composite achievements whose last part is among those newly completed.

    A composite may be a part of another: one that is completed here counts at once.
    """
    if not newly or not game.composites:
        return []
    held = {*standing["achievements"], *(it["achievement"] for it in newly)}
    found: list[AchievementEntry] = []
    grown = True
    while grown:
        grown = False
        for goal in game.composites:
            if (
                goal.key not in held
                and held.issuperset(goal.parts)
                and matches(goal.user, standing["attributes"])
            ):
                held.add(goal.key)
                found.append({"kind": "achievement", "achievement": goal.key})
                grown = True
    return found


def completed_by_past(standing: Standing, game: Game) -> list[AchievementEntry]:
    """Return all that a user qualifies for by what is known of them (backdating).

    For a streak the greatest length ever counts. What a request completes has no state to test.
    """
    held = standing["achievements"]
    found: list[AchievementEntry] = []
    for rule in game.metrics.values():
        found += [
            {"kind": "achievement", "achievement": goal.key}
            for goal in rule.goals
            if goal.key not in held
            and total_of(standing, goal.series) >= goal.value
            and goal.since <= standing.get("known", 1)
            and matches(goal.user, standing["attributes"])
        ]
    track = standing["streaks"].get(game.frequency)
    if track is not None:
        found += completed_by_streak(standing, game, track.get("longest", 0))
    # All that is held counts as new: a composite may be younger than its parts.
    known: list[AchievementEntry] = [{"kind": "achievement", "achievement": it} for it in held]
    return found + completed_by_others(standing, game, found + known)
