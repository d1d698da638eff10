"""The rules of a game as data: metrics, attributes, streak, achievements, points and levels.

Names are those of the HTTP contract where it has them. Keys identify; ids are derived from them.
A file per noun says what is well-formed, with the numbers of `limits`; `problems` looks at one
whole set alone: counts, duplicates, references, and which fields have no rule behind them yet. How
versions follow each other is `schemas.versions`. Others import from here, not from the files.
"""

from schemas.definitions.achievements import (
    Achievement,
    ApiAchievement,
    BaseAchievement,
    CompositeAchievement,
    MetricAchievement,
    StreakAchievement,
)
from schemas.definitions.attributes import Attribute
from schemas.definitions.boosts import Boost
from schemas.definitions.fields import Badge, Filter, Item
from schemas.definitions.ids import NAMESPACE, filter_id, id_of, read_filter, series_of
from schemas.definitions.metrics import Metric
from schemas.definitions.paths import Path, Problem, path_of
from schemas.definitions.points import Level, PointsSystem
from schemas.definitions.problems import problems
from schemas.definitions.settings import Settings
from schemas.definitions.streak import Streak, StreakMetric
from schemas.definitions.triggers import (
    AchievementTrigger,
    BaseTrigger,
    MetricTrigger,
    StreakTrigger,
    TimeTrigger,
    Trigger,
    UserCreationTrigger,
)
from schemas.definitions.whole import Definitions

__all__ = [
    "NAMESPACE",
    "Achievement",
    "AchievementTrigger",
    "ApiAchievement",
    "Attribute",
    "Badge",
    "BaseAchievement",
    "BaseTrigger",
    "Boost",
    "CompositeAchievement",
    "Definitions",
    "Filter",
    "Item",
    "Level",
    "Metric",
    "MetricAchievement",
    "MetricTrigger",
    "Path",
    "PointsSystem",
    "Problem",
    "Settings",
    "Streak",
    "StreakAchievement",
    "StreakMetric",
    "StreakTrigger",
    "TimeTrigger",
    "Trigger",
    "UserCreationTrigger",
    "filter_id",
    "id_of",
    "path_of",
    "problems",
    "read_filter",
    "series_of",
]
