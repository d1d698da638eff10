"""Triggers of points as the rules ask for them, one class for each kind."""

from processor.rules.attributes import Pairs
from schemas.instants import Micros
from schemas.text import AchievementKey, SeriesName, TriggerKey


class TriggerRule:
    """What all triggers have: the points of one award, and the attributes that a user needs."""

    __slots__ = ("key", "points", "user")

    def __init__(self, key: TriggerKey, points: int, user: Pairs) -> None:
        self.key = key
        self.points = points
        self.user = user


class MetricTriggerRule(TriggerRule):
    """Points for every whole step by which a series rises above its highest value so far."""

    __slots__ = ("series", "step")

    def __init__(
        self, key: TriggerKey, points: int, user: Pairs, series: SeriesName, step: int
    ) -> None:
        super().__init__(key, points, user)
        self.series = series
        self.step = step


class StreakTriggerRule(TriggerRule):
    """Points for every streak length that is a multiple of one."""

    __slots__ = ("length",)

    def __init__(self, key: TriggerKey, points: int, user: Pairs, length: int) -> None:
        super().__init__(key, points, user)
        self.length = length


class AchievementTriggerRule(TriggerRule):
    """Points for completing an achievement."""

    __slots__ = ("achievement",)

    def __init__(
        self, key: TriggerKey, points: int, user: Pairs, achievement: AchievementKey
    ) -> None:
        super().__init__(key, points, user)
        self.achievement = achievement


class CreationTriggerRule(TriggerRule):
    """Points for a user's first event."""

    __slots__ = ()


class TimeTriggerRule(TriggerRule):
    """Points for every interval that goes by, counted from when the trigger became active."""

    __slots__ = ("activated", "interval")

    def __init__(
        self, key: TriggerKey, points: int, user: Pairs, interval: int, activated: Micros | None
    ) -> None:
        super().__init__(key, points, user)
        # In microseconds.
        self.interval = interval
        self.activated = activated


# What an input may set off, besides a user's creation and time itself.
InputTriggerRule = MetricTriggerRule | StreakTriggerRule | AchievementTriggerRule
