"""The rules of a game as data: metrics, attributes, streak, achievements, points and levels.

Names are those of the HTTP contract where it has them. Keys identify; ids are derived from them.
The checks in here look at one set of definitions alone: shape, duplicates, references, and which
fields have no rule behind them yet. How versions follow each other is `schemas.versions`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid5

from pydantic import AfterValidator, BeforeValidator, Field

from schemas.entries import Frequency
from schemas.events import AttributeValue, Key, Strict, UserId
from schemas.numbers import check_value
from schemas.periods import WeekStart, zone

NAMESPACE: Final = UUID("7b0a3c52-6f0e-5a4e-9d0f-2f9f5d1c8e11")

Path = tuple[str | int, ...]


def id_of(tenant: str, *path: str) -> str:
    """Return the id of a definition: the same for the same tenant and path of keys, for ever."""
    return str(uuid5(NAMESPACE, "/".join((tenant, *path))))


def filter_id(attributes: Mapping[str, str]) -> str:
    """Return the one name of an event-attribute filter, under which its subtotal is kept."""
    return urlencode(sorted(attributes.items()))


def read_filter(name: str) -> dict[str, str]:
    """Return the event attributes of a filter by its name."""
    return dict(parse_qsl(name, keep_blank_values=True))


def series_of(metric: str, attributes: Mapping[str, str]) -> str:
    """Return the name under which a metric's total, or the subtotal of a filter, is kept."""
    return f"{metric}?{filter_id(attributes)}" if attributes else metric


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004  pydantic collects ValueErrors only
    return value


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("must not be 0")
    return value


def _positive(value: Decimal) -> Decimal:
    if value <= 0:
        raise ValueError("must be greater than 0")
    return value


def _known_zone(name: str) -> str:
    zone(name)
    return name


Name = Annotated[str, Field(min_length=1, max_length=255)]
Whole = Annotated[int, BeforeValidator(_no_boolean)]
AtLeastOne = Annotated[Whole, Field(ge=1)]
NotNegative = Annotated[Whole, Field(ge=0)]
Points = Annotated[Whole, AfterValidator(_not_zero), Field(ge=-(10**12), le=10**12)]
# Exact, and therefore a string in JSON: a stored version reads back as what it was.
Number = Annotated[Decimal, BeforeValidator(_no_boolean), AfterValidator(check_value)]
Threshold = Annotated[Number, AfterValidator(_positive)]
Filter = dict[str, AttributeValue]


class Item(Strict):
    """Something with a key. `archived` marks what a newer version left out; no file says it."""

    key: Key
    archived: bool = False


class Settings(Strict):
    """What holds for the whole game."""

    weekStart: WeekStart = "monday"
    defaultTimeZone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    controlRatio: Annotated[float, Field(ge=0, le=100)] = 0


class Metric(Item):
    """Something that is counted per user."""

    name: Name
    description: str = ""
    unitType: Literal["number", "currency"] = "number"
    units: str = ""
    defaultIncrementValue: Number | None = None


class Attribute(Item):
    """Something that is known of a user or of an event, and may be filtered by."""

    type: Literal["user", "event"]
    name: Name


class StreakMetric(Strict):
    """A condition of the streak: the least change of a metric within a period."""

    metric: Key
    threshold: Threshold


class Streak(Strict):
    """When a period counts, and how long the periods are."""

    enabled: bool = True
    personalization: bool = False
    frequency: Frequency = "daily"
    evaluationMode: Literal["AND", "OR"] = "OR"
    metrics: list[StreakMetric] = []
    initialFreezes: Annotated[NotNegative, Field(le=100)] = 0
    maxFreezes: Annotated[NotNegative, Field(le=100)] = 0
    freezeAutoEarnInterval: AtLeastOne | None = None
    freezeAutoEarnAmount: AtLeastOne | None = None


class Badge(Strict):
    """A picture."""

    url: str


class BaseAchievement(Item):
    """What every achievement has."""

    name: Name
    description: str | None = None
    badgeUrl: str | None = None
    userAttributes: Filter = {}
    status: Literal["inactive", "active", "locked"] = "active"


class MetricAchievement(BaseAchievement):
    """Completed when a metric's total, or its subtotal of matching events, reaches a value."""

    trigger: Literal["metric"]
    metric: Key
    metricValue: Threshold
    eventAttributes: Filter = {}


class StreakAchievement(BaseAchievement):
    """Completed when the streak reaches a length."""

    trigger: Literal["streak"]
    streakLength: AtLeastOne


class ApiAchievement(BaseAchievement):
    """Completed by a request."""

    trigger: Literal["api"]


class CompositeAchievement(BaseAchievement):
    """Completed with the last of its parts."""

    trigger: Literal["achievement"]
    achievements: Annotated[list[Key], Field(min_length=1)]


Achievement = Annotated[
    MetricAchievement | StreakAchievement | ApiAchievement | CompositeAchievement,
    Field(discriminator="trigger"),
]


