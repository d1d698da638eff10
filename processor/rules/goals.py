"""Achievements as the rules ask for them, one class for each way of completing one."""

from typing import Literal

from processor.rules.attributes import Pairs
from schemas.numbers import Number
from schemas.text import AchievementKey, SeriesName


class MetricGoal:
    """An achievement that a metric completes."""

    __slots__ = ("key", "series", "since", "user", "value")

    def __init__(
        self, key: AchievementKey, user: Pairs, series: SeriesName, value: Number, since: int
    ) -> None:
        self.key = key
        self.user = user
        self.series = series
        self.value = value
        # Version since which the series is counted: what was before is known by a backfill only.
        self.since = since


class StreakGoal:
    """An achievement that the streak completes on reaching a length."""

    __slots__ = ("key", "length", "user")

    def __init__(self, key: AchievementKey, user: Pairs, length: int) -> None:
        self.key = key
        self.user = user
        self.length = length


class CompositeGoal:
    """An achievement that others complete, with the last of them."""

    __slots__ = ("key", "parts", "user")

    def __init__(self, key: AchievementKey, user: Pairs, parts: tuple[AchievementKey, ...]) -> None:
        self.key = key
        self.user = user
        self.parts = parts


class ApiGoal:
    """An achievement that a request completes, while it is active."""

    __slots__ = ("status", "user")

    def __init__(self, user: Pairs, status: Literal["inactive", "active", "locked"]) -> None:
        self.user = user
        self.status = status
