"""Achievements: once per user, never revoked (docs/reference/rules.md#achievements).

Completed by a metric, by the streak, by a request, or by others being completed.
"""

from processor.rules.attributes import matches
from processor.rules.decision import Decision
from processor.rules.goals import MetricGoal
from processor.rules.left import UNCHANGED, Refused, Unchanged
from processor.rules.ruleset import MetricPlan, Ruleset
from processor.rules.totals import total_of
from processor.rules.user_state import UserState
from schemas.entries import AchievementEntry
from schemas.text import AchievementKey


def by_metric(decision: Decision, plan: MetricPlan) -> None:
    """Conclude the achievements that a matching event of the metric completes."""
    own, moves = decision.own, decision.moves
    _complete(
        decision,
        [
            goal.key
            for goal in plan.goals
            if goal.key not in own.achievements
            and goal.series in moves
            and moves[goal.series].total >= goal.value
            and _is_open(own, goal)
        ],
    )


def _is_open(own: UserState, goal: MetricGoal) -> bool:
    """Tell whether a goal that is reached may be completed: by whom, and with what is known."""
    return goal.since <= own.known and matches(goal.user, own.attributes)


def by_streak(decision: Decision, length: int) -> None:
    """Conclude the achievements that a streak completes on reaching a length."""
    own = decision.own
    _complete(
        decision,
        [
            goal.key
            for goal in decision.rules.streak_goals
            if goal.key not in own.achievements
            and length >= goal.length
            and matches(goal.user, own.attributes)
        ],
    )


def by_others(decision: Decision) -> None:
    """Conclude the composite achievements whose last part has been completed.

    A composite may be a part of another: one that is completed here counts at once.
    """
    own = decision.own
    grown = bool(decision.rules.composites)
    while grown:
        grown = False
        for goal in decision.rules.composites:
            if (
                goal.key not in own.achievements
                and all(it in own.achievements for it in goal.parts)
                and matches(goal.user, own.attributes)
            ):
                _complete(decision, [goal.key])
                grown = True


def by_past(decision: Decision) -> None:
    """Conclude all that a user qualifies for by what is known of them (backdating).

    For a streak the greatest length ever counts. What a request completes has no state to test.
    """
    own, rules = decision.own, decision.rules
    for plan in rules.plans.values():
        _complete(
            decision,
            [
                goal.key
                for goal in plan.goals
                if goal.key not in own.achievements
                and total_of(own, goal.series) >= goal.value
                and _is_open(own, goal)
            ],
        )
    track = own.streaks.get(rules.frequency)
    if track is not None:
        by_streak(decision, track.longest)
    # A composite may be younger than its parts.
    by_others(decision)


def by_request(decision: Decision, key: AchievementKey) -> Refused | None:
    """Conclude an achievement that a request completes, and what follows from it."""
    goal = decision.rules.api_goals[key]
    if not matches(goal.user, decision.own.attributes):
        return Refused("invalid", f"the achievement {key!r} is for users with other attributes")
    _complete(decision, [key])
    by_others(decision)
    return None


def request_problem(
    own: UserState | None, key: AchievementKey, rules: Ruleset
) -> Refused | Unchanged | None:
    """Return why a request completes nothing, None if it may."""
    goal = rules.api_goals.get(key)
    if goal is None or goal.status == "inactive":
        known = ", ".join(sorted(rules.api_goals)) or "none"
        return Refused(
            "not_found" if goal is None else "invalid",
            f"no achievement {key!r} can be completed by request (known: {known})",
        )
    if own is not None and key in own.achievements:
        return UNCHANGED
    if goal.status != "active":
        return Refused("invalid", f"the achievement {key!r} is {goal.status}")
    return None


def _complete(decision: Decision, keys: list[AchievementKey]) -> None:
    for key in keys:
        decision.conclude(AchievementEntry(key, decision.quiet))
        decision.completed.append(key)
