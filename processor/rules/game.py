"""Definitions compiled into what the rules ask for, once per version instead of once per event."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from processor.rules.standing import series_of
from schemas.definitions import (
    AchievementTrigger,
    Definitions,
    Level,
    Metric,
    MetricAchievement,
    MetricTrigger,
    PointsSystem,
    StreakAchievement,
    StreakTrigger,
    UserCreationTrigger,
    filter_id,
)
from schemas.entries import Frequency
from schemas.periods import WeekStart

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MetricGoal:
    """An achievement that a metric completes."""

    key: str
    series: str
    event: Pairs
    user: Pairs
    value: Decimal


@dataclass(frozen=True, slots=True)
class StreakGoal:
    """An achievement that the streak completes."""

    key: str
    user: Pairs
    length: int


@dataclass(frozen=True, slots=True)
class MetricRule:
    """What an event of one metric needs to know."""

    key: str
    increment: Decimal
    # Filter id -> the attributes that an event must have to count in its subtotal.
    filters: Mapping[str, Pairs]
    goals: tuple[MetricGoal, ...]


@dataclass(frozen=True, slots=True)
class TriggerRule:
    """A trigger that an event may set off; exactly one of the last four says by what."""

    key: str
    points: int
    user: Pairs
    metric: str | None = None
    series: str = ""
    event: Pairs = ()
    step: int = 0
    streak: int | None = None
    achievement: str | None = None
    creation: bool = False


@dataclass(frozen=True, slots=True)
class SystemRule:
    """A points system: its triggers in file order and its levels from low to high."""

    key: str
    cap: int | None
    all_triggers: tuple[TriggerRule, ...]
    # The triggers of each metric alone, in the same order.
    triggers: Mapping[str, tuple[TriggerRule, ...]]
    creation: tuple[TriggerRule, ...]
    levels: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class StreakRule:
    """The conditions of the streak."""

    frequency: Frequency
    every: bool
    conditions: tuple[tuple[str, Decimal], ...]
    metrics: frozenset[str]


@dataclass(frozen=True, slots=True)
class Game:
    """One version of one tenant's definitions, ready to be judged by."""

    version: int
    week_start: WeekStart
    tz: str
    metrics: Mapping[str, MetricRule]
    event_attributes: frozenset[str]
    user_attributes: frozenset[str]
    # None where no streak can ever be.
    streak: StreakRule | None
    # The frequency that answers show, also where no streak can be.
    frequency: Frequency
    streak_goals: tuple[StreakGoal, ...]
    systems: tuple[SystemRule, ...]


def compile_game(definitions: Definitions, version: int) -> Game:
    """Compile valid definitions: archived items take no part, inactive ones are only counted."""
    streak = definitions.streak
    conditions = tuple((item.metric, item.threshold) for item in streak.metrics)
    attributes = [item for item in definitions.attributes if not item.archived]
    return Game(
        version=version,
        week_start=definitions.settings.weekStart,
        tz=definitions.settings.defaultTimeZone,
        metrics={
            metric.key: _metric_rule(metric, definitions)
            for metric in definitions.metrics
            if not metric.archived
        },
        event_attributes=frozenset(item.key for item in attributes if item.type == "event"),
        user_attributes=frozenset(item.key for item in attributes if item.type == "user"),
        streak=StreakRule(
            frequency=streak.frequency,
            every=streak.evaluationMode == "AND",
            conditions=conditions,
            metrics=frozenset(metric for metric, _ in conditions),
        )
        if streak.enabled and conditions
        else None,
        frequency=streak.frequency,
        streak_goals=tuple(
            StreakGoal(item.key, _pairs(item.userAttributes), item.streakLength)
            for item in definitions.achievements
            if isinstance(item, StreakAchievement) and item.status == "active" and not item.archived
        ),
        systems=tuple(_system_rule(system) for system in definitions.points if not system.archived),
    )


EMPTY = compile_game(Definitions(), 0)


def matches(wanted: Pairs, attributes: Mapping[str, str]) -> bool:
    """Tell whether all wanted attributes are there (semantics 3: equality, all must match)."""
    for key, text in wanted:  # noqa: SIM110  twice as fast as all() of nothing, the common case
        if attributes.get(key) != text:
            return False
    return True


def _pairs(attributes: Mapping[str, str]) -> Pairs:
    return tuple(sorted(attributes.items()))


def _metric_rule(metric: Metric, definitions: Definitions) -> MetricRule:
    achievements = [
        item
        for item in definitions.achievements
        if isinstance(item, MetricAchievement) and item.metric == metric.key and not item.archived
    ]
    triggers = [
        trigger
        for system in definitions.points
        for trigger in system.triggers
        if isinstance(trigger, MetricTrigger)
        and trigger.metric == metric.key
        and not (system.archived or trigger.archived)
    ]
    wanted = [
        *(item.eventAttributes for item in achievements),
        *(item.eventAttributes for item in triggers),
    ]
    filters = {filter_id(attributes): _pairs(attributes) for attributes in wanted if attributes}
    goals = tuple(
        MetricGoal(
            key=item.key,
            series=series_of(metric.key, filter_id(item.eventAttributes)),
            event=_pairs(item.eventAttributes),
            user=_pairs(item.userAttributes),
            value=item.metricValue,
        )
        for item in achievements
        if item.status == "active"
    )
    increment = metric.defaultIncrementValue
    return MetricRule(metric.key, Decimal(1) if increment is None else increment, filters, goals)


def _system_rule(system: PointsSystem) -> SystemRule:
    triggers = tuple(_trigger_rules(system))
    metrics = {rule.metric for rule in triggers if rule.metric is not None}
    return SystemRule(
        key=system.key,
        cap=system.maxPoints,
        all_triggers=tuple(rule for rule in triggers if not rule.creation),
        triggers={it: tuple(rule for rule in triggers if rule.metric == it) for it in metrics},
        creation=tuple(rule for rule in triggers if rule.creation),
        levels=_levels(system.levels),
    )


def _levels(levels: Iterable[Level]) -> tuple[tuple[int, str], ...]:
    return tuple(sorted((level.points, level.key) for level in levels if not level.archived))


def _trigger_rules(system: PointsSystem) -> Iterable[TriggerRule]:
    for item in system.triggers:
        if item.archived or item.status != "active":
            continue
        user = _pairs(item.userAttributes)
        match item:
            case MetricTrigger():
                yield TriggerRule(
                    item.key,
                    item.points,
                    user,
                    metric=item.metric,
                    series=series_of(item.metric, filter_id(item.eventAttributes)),
                    event=_pairs(item.eventAttributes),
                    step=item.metricThreshold,
                )
            case StreakTrigger():
                yield TriggerRule(item.key, item.points, user, streak=item.streakLength)
            case AchievementTrigger():
                yield TriggerRule(item.key, item.points, user, achievement=item.achievement)
            case UserCreationTrigger():
                yield TriggerRule(item.key, item.points, user, creation=True)
            case _:
                # Time triggers are refused where definitions are read (schemas.definitions).
                continue
