"""The collections of definitions, each described once: where it is, and what names an item.

Whoever finds, adds, changes or archives items does it through these. Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from contract.errors import UnknownItemError
from schemas.definitions import (
    Achievement,
    Attribute,
    Boost,
    Definitions,
    Item,
    Level,
    Metric,
    PointsSystem,
    Trigger,
    id_of,
)

ItemT = TypeVar("ItemT", bound=Item)


def _by_key(item: Item) -> tuple[str, ...]:
    return (item.key,)


@dataclass(frozen=True, slots=True)
class Collection(Generic[ItemT]):
    """Items of one sort, at one place of the definitions."""

    # What one is called in messages.
    word: str
    # What the ids of its items begin with (schemas.definitions.ids).
    place: tuple[str, ...]
    # The items, archived ones included, oldest first.
    items: Callable[[Definitions], Sequence[ItemT]]
    # The same definitions with other items.
    with_items: Callable[[Definitions, Sequence[ItemT]], Definitions]
    # What tells an item from the others.
    key: Callable[[ItemT], tuple[str, ...]] = _by_key

    def id_of(self, tenant: str, item: ItemT) -> str:
        """Return the id of an item."""
        return id_of(tenant, *self.place, *self.key(item))

    def in_use(self, game: Definitions) -> list[ItemT]:
        """Return the items that are not archived, oldest first."""
        return [item for item in self.items(game) if not item.archived]


def _with(field: str) -> Callable[[Definitions, Sequence[Any]], Definitions]:
    return lambda game, items: game.model_copy(update={field: list(items)})


METRICS: Final[Collection[Metric]] = Collection(
    "Metric", ("metrics",), lambda game: game.metrics, _with("metrics")
)
ATTRIBUTES: Final[Collection[Attribute]] = Collection(
    "Attribute",
    ("attributes",),
    lambda game: game.attributes,
    _with("attributes"),
    lambda item: (item.type, item.key),
)
ACHIEVEMENTS: Final[Collection[Achievement]] = Collection(
    "Achievement", ("achievements",), lambda game: game.achievements, _with("achievements")
)
SYSTEMS: Final[Collection[PointsSystem]] = Collection(
    "Points system", ("points",), lambda game: game.points, _with("points")
)


def triggers_of(system: str) -> Collection[Trigger]:
    """Return the triggers of a points system, by its key."""
    return Collection(
        "Points trigger",
        ("points", system, "triggers"),
        lambda game: _system(game, system).triggers,
        _within(system, "triggers"),
    )


def boosts_of(system: str) -> Collection[Boost]:
    """Return the boosts of a points system, by its key."""
    return Collection(
        "Points boost",
        ("points", system, "boosts"),
        lambda game: _system(game, system).boosts,
        _within(system, "boosts"),
    )


def levels_of(system: str) -> Collection[Level]:
    """Return the levels of a points system, by its key."""
    return Collection(
        "Level",
        ("points", system, "levels"),
        lambda game: _system(game, system).levels,
        _within(system, "levels"),
    )


def _system(game: Definitions, key: str) -> PointsSystem:
    return next(system for system in game.points if system.key == key)


def _within(system: str, field: str) -> Callable[[Definitions, Sequence[Any]], Definitions]:
    def with_items(game: Definitions, items: Sequence[Any]) -> Definitions:
        changed = _system(game, system).model_copy(update={field: list(items)})
        return SYSTEMS.with_items(game, [changed if it.key == system else it for it in game.points])

    return with_items


def system_by_id(tenant: str, game: Definitions, wanted: str) -> PointsSystem:
    """Return a points system in use; UnknownItemError when no such one has the id."""
    for system in SYSTEMS.in_use(game):
        if SYSTEMS.id_of(tenant, system) == wanted:
            return system
    raise UnknownItemError("Points system not found by ID")
