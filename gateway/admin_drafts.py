"""A points system that is being changed: what the items of one request make of it.

The outcome is checked like a definition file; where it contradicts itself every item is checked, so
that those which fit are done. Nothing is in force before `gateway.parts.Parts.change` says so.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, assert_never

from pydantic import TypeAdapter, ValidationError

from gateway.admin_issues import Answer, RefusedItemError, sentence
from gateway.errors import ApiError
from schemas.definitions import Item, PointsSystem, id_of, problems
from schemas.versions import Version

Kind = Literal["triggers", "boosts", "levels"]
AttributeType = Literal["user", "event"]

WORDS: Final[Mapping[Kind, str]] = {
    "triggers": "Points trigger",
    "boosts": "Points boost",
    "levels": "Level",
}


def system_of(version: Version, system_id: str) -> PointsSystem:
    """Return a points system in use; ApiError 404 when no such one has the id."""
    for system in version.definitions.points:
        if not system.archived and id_of(version.tenant, "points", system.key) == system_id:
            return system
    raise ApiError(404, "Points system not found by ID")


def live(system: PointsSystem, kind: Kind) -> list[Any]:
    """Return the items of a kind that are in use, oldest first."""
    return [item for item in items_of(system, kind) if not item.archived]


def items_of(system: PointsSystem, kind: Kind) -> Sequence[Item]:
    """Return the items of a kind, archived ones included."""
    match kind:
        case "triggers":
            return system.triggers
        case "boosts":
            return system.boosts
        case "levels":
            return system.levels
        case _:
            assert_never(kind)


def item_id(tenant: str, system: str, kind: Kind, key: str) -> str:
    """Return the id of an item of a points system."""
    return id_of(tenant, "points", system, kind, key)


def attribute_id(tenant: str, kind: AttributeType, key: str) -> str:
    """Return the id of an attribute."""
    return id_of(tenant, "attributes", kind, key)


def filters(tenant: str, kind: AttributeType, attributes: Mapping[str, str]) -> list[Answer]:
    """Return filters as the Admin API has them."""
    return [
        {"attributeId": attribute_id(tenant, kind, key), "attributeValue": text}
        for key, text in attributes.items()
    ]


class Draft:
    """The newest definitions, with a points system in the middle of being changed."""

    def __init__(self, version: Version, system_id: str, *, careful: bool = True) -> None:
        """Take a version, and whether each step is to be checked for itself.

        Raises ApiError 404 when the version has no such points system.
        """
        self.tenant = version.tenant
        self.game = version.definitions
        self._key = system_of(version, system_id).key
        self._careful = careful
        # Kind -> id -> key, of the items that were there at the beginning.
        self._keys: dict[Kind, dict[str, str]] = {}
        # What somebody else's file brought along is not this request's fault.
        self._known = set(problems(self.game))

    def contradiction(self) -> str | None:
        """Return what the steps so far brought along that does not fit, None when all does."""
        found = (it for it in problems(self.game) if it not in self._known)
        first = next(found, None)
        return None if first is None else first.message

    @property
    def system(self) -> PointsSystem:
        """The points system as it is by now."""
        return next(it for it in self.game.points if it.key == self._key)

    def find(self, kind: Kind, wanted: str) -> Any:  # noqa: ANN401  items of three kinds
        """Return the item with an id; RefusedItemError when none in use has it."""
        if kind not in self._keys:
            self._keys[kind] = {
                item_id(self.tenant, self._key, kind, it.key): it.key
                for it in items_of(self.system, kind)
            }
        key = self._keys[kind].get(wanted)
        for item in items_of(self.system, kind):
            if item.key == key and not item.archived:
                return item
        raise RefusedItemError(f"{WORDS[kind]} not found by ID")

    def add(self, kind: Kind, item: Item) -> None:
        """Add an item at the end, in the place of one that was archived under its key.

        Raises RefusedItemError when, being careful, it contradicts what is there.
        """
        others = [it for it in items_of(self.system, kind) if it.key != item.key]
        self._save(kind, [*others, item])

    def replace(self, kind: Kind, item: Item) -> None:
        """Put an item in the place of that with its key; RefusedItemError as for `add`."""
        items = [item if it.key == item.key else it for it in items_of(self.system, kind)]
        self._save(kind, items)

    def archive(self, kind: Kind, item: Item) -> None:
        """Take an item out of use; it stays for the awards of the past."""
        self.replace(kind, item.model_copy(update={"archived": True}))

    def _save(self, kind: Kind, items: list[Item]) -> None:
        before = self.game
        system = self.system.model_copy(update={kind: items})
        points = [system if it.key == self._key else it for it in before.points]
        self.game = before.model_copy(update={"points": points})
        wrong = self.contradiction() if self._careful else None
        if wrong is not None:
            self.game = before
            raise RefusedItemError(wrong)

    def metric(self, wanted: str) -> str:
        """Return the key of a metric by its id; RefusedItemError when none in use has it."""
        for item in self.game.metrics:
            if not item.archived and id_of(self.tenant, "metrics", item.key) == wanted:
                return item.key
        raise RefusedItemError("Metric not found by ID")

    def achievement(self, wanted: str) -> str:
        """Return the key of an achievement by its id; RefusedItemError when none in use has it."""
        for item in self.game.achievements:
            if not item.archived and id_of(self.tenant, "achievements", item.key) == wanted:
                return item.key
        raise RefusedItemError("Achievement not found by ID")

    def attributes(
        self, kind: AttributeType, given: Sequence[Mapping[str, Any]] | None
    ) -> dict[str, str]:
        """Return filters as the definitions have them: key and value; None filters nothing.

        Raises RefusedItemError for an attribute that is not in use or is named twice.
        """
        known = {
            attribute_id(self.tenant, kind, item.key): item.key
            for item in self.game.attributes
            if item.type == kind and not item.archived
        }
        found: dict[str, str] = {}
        for pair in given or ():
            key = known.get(str(pair["attributeId"]))
            if key is None:
                raise RefusedItemError("Attribute not found by ID")
            if key in found:
                raise RefusedItemError(f"the attribute {key!r} is given twice")
            found[key] = pair["attributeValue"]
        return found


def checked(shape: TypeAdapter[Any], fields: Mapping[str, object]) -> Any:  # noqa: ANN401  items of three kinds
    """Return an item of the definitions; RefusedItemError when they have no such one."""
    try:
        return shape.validate_python(dict(fields))
    except ValidationError as error:
        raise RefusedItemError(sentence(error)) from error
