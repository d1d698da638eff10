"""What refers to what: metrics, achievements and attributes that are named must be there."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, assert_never

from schemas.definitions.achievements import (
    Achievement,
    ApiAchievement,
    CompositeAchievement,
    MetricAchievement,
    StreakAchievement,
)
from schemas.definitions.paths import Path, Problem
from schemas.definitions.points import PointsSystem
from schemas.definitions.triggers import (
    AchievementTrigger,
    MetricTrigger,
    StreakTrigger,
    TimeTrigger,
    Trigger,
    UserCreationTrigger,
)
from schemas.definitions.whole import Definitions

# Of the keys that there are instead, as many as help.
CHOICES_MAX: Final = 20


class _Keys:
    """The keys that others may refer to, of one kind."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.all = frozenset(keys)
        first = sorted(self.all)[:CHOICES_MAX]
        more = len(self.all) - len(first)
        self.choices = (", ".join(first) or "none") + (f" and {more} more" if more else "")


class _Known(NamedTuple):
    """All the keys that others may refer to."""

    metrics: _Keys
    achievements: _Keys
    user: _Keys
    event: _Keys


def references(game: Definitions) -> Iterator[Problem]:
    """Yield what refers to something that is not there, or is archived."""
    known = _Known(
        _Keys(it.key for it in game.metrics if not it.archived),
        _Keys(it.key for it in game.achievements if not it.archived),
        _Keys(it.key for it in game.attributes if it.type == "user" and not it.archived),
        _Keys(it.key for it in game.attributes if it.type == "event" and not it.archived),
    )
    for index, condition in enumerate(game.streak.metrics):
        path: Path = ("streak", "metrics", index, "metric")
        yield from _missing(path, "metric", condition.metric, known.metrics)
    for index, achievement in enumerate(game.achievements):
        if not achievement.archived:
            yield from _of_achievement(("achievements", index), achievement, known)
    for index, system in enumerate(game.points):
        yield from _of_system(("points", index), system, known)


def _of_system(path: Path, system: PointsSystem, known: _Known) -> Iterator[Problem]:
    for index, trigger in enumerate(system.triggers):
        if not (system.archived or trigger.archived):
            yield from _of_trigger((*path, "triggers", index), trigger, known)
    for index, boost in enumerate(system.boosts):
        yield from _of_users((*path, "boosts", index), boost.userAttributes or (), known)


def _of_achievement(path: Path, item: Achievement, known: _Known) -> Iterator[Problem]:
    match item:
        case MetricAchievement():
            yield from _of_metric(path, item.metric, item.eventAttributes, known)
        case CompositeAchievement():
            for index, key in enumerate(item.achievements):
                where = (*path, "achievements", index)
                yield from _missing(where, "achievement", key, known.achievements)
        case StreakAchievement() | ApiAchievement():
            pass
        case _:
            assert_never(item)
    yield from _of_users(path, item.userAttributes, known)


def _of_trigger(path: Path, item: Trigger, known: _Known) -> Iterator[Problem]:
    match item:
        case MetricTrigger():
            yield from _of_metric(path, item.metric, item.eventAttributes, known)
        case AchievementTrigger():
            where = (*path, "achievement")
            yield from _missing(where, "achievement", item.achievement, known.achievements)
        case StreakTrigger() | TimeTrigger() | UserCreationTrigger():
            pass
        case _:
            assert_never(item)
    yield from _of_users(path, item.userAttributes, known)


def _of_metric(
    path: Path, metric: str, attributes: Iterable[str], known: _Known
) -> Iterator[Problem]:
    yield from _missing((*path, "metric"), "metric", metric, known.metrics)
    for key in attributes:
        yield from _missing((*path, "eventAttributes", key), "event attribute", key, known.event)


def _of_users(path: Path, attributes: Iterable[str], known: _Known) -> Iterator[Problem]:
    for key in attributes:
        yield from _missing((*path, "userAttributes", key), "user attribute", key, known.user)


def _missing(path: Path, word: str, key: str, known: _Keys) -> Iterator[Problem]:
    if key not in known.all:
        yield Problem(path, f"there is no {word} {key!r} (known: {known.choices})")
