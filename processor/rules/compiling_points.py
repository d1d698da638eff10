"""Compile points systems: their triggers, boosts and levels."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import assert_never

from processor.rules.attributes import pairs_of
from processor.rules.ruleset import BlockingPlan, BoostRule, SystemPlan, SystemRule
from processor.rules.triggers import (
    AchievementTriggerRule,
    CreationTriggerRule,
    InputTriggerRule,
    MetricTriggerRule,
    StreakTriggerRule,
    TimeTriggerRule,
)
from schemas.definitions import (
    AchievementTrigger,
    Boost,
    MetricTrigger,
    PointsSystem,
    StreakTrigger,
    TimeTrigger,
    Trigger,
    UserCreationTrigger,
    series_of,
)
from schemas.instants import DAY, HOUR, micros
from schemas.text import MetricKey

# A trigger that an input may set off, and whether an event is refused rather than that it takes
# more points than there are.
CompiledTrigger = tuple[InputTriggerRule, bool]
CompiledSystems = Sequence[tuple[SystemRule, list[CompiledTrigger]]]


def plans_of(systems: CompiledSystems, metric: MetricKey | None) -> tuple[SystemPlan, ...]:
    """Return the systems with the triggers that an event of a metric, or none, may set off."""
    found = []
    for system, made in systems:
        triggers = tuple(
            it
            for it, _ in made
            if not isinstance(it, MetricTriggerRule) or _metric_of(it) == metric
        )
        if triggers:
            found.append(SystemPlan(system, triggers))
    return tuple(found)


def metric_triggers(made: Iterable[CompiledTrigger], metric: MetricKey) -> list[CompiledTrigger]:
    """Return the triggers that a change of a metric sets off."""
    return [
        (it, blocks)
        for it, blocks in made
        if isinstance(it, MetricTriggerRule) and _metric_of(it) == metric
    ]


def blocking_plans(systems: CompiledSystems, metric: MetricKey) -> Iterable[BlockingPlan]:
    """Yield the triggers for which an event of a metric may be refused, by system."""
    for system, made in systems:
        triggers = tuple(
            it
            for it, blocks in made
            if blocks
            and isinstance(it, MetricTriggerRule)
            and it.points < 0
            and _metric_of(it) == metric
        )
        if triggers:
            yield BlockingPlan(system.key, triggers)


def _metric_of(trigger: MetricTriggerRule) -> MetricKey:
    return trigger.series.partition("?")[0]


def compile_system(system: PointsSystem, activated: Mapping[str, datetime]) -> SystemRule:
    """Compile what a system is, and what it awards by itself.

    `activated` tells since when a trigger (system/trigger) is active.
    """
    creation: list[CreationTriggerRule] = []
    timed: list[TimeTriggerRule] = []
    for item in _active(system):
        user = pairs_of(item.userAttributes)
        match item:
            case UserCreationTrigger():
                creation.append(CreationTriggerRule(item.key, item.points, user))
            case TimeTrigger():
                since = activated.get(f"{system.key}/{item.key}")
                interval = item.timeInterval * (HOUR if item.timeUnit == "hours" else DAY)
                at = None if since is None else micros(since)
                timed.append(TimeTriggerRule(item.key, item.points, user, interval, at))
            case MetricTrigger() | StreakTrigger() | AchievementTrigger():
                # Set off by inputs: see `_input_triggers`.
                pass
            case _:
                assert_never(item)
    return SystemRule(
        system.key,
        system.maxPoints,
        tuple(creation),
        tuple(timed),
        tuple(_boost(boost) for boost in system.boosts if not boost.archived),
        tuple(sorted((it.points, it.key) for it in system.levels if not it.archived)),
    )


def input_triggers(system: PointsSystem) -> Iterable[CompiledTrigger]:
    """Yield the active triggers of a system that inputs set off, in the order of the file."""
    for item in _active(system):
        key, points, user = item.key, item.points, pairs_of(item.userAttributes)
        made: InputTriggerRule
        match item:
            case MetricTrigger():
                series = series_of(item.metric, item.eventAttributes)
                made = MetricTriggerRule(key, points, user, series, item.metricThreshold)
            case StreakTrigger():
                made = StreakTriggerRule(key, points, user, item.streakLength)
            case AchievementTrigger():
                made = AchievementTriggerRule(key, points, user, item.achievement)
            case UserCreationTrigger() | TimeTrigger():
                # Set off by no input of its own: see `_system`.
                continue
            case _:
                assert_never(item)
        yield made, item.blockIfOutOfPoints


def _active(system: PointsSystem) -> Iterable[Trigger]:
    return (it for it in system.triggers if it.status == "active" and not it.archived)


def _boost(boost: Boost) -> BoostRule:
    return BoostRule(
        boost.key,
        boost.start,
        boost.end,
        Fraction(boost.multiplier),
        boost.rounding,
        boost.userId,
        pairs_of(boost.userAttributes),
    )