class BaseTrigger(Item):
    """What every trigger has: points that are awarded or, negative, deducted."""

    points: Points
    userAttributes: Filter = {}
    blockIfOutOfPoints: bool = False
    status: Literal["inactive", "active"] = "active"


class MetricTrigger(BaseTrigger):
    """For every `metricThreshold` by which the metric rises above its highest value so far."""

    type: Literal["metric"]
    metric: Key
    metricThreshold: AtLeastOne
    eventAttributes: Filter = {}


class StreakTrigger(BaseTrigger):
    """At every streak length that is a multiple of `streakLength`."""

    type: Literal["streak"]
    streakLength: AtLeastOne


class AchievementTrigger(BaseTrigger):
    """When an achievement is completed."""

    type: Literal["achievement"]
    achievement: Key


class TimeTrigger(BaseTrigger):
    """Every interval, per user."""

    type: Literal["time"]
    timeUnit: Literal["hours", "days"]
    timeInterval: AtLeastOne


class UserCreationTrigger(BaseTrigger):
    """Once, with the first event of a user."""

    type: Literal["user_creation"]


Trigger = Annotated[
    MetricTrigger | StreakTrigger | AchievementTrigger | TimeTrigger | UserCreationTrigger,
    Field(discriminator="type"),
]


class Boost(Item):
    """A multiplier on what is earned in a window of local time."""

    name: Name
    start: date
    end: date | None = None
    multiplier: Annotated[Decimal, Field(gt=0, lt=100)]
    rounding: Literal["down", "up", "nearest"] = "down"
    userId: UserId | None = None
    userAttributes: Filter | None = None


class Level(Item):
    """A rank that is held from a balance on."""

    name: Name
    description: str = ""
    badge: Badge | None = None
    points: NotNegative


class PointsSystem(Item):
    """A kind of points: its triggers in the order in which they are judged, and its levels."""

    name: Name
    description: str = ""
    badge: Badge | None = None
    maxPoints: AtLeastOne | None = None
    triggers: list[Trigger] = []
    boosts: list[Boost] = []
    levels: list[Level] = []


class Definitions(Strict):
    """A whole game."""

    settings: Settings = Settings()
    metrics: list[Metric] = []
    attributes: list[Attribute] = []
    streak: Streak = Streak()
    achievements: list[Achievement] = []
    points: list[PointsSystem] = []

    def filtered_series(self) -> set[str]:
        """Return metric?filter of every subtotal that must be counted."""
        wanted: list[MetricAchievement | MetricTrigger] = []
        wanted += [
            it for it in self.achievements if isinstance(it, MetricAchievement) and not it.archived
        ]
        wanted += [
            it
            for system in self.points
            for it in system.triggers
            if isinstance(it, MetricTrigger) and not (it.archived or system.archived)
        ]
        return {series_of(it.metric, it.eventAttributes) for it in wanted if it.eventAttributes}


class Problem(NamedTuple):
    """Something wrong with definitions: where, as a path of names and indexes, and what."""

    path: Path
    message: str


def problems(game: Definitions) -> list[Problem]:
    """Return what is wrong with well-formed definitions: duplicates, references, missing rules."""
    return [*_duplicates(game), *_references(game), *_contradictions(game), *_without_rule(game)]


def _duplicates(game: Definitions) -> Iterator[Problem]:
    yield from _twice(("metrics",), [item.key for item in game.metrics])
    yield from _twice(("achievements",), [item.key for item in game.achievements])
    yield from _twice(("points",), [item.key for item in game.points])
    for kind in ("user", "event"):
        keys = [item.key if item.type == kind else None for item in game.attributes]
        yield from _twice(("attributes",), keys)
    for index, system in enumerate(game.points):
        here: Path = ("points", index)
        yield from _twice((*here, "triggers"), [item.key for item in system.triggers])
        yield from _twice((*here, "boosts"), [item.key for item in system.boosts])
        yield from _twice((*here, "levels"), [item.key for item in system.levels])


