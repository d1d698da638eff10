"""Definitions compiled into what the rules ask for, once per version instead of once per event."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from schemas.definitions import (
    AchievementTrigger,
    ApiAchievement,
    Boost,
    CompositeAchievement,
    Definitions,
    Level,
    Metric,
    MetricAchievement,
    MetricTrigger,
    PointsSystem,
    Streak,
    StreakAchievement,
    StreakTrigger,
    TimeTrigger,
    UserCreationTrigger,
    filter_id,
    read_filter,
    series_of,
)
from schemas.entries import Frequency
from schemas.periods import WeekStart
from schemas.versions import Version

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class MetricGoal:
    """An achievement that a metric completes."""

    key: str
    series: str
    event: Pairs
    user: Pairs
    value: Decimal
    # Version since which the series is counted: what was before is known by a backfill only.
    since: int


@dataclass(frozen=True, slots=True)
class StreakGoal:
    """An achievement that the streak completes."""

    key: str
    user: Pairs
    length: int


@dataclass(frozen=True, slots=True)
class CompositeGoal:
    """An achievement that others complete."""

    key: str
    user: Pairs
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApiGoal:
    """An achievement that a request completes, while it is active."""

    key: str
    user: Pairs
    status: str


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
    """A trigger that an event may set off; exactly one of the last five says by what."""

    key: str
    points: int
    user: Pairs
    # An event is refused rather than that this takes more than there is.
    blocks: bool = False
    metric: str | None = None
    series: str = ""
    event: Pairs = ()
    step: int = 0
    streak: int | None = None
    achievement: str | None = None
    creation: bool = False
    # Of a time trigger: how often, and since when it is active.
    interval: timedelta | None = None
    activated: datetime | None = None


@dataclass(frozen=True, slots=True)
class BoostRule:
    """A multiplier on what is earned within local dates, both included."""

    key: str
    start: str
    end: str | None
    multiplier: Fraction
    rounding: str
    # The one user it is for, or the attributes that one needs.
    user: str | None
    attributes: Pairs


@dataclass(frozen=True, slots=True)
class SystemRule:
    """A points system: its triggers in file order and its levels from low to high."""

    key: str
    cap: int | None
    # All that an event may set off.
    all_triggers: tuple[TriggerRule, ...]
    # The triggers of each metric alone, in the same order.
    triggers: Mapping[str, tuple[TriggerRule, ...]]
    creation: tuple[TriggerRule, ...]
    timed: tuple[TriggerRule, ...]
    boosts: tuple[BoostRule, ...]
    levels: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class StreakRule:
    """The conditions of the streak."""

    every: bool
    conditions: tuple[tuple[str, Decimal], ...]
    metrics: frozenset[str]


@dataclass(frozen=True, slots=True)
class FreezeRule:
    """How many freezes a user gets, and when."""

    initial: int
    most: int
    # Days between two earnings, and how many each brings; None and 0: nothing is earned.
    interval: int | None
    amount: int


@dataclass(frozen=True, slots=True)
class Game:
    """One version of one tenant's definitions, ready to be judged by."""

    version: int
    week_start: WeekStart
    tz: str
    metrics: Mapping[str, MetricRule]
    event_attributes: frozenset[str]
    user_attributes: frozenset[str]
    # None where no streak can ever be, but for users with conditions of their own.
    streak: StreakRule | None
    streak_enabled: bool
    # Whether the game asks for all conditions, also where it has none of its own.
    streak_every: bool
    personalization: bool
    freezes: FreezeRule
    # The frequency that answers show, also where no streak can be.
    frequency: Frequency
    streak_goals: tuple[StreakGoal, ...]
    composites: tuple[CompositeGoal, ...]
    api_goals: Mapping[str, ApiGoal]
    systems: tuple[SystemRule, ...]
    # Whether any system has time triggers or boosts of single users: what time alone sets off.
    timed: bool
    # metric?filter -> version since which it is counted.
    since: Mapping[str, int] = field(default_factory=dict)


def compile_version(version: Version) -> Game:
    """Compile one version of a tenant's definitions."""
    activated = {path: stamp.activated for path, stamp in version.stamps.items() if stamp.activated}
    return compile_game(version.definitions, version.version, version.since, activated)


def compile_game(
    definitions: Definitions,
    version: int,
    since: Mapping[str, int] | None = None,
    activated: Mapping[str, datetime] | None = None,
) -> Game:
    """Compile valid definitions: archived items take no part, inactive ones are only counted.

    `since` and `activated` (system/trigger -> instant) are those of `schemas.versions.Version`.
    """
    counted = dict(since or {})
    streak = definitions.streak
    attributes = [item for item in definitions.attributes if not item.archived]
    active = [
        item for item in definitions.achievements if item.status == "active" and not item.archived
    ]
    systems = tuple(
        _system_rule(system, activated or {})
        for system in definitions.points
        if not system.archived
    )
    return Game(
        version=version,
        week_start=definitions.settings.weekStart,
        tz=definitions.settings.defaultTimeZone,
        metrics={
            metric.key: _metric_rule(metric, definitions, counted)
            for metric in definitions.metrics
            if not metric.archived
        },
        event_attributes=frozenset(item.key for item in attributes if item.type == "event"),
        user_attributes=frozenset(item.key for item in attributes if item.type == "user"),
        streak=streak_rule(
            [(item.metric, item.threshold) for item in streak.metrics],
            every=streak.evaluationMode == "AND",
        )
        if streak.enabled and streak.metrics
        else None,
        streak_enabled=streak.enabled,
        streak_every=streak.evaluationMode == "AND",
        personalization=streak.personalization,
        freezes=_freeze_rule(streak),
        frequency=streak.frequency,
        streak_goals=tuple(
            StreakGoal(item.key, _pairs(item.userAttributes), item.streakLength)
            for item in active
            if isinstance(item, StreakAchievement)
        ),
        composites=tuple(
            CompositeGoal(item.key, _pairs(item.userAttributes), tuple(item.achievements))
            for item in active
            if isinstance(item, CompositeAchievement)
        ),
        api_goals={
            item.key: ApiGoal(item.key, _pairs(item.userAttributes), item.status)
            for item in definitions.achievements
            if isinstance(item, ApiAchievement) and not item.archived
        },
        systems=systems,
        timed=any(
            system.timed or any(boost.user is not None for boost in system.boosts)
            for system in systems
        ),
        since=counted,
    )


