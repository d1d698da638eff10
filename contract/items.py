"""Items of the definitions by their keys, and whether there is one that a request may name.

Two questions that must not be confused. A record or a row names an item that was there once, so
archived ones are found too, and one that is missing means that the definitions are behind
(MissingItemError). A request names an item that is to be in use (UnknownItemError).
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, TypeVar

from contract.errors import MissingItemError, UnknownAttributesError, UnknownItemError
from schemas.definitions import (
    Achievement,
    ApiAchievement,
    Boost,
    Item,
    Level,
    Metric,
    PointsSystem,
    Trigger,
)
from schemas.inputs import EventUser, MetricEvent
from schemas.versions import Version

ItemT = TypeVar("ItemT", bound=Item)


def metric_item(version: Version, key: str) -> Metric:
    """Return the definition of a metric; MissingItemError."""
    return _item(version.definitions.metrics, key, "metric")


def achievement_item(version: Version, key: str) -> Achievement:
    """Return the definition of an achievement; MissingItemError."""
    return _item(version.definitions.achievements, key, "achievement")


def system_item(version: Version, key: str) -> PointsSystem:
    """Return the definition of a points system; MissingItemError."""
    return _item(version.definitions.points, key, "points system")


def trigger_item(version: Version, system: str, key: str) -> Trigger:
    """Return the definition of a trigger of a points system; MissingItemError."""
    return _item(system_item(version, system).triggers, key, "trigger", system)


def boost_item(version: Version, system: str, key: str) -> Boost:
    """Return the definition of a boost of a points system; MissingItemError."""
    return _item(system_item(version, system).boosts, key, "boost", system)


def level_item(version: Version, system: str, key: str) -> Level:
    """Return the definition of a level of a points system; MissingItemError."""
    return _item(system_item(version, system).levels, key, "level", system)


def _item(items: Iterable[ItemT], key: str, word: str, system: str | None = None) -> ItemT:
    for item in items:
        if item.key == key:
            return item
    where = "" if system is None else f" in the points system {system!r}"
    raise MissingItemError(f"there is no {word} {key!r}{where}")


def check_metric(version: Version, key: str) -> None:
    """Check that a metric is in use; UnknownItemError."""
    _check(_in_use(version.definitions.metrics), key, "metric")


def check_system(version: Version, key: str) -> None:
    """Check that a points system is in use; UnknownItemError."""
    _check(_in_use(version.definitions.points), key, "points system")


def check_api_achievement(version: Version | None, key: str) -> None:
    """Check that an achievement that a request completes is in use; UnknownItemError."""
    achievements = version.definitions.achievements if version else ()
    known = _in_use(it for it in achievements if isinstance(it, ApiAchievement))
    _check(known, key, "achievement that a request can complete")


def _check(known: Sequence[str], key: str, word: str) -> None:
    if key not in known:
        raise UnknownItemError(f"There is no {word} {key!r} (known: {_list(known)}).")


def check_event_metric(version: Version | None, key: str) -> None:
    """Check that the metric of an event is in use (OD-2); UnknownItemError."""
    known = _in_use(version.definitions.metrics) if version else []
    if key not in known:
        raise UnknownItemError(f"There is no metric {key!r}. Known metrics: {_list(known)}.")


def check_attributes(
    kind: Literal["event", "user"], given: Iterable[str], version: Version | None
) -> None:
    """Check that attributes are in use, by their keys; UnknownAttributesError."""
    attributes = version.definitions.attributes if version else []
    known = _in_use(item for item in attributes if item.type == kind)
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise UnknownAttributesError(
            f"Invalid attribute keys: {', '.join(unknown)}. "
            f"Define them as {kind} attributes, or use one of: {_list(known)}."
        )


class KeysInUse(NamedTuple):
    """The keys that an event may name, in sets: for the question that is asked with every event."""

    metrics: frozenset[str] = frozenset()
    # Attributes of events, and of users.
    event: frozenset[str] = frozenset()
    user: frozenset[str] = frozenset()

    def has_all_of(self, event: MetricEvent) -> bool:
        """Tell whether an event names nothing else."""
        user = event.user
        of_user = user.attributes if isinstance(user, EventUser) else None
        return (
            event.metric in self.metrics
            and self.event.issuperset(event.attributes)
            and (not of_user or self.user.issuperset(of_user))
        )


NO_KEYS: Final = KeysInUse()


def keys_in_use(version: Version) -> KeysInUse:
    """Return the keys that an event may name under a version of definitions."""
    game = version.definitions
    kinds = [
        frozenset(_in_use(it for it in game.attributes if it.type == kind))
        for kind in ("event", "user")
    ]
    return KeysInUse(frozenset(_in_use(game.metrics)), *kinds)


def _in_use(items: Iterable[Item]) -> list[str]:
    return [item.key for item in items if not item.archived]


def _list(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys)) or "none"
