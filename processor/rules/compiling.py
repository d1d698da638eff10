"""Compile definitions into a ruleset: archived items take no part, inactive ones are only counted.

A kind of achievement or trigger that this file does not know is a type error.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, assert_never

from processor.rules.attributes import pairs_of
from processor.rules.compiling_points import (
    CompiledSystems,
    blocking_plans,
    compile_system,
    input_triggers,
    metric_triggers,
    plans_of,
)
from processor.rules.goals import ApiGoal, CompositeGoal, MetricGoal, StreakGoal
from processor.rules.ruleset import (
    Filter,
    FreezeRule,
    MetricPlan,
    Ruleset,
    StreakRule,
)
from schemas.definitions import (
    Achievement,
    ApiAchievement,
    CompositeAchievement,
    Definitions,
    Metric,
    MetricAchievement,
    Streak,
    StreakAchievement,
    read_filter,
    series_of,
)
from schemas.numbers import number
from schemas.text import MetricKey, SeriesName
from schemas.versions import Version


def compile_version(version: Version) -> Ruleset:
    """Compile one version of a tenant's definitions."""
    activated = {path: stamp.activated for path, stamp in version.stamps.items() if stamp.activated}
    return compile_definitions(version.definitions, version.version, version.since, activated)


def compile_definitions(
    definitions: Definitions,
    version: int,
    since: Mapping[SeriesName, int] | None = None,
    activated: Mapping[str, datetime] | None = None,
) -> Ruleset:
    """Compile definitions that have no problems.

    `since` and `activated` (system/trigger -> instant) are those of `schemas.versions.Version`.
    """
    settings = definitions.settings
    rules = Ruleset(version, settings.defaultTimeZone, settings.weekStart)
    rules.since = dict(since or {})
    attributes = [item for item in definitions.attributes if not item.archived]
    rules.event_attributes = frozenset(it.key for it in attributes if it.type == "event")
    rules.user_attributes = frozenset(it.key for it in attributes if it.type == "user")
    _add_streak(rules, definitions.streak)
    goals = _add_achievements(rules, definitions.achievements)
    systems = [
        (compile_system(system, activated or {}), list(input_triggers(system)))
        for system in definitions.points
        if not system.archived
    ]
    rules.systems = tuple(system for system, _ in systems)
    rules.creation = tuple(it for it in rules.systems if it.creation)
    rules.timed = tuple(it for it in rules.systems if it.timed)
    rules.user_boosts = any(it.user is not None for sys in rules.systems for it in sys.boosts)
    rules.general = plans_of(systems, None)
    for metric in definitions.metrics:
        if not metric.archived:
            rules.plans[metric.key] = _metric_plan(metric, definitions, rules, goals, systems)
    return rules


def _add_streak(rules: Ruleset, streak: Streak) -> None:
    every = streak.evaluationMode == "AND"
    least = {item.metric: number(item.threshold) for item in streak.metrics}
    rules.streak = StreakRule(least, every=every) if streak.enabled and least else None
    rules.streak_enabled = streak.enabled
    rules.streak_every = every
    rules.personalization = streak.personalization
    rules.frequency = streak.frequency
    rules.freezes = FreezeRule(
        min(streak.initialFreezes, streak.maxFreezes),
        streak.maxFreezes,
        # Both or none: definitions with one of them alone have a problem.
        streak.freezeAutoEarnInterval,
        streak.freezeAutoEarnAmount or 0,
    )


def _add_achievements(
    rules: Ruleset, achievements: Iterable[Achievement]
) -> dict[MetricKey, list[MetricGoal]]:
    """Add the achievements that no metric completes; return those that one does, by metric."""
    by_metric: dict[MetricKey, list[MetricGoal]] = {}
    streak_goals: list[StreakGoal] = []
    composites: list[CompositeGoal] = []
    for item in achievements:
        if item.archived:
            continue
        user, active = pairs_of(item.userAttributes), item.status == "active"
        match item:
            case MetricAchievement():
                series = series_of(item.metric, item.eventAttributes)
                since = rules.since.get(series, 1)
                goal = MetricGoal(item.key, user, series, number(item.metricValue), since)
                if active:
                    by_metric.setdefault(item.metric, []).append(goal)
            case StreakAchievement():
                if active:
                    streak_goals.append(StreakGoal(item.key, user, item.streakLength))
            case CompositeAchievement():
                if active:
                    composites.append(CompositeGoal(item.key, user, tuple(item.achievements)))
            case ApiAchievement():
                # A request for one that is not active has to be told so.
                rules.api_goals[item.key] = ApiGoal(user, item.status)
            case _:
                assert_never(item)
    rules.streak_goals = tuple(streak_goals)
    rules.composites = tuple(composites)
    return by_metric


def _metric_plan(
    metric: Metric,
    definitions: Definitions,
    rules: Ruleset,
    goals: Mapping[MetricKey, Sequence[MetricGoal]],
    systems: CompiledSystems,
) -> MetricPlan:
    # What no rule asks for any more is counted on: whoever asks again finds no gap in it. In an
    # order of their own, so that every process writes the same records.
    names = sorted(
        name
        for name in definitions.filtered_series() | rules.since.keys()
        if name.partition("?")[0] == metric.key
    )
    increment = metric.defaultIncrementValue
    return MetricPlan(
        metric.key,
        1 if increment is None else number(increment),
        tuple(_filter(name) for name in names),
        tuple(goals.get(metric.key, ())),
        plans_of([(it, metric_triggers(made, metric.key)) for it, made in systems], metric.key),
        plans_of(systems, metric.key),
        tuple(blocking_plans(systems, metric.key)),
    )


def _filter(series: SeriesName) -> Filter:
    name = series.partition("?")[2]
    return Filter(name, series, pairs_of(read_filter(name)))


# Of a tenant that has no definitions yet.
EMPTY: Final = compile_definitions(Definitions(), 0)