def _twice(path: Path, keys: Iterable[str | None]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, key in enumerate(keys):
        if key is None:
            continue
        if key in seen:
            yield Problem((*path, index, "key"), f"the key {key!r} is used twice")
        seen.add(key)


class _Known(NamedTuple):
    """The keys that others may refer to."""

    metrics: set[str]
    achievements: set[str]
    user: set[str]
    event: set[str]


def _references(game: Definitions) -> Iterator[Problem]:
    known = _Known(
        {item.key for item in game.metrics if not item.archived},
        {item.key for item in game.achievements if not item.archived},
        {item.key for item in game.attributes if item.type == "user" and not item.archived},
        {item.key for item in game.attributes if item.type == "event" and not item.archived},
    )
    for index, condition in enumerate(game.streak.metrics):
        path: Path = ("streak", "metrics", index, "metric")
        yield from _missing(path, "metric", condition.metric, known.metrics)
    for index, achievement in enumerate(game.achievements):
        if not achievement.archived:
            yield from _item_references(("achievements", index), achievement, known)
    for index, system in enumerate(game.points):
        for at, trigger in enumerate(system.triggers):
            if not (system.archived or trigger.archived):
                yield from _item_references(("points", index, "triggers", at), trigger, known)
        for at, boost in enumerate(system.boosts):
            where: Path = ("points", index, "boosts", at, "userAttributes")
            for key in boost.userAttributes or {}:
                yield from _missing((*where, key), "user attribute", key, known.user)


def _item_references(
    path: Path, item: BaseAchievement | BaseTrigger, known: _Known
) -> Iterator[Problem]:
    if isinstance(item, MetricAchievement | MetricTrigger):
        yield from _missing((*path, "metric"), "metric", item.metric, known.metrics)
        for key in item.eventAttributes:
            where = (*path, "eventAttributes", key)
            yield from _missing(where, "event attribute", key, known.event)
    if isinstance(item, AchievementTrigger):
        where = (*path, "achievement")
        yield from _missing(where, "achievement", item.achievement, known.achievements)
    if isinstance(item, CompositeAchievement):
        for index, key in enumerate(item.achievements):
            where = (*path, "achievements", index)
            yield from _missing(where, "achievement", key, known.achievements)
    for key in item.userAttributes:
        yield from _missing((*path, "userAttributes", key), "user attribute", key, known.user)


def _missing(path: Path, word: str, key: str, known: set[str]) -> Iterator[Problem]:
    if key not in known:
        choices = ", ".join(sorted(known)) or "none"
        yield Problem(path, f"there is no {word} {key!r} (known: {choices})")


def _contradictions(game: Definitions) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, condition in enumerate(game.streak.metrics):
        if condition.metric in seen:
            path: Path = ("streak", "metrics", index, "metric")
            yield Problem(path, f"the metric {condition.metric!r} is a condition already")
        seen.add(condition.metric)
    for index, metric in enumerate(game.metrics):
        if metric.unitType == "currency" and not _is_currency(metric.units):
            where: Path = ("metrics", index, "units")
            yield Problem(where, "a currency needs a code of three letters, such as USD")
    yield from _freeze_contradictions(game.streak)
    yield from _circles(game)
    for index, system in enumerate(game.points):
        yield from _level_twice(("points", index), system)
        yield from _boost_contradictions(("points", index), system)


def _freeze_contradictions(streak: Streak) -> Iterator[Problem]:
    if streak.initialFreezes > streak.maxFreezes:
        message = f"more freezes than maxFreezes ({streak.maxFreezes}) allows"
        yield Problem(("streak", "initialFreezes"), message)
    interval, amount = streak.freezeAutoEarnInterval, streak.freezeAutoEarnAmount
    if (interval is None) != (amount is None):
        missing = "freezeAutoEarnInterval" if interval is None else "freezeAutoEarnAmount"
        message = "freezeAutoEarnInterval and freezeAutoEarnAmount need each other"
        yield Problem(("streak", missing), message)
    elif interval is not None and not streak.maxFreezes:
        message = "freezes cannot be earned where maxFreezes is 0"
        yield Problem(("streak", "freezeAutoEarnInterval"), message)


def _circles(game: Definitions) -> Iterator[Problem]:
    parts = {
        it.key: it.achievements for it in game.achievements if isinstance(it, CompositeAchievement)
    }
    for index, item in enumerate(game.achievements):
        if isinstance(item, CompositeAchievement):
            seen: set[str] = set()
            open_ = list(item.achievements)
            while open_:
                key = open_.pop()
                if key not in seen:
                    seen.add(key)
                    open_ += parts.get(key, [])
            if item.key in seen:
                path: Path = ("achievements", index, "achievements")
                yield Problem(path, "it is a part of itself, and could never be completed")


def _boost_contradictions(path: Path, system: PointsSystem) -> Iterator[Problem]:
    for index, boost in enumerate(system.boosts):
        here = (*path, "boosts", index)
        if boost.userId is not None and boost.userAttributes:
            message = "a boost is for one user or for those with attributes, not both"
            yield Problem((*here, "userAttributes"), message)
        if boost.multiplier == 1:
            yield Problem((*here, "multiplier"), "a multiplier of 1 changes nothing")
        if boost.end is not None and boost.end < boost.start:
            yield Problem((*here, "end"), "it ends before it starts")


def _level_twice(path: Path, system: PointsSystem) -> Iterator[Problem]:
    seen: dict[int, str] = {}
    for index, level in enumerate(system.levels):
        if level.archived:
            continue
        if level.points in seen:
            message = (
                f"the level {seen[level.points]!r} is reached at {level.points} points already"
            )
            yield Problem((*path, "levels", index, "points"), message)
        seen[level.points] = level.key


def _is_currency(units: str) -> bool:
    return len(units) == 3 and units.isascii() and units.isalpha() and units.isupper()  # noqa: PLR2004  ISO 4217 codes have three letters


LATER: Final = "is not supported yet"


def _without_rule(game: Definitions) -> Iterator[Problem]:
    # A field that nothing obeys would be a promise broken in silence: refused until it has a rule.
    if game.settings.controlRatio:
        yield Problem(("settings", "controlRatio"), f"a control group {LATER}")