def streak_rule(conditions: Iterable[tuple[str, Decimal]], *, every: bool) -> StreakRule:
    """Compile the conditions of a streak."""
    told = tuple(conditions)
    return StreakRule(every, told, frozenset(metric for metric, _ in told))


def matches(wanted: Pairs, attributes: Mapping[str, str]) -> bool:
    """Tell whether all wanted attributes are there (semantics 3: equality, all must match)."""
    for key, text in wanted:  # noqa: SIM110  twice as fast as all() of nothing, the common case
        if attributes.get(key) != text:
            return False
    return True


def _pairs(attributes: Mapping[str, str] | None) -> Pairs:
    return tuple(sorted(attributes.items())) if attributes else ()


def _freeze_rule(streak: Streak) -> FreezeRule:
    interval, amount = streak.freezeAutoEarnInterval, streak.freezeAutoEarnAmount
    earned = interval is not None and amount is not None
    return FreezeRule(
        initial=min(streak.initialFreezes, streak.maxFreezes),
        most=streak.maxFreezes,
        interval=interval if earned else None,
        amount=amount or 0,
    )


def _metric_rule(metric: Metric, definitions: Definitions, since: Mapping[str, int]) -> MetricRule:
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
    for series in since:
        # What no rule asks for any more is counted on, as `succeed` says.
        key, _, attributes = series.partition("?")
        if key == metric.key:
            filters.setdefault(attributes, _pairs(read_filter(attributes)))
    goals = []
    for item in achievements:
        if item.status == "active":
            series = series_of(metric.key, item.eventAttributes)
            goals.append(
                MetricGoal(
                    key=item.key,
                    series=series,
                    event=_pairs(item.eventAttributes),
                    user=_pairs(item.userAttributes),
                    value=item.metricValue,
                    since=since.get(series, 1),
                )
            )
    increment = metric.defaultIncrementValue
    default = Decimal(1) if increment is None else increment
    return MetricRule(metric.key, default, filters, tuple(goals))


def _system_rule(system: PointsSystem, activated: Mapping[str, datetime]) -> SystemRule:
    rules = tuple(_trigger_rules(system, activated))
    metrics = {rule.metric for rule in rules if rule.metric is not None}
    return SystemRule(
        key=system.key,
        cap=system.maxPoints,
        all_triggers=tuple(it for it in rules if not it.creation and it.interval is None),
        triggers={it: tuple(rule for rule in rules if rule.metric == it) for it in metrics},
        creation=tuple(rule for rule in rules if rule.creation),
        timed=tuple(rule for rule in rules if rule.interval is not None),
        boosts=tuple(_boost_rule(boost) for boost in system.boosts if not boost.archived),
        levels=_levels(system.levels),
    )


def _boost_rule(boost: Boost) -> BoostRule:
    return BoostRule(
        key=boost.key,
        start=boost.start.isoformat(),
        end=boost.end.isoformat() if boost.end else None,
        multiplier=Fraction(boost.multiplier),
        rounding=boost.rounding,
        user=boost.userId,
        attributes=_pairs(boost.userAttributes),
    )


def _levels(levels: Iterable[Level]) -> tuple[tuple[int, str], ...]:
    return tuple(sorted((level.points, level.key) for level in levels if not level.archived))


def _trigger_rules(
    system: PointsSystem, activated: Mapping[str, datetime]
) -> Iterable[TriggerRule]:
    for item in system.triggers:
        if item.archived or item.status != "active":
            continue
        rule = TriggerRule(
            item.key, item.points, _pairs(item.userAttributes), blocks=item.blockIfOutOfPoints
        )
        match item:
            case MetricTrigger():
                yield replace(
                    rule,
                    metric=item.metric,
                    series=series_of(item.metric, item.eventAttributes),
                    event=_pairs(item.eventAttributes),
                    step=item.metricThreshold,
                )
            case StreakTrigger():
                yield replace(rule, streak=item.streakLength)
            case AchievementTrigger():
                yield replace(rule, achievement=item.achievement)
            case UserCreationTrigger():
                yield replace(rule, creation=True)
            case TimeTrigger():
                yield replace(
                    rule,
                    interval=timedelta(**{item.timeUnit: item.timeInterval}),
                    activated=activated.get(f"{system.key}/{item.key}"),
                )


EMPTY = compile_game(Definitions(), 0)
