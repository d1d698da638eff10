"""A version of the definitions as the rules ask for it: what an input can touch, and no more.

Made once per version by `compiling`. Attribute filters are pairs of key and text, all of which must
be there.
"""

from datetime import date
from fractions import Fraction
from typing import Literal

from processor.rules.attributes import Pairs
from processor.rules.goals import ApiGoal, CompositeGoal, MetricGoal, StreakGoal
from processor.rules.triggers import (
    CreationTriggerRule,
    InputTriggerRule,
    MetricTriggerRule,
    TimeTriggerRule,
)
from schemas.calendar import Calendar, calendar_of
from schemas.numbers import Number
from schemas.periods import Frequency, WeekStart
from schemas.text import (
    AchievementKey,
    AttributeKey,
    BoostKey,
    FilterId,
    LevelKey,
    MetricKey,
    SeriesName,
    SystemKey,
    UserId,
    ZoneName,
)

Rounding = Literal["down", "up", "nearest"]


class Filter:
    """A subtotal of a metric, and the attributes that an event needs to count in it."""

    __slots__ = ("id", "series", "wanted")

    def __init__(self, filter_id: FilterId, series: SeriesName, wanted: Pairs) -> None:
        self.id = filter_id
        self.series = series
        self.wanted = wanted


class BoostRule:
    """A multiplier on what is earned within local dates, both included."""

    __slots__ = ("attributes", "end", "key", "multiplier", "rounding", "start", "user")

    def __init__(
        self,
        key: BoostKey,
        start: date,
        end: date | None,
        multiplier: Fraction,
        rounding: Rounding,
        user: UserId | None,
        attributes: Pairs,
    ) -> None:
        self.key = key
        self.start = start
        self.end = end
        self.multiplier = multiplier
        self.rounding = rounding
        # The one user it is for, or the attributes that one needs.
        self.user = user
        self.attributes = attributes


class SystemRule:
    """A points system: what it awards by itself, its boosts, and its levels from low to high."""

    __slots__ = ("boosts", "cap", "creation", "key", "level_keys", "level_points", "timed")

    def __init__(
        self,
        key: SystemKey,
        cap: int | None,
        creation: tuple[CreationTriggerRule, ...],
        timed: tuple[TimeTriggerRule, ...],
        boosts: tuple[BoostRule, ...],
        levels: tuple[tuple[int, LevelKey], ...],
    ) -> None:
        self.key = key
        self.cap = cap
        self.creation = creation
        self.timed = timed
        self.boosts = boosts
        self.level_points = [points for points, _ in levels]
        self.level_keys = [key for _, key in levels]


class SystemPlan:
    """A points system with those of its triggers that matter here, in the order of the file."""

    __slots__ = ("system", "triggers")

    def __init__(self, system: SystemRule, triggers: tuple[InputTriggerRule, ...]) -> None:
        self.system = system
        self.triggers = triggers


class BlockingPlan:
    """The triggers of a system that refuse an event rather than take more points than there are."""

    __slots__ = ("system", "triggers")

    def __init__(self, system: SystemKey, triggers: tuple[MetricTriggerRule, ...]) -> None:
        self.system = system
        self.triggers = triggers


class MetricPlan:
    """All that an event of one metric can touch."""

    __slots__ = ("blocking", "filters", "full", "goals", "increment", "metric", "plain")

    def __init__(
        self,
        metric: MetricKey,
        increment: Number,
        filters: tuple[Filter, ...],
        goals: tuple[MetricGoal, ...],
        plain: tuple[SystemPlan, ...],
        full: tuple[SystemPlan, ...],
        blocking: tuple[BlockingPlan, ...],
    ) -> None:
        self.metric = metric
        self.increment = increment
        self.filters = filters
        self.goals = goals
        # With the triggers of the metric alone; and with those of streaks and achievements too.
        self.plain = plain
        self.full = full
        self.blocking = blocking


class StreakRule:
    """The conditions of a streak: the least change of each metric within a period."""

    __slots__ = ("every", "least")

    def __init__(self, least: dict[MetricKey, Number], *, every: bool) -> None:
        self.least = least
        # Whether all are needed, not just one.
        self.every = every


class FreezeRule:
    """How many freezes a user gets, and when."""

    __slots__ = ("amount", "initial", "interval", "most")

    def __init__(self, initial: int, most: int, interval: int | None, amount: int) -> None:
        self.initial = initial
        self.most = most
        # Days between two earnings, and how many each brings; None and 0: nothing is earned.
        self.interval = interval
        self.amount = amount


class Ruleset:
    """One version of one tenant's definitions, ready to be judged by."""

    __slots__ = (
        "api_goals",
        "calendar",
        "composites",
        "creation",
        "event_attributes",
        "freezes",
        "frequency",
        "general",
        "personalization",
        "plans",
        "since",
        "streak",
        "streak_enabled",
        "streak_every",
        "streak_goals",
        "systems",
        "timed",
        "tz",
        "user_attributes",
        "user_boosts",
        "version",
        "week_start",
    )

    # What an input that is of no metric can set off.
    general: tuple[SystemPlan, ...]
    systems: tuple[SystemRule, ...]
    # Systems with triggers for a user's first event.
    creation: tuple[SystemRule, ...]
    # What time alone sets off: systems with time triggers, and with boosts of single users.
    timed: tuple[SystemRule, ...]
    user_boosts: bool
    event_attributes: frozenset[AttributeKey]
    user_attributes: frozenset[AttributeKey]
    # None where no streak can be, but for users with conditions of their own.
    streak: StreakRule | None
    streak_enabled: bool
    # Whether all conditions are asked for, also where there are none.
    streak_every: bool
    personalization: bool
    # The frequency that answers show, also where no streak can be.
    frequency: Frequency
    freezes: FreezeRule
    streak_goals: tuple[StreakGoal, ...]
    composites: tuple[CompositeGoal, ...]
    # Version since which the subtotal of a filter is counted.
    since: dict[SeriesName, int]

    def __init__(self, version: int, tz: ZoneName, week_start: WeekStart) -> None:
        """Begin a ruleset: what else it has follows from the definitions, in `compiling`."""
        self.version = version
        self.tz = tz
        self.week_start: WeekStart = week_start
        self.calendar: Calendar = calendar_of(tz, week_start)
        self.plans: dict[MetricKey, MetricPlan] = {}
        self.api_goals: dict[AchievementKey, ApiGoal] = {}

    def calendar_of(self, tz: ZoneName | None) -> Calendar:
        """Return the calendar of a user's periods: that of the user's own zone, or the game's."""
        return self.calendar if tz is None else calendar_of(tz, self.week_start)
