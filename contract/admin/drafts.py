"""Definitions that are being edited: what the items of one request make of them. Pure.

The outcome is checked like a definition file; where it contradicts itself every item is checked, so
that those which fit are done. Nothing is in force before `gateway.edits` says so.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from contract.admin.values import AdminIssue, Place, Severity, issue
from contract.collections import Collection
from contract.errors import RefusedItemError
from schemas.definitions import Definitions, Item, problems

ItemT = TypeVar("ItemT", bound=Item)
DoneT = TypeVar("DoneT")


class Draft:
    """Definitions in the middle of being edited."""

    def __init__(self, tenant: str, game: Definitions, *, careful: bool = True) -> None:
        """Take definitions, and whether each step is to be checked for itself."""
        self.tenant = tenant
        self.game = game
        self._careful = careful
        # Place of a collection -> id -> key, of the items that were there when first asked for.
        self._keys: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
        # What somebody else's file brought along is not this request's fault.
        self._known = set(problems(game))

    def contradiction(self) -> str | None:
        """Return what the steps so far brought along that does not fit, None when all does."""
        found = (it for it in problems(self.game) if it not in self._known)
        first = next(found, None)
        return None if first is None else first.message

    def find(self, collection: Collection[ItemT], wanted: str) -> ItemT:
        """Return the item with an id; RefusedItemError when none in use has it."""
        if collection.place not in self._keys:
            self._keys[collection.place] = {
                collection.id_of(self.tenant, item): collection.key(item)
                for item in collection.items(self.game)
            }
        key = self._keys[collection.place].get(wanted)
        for item in collection.items(self.game):
            if collection.key(item) == key and not item.archived:
                return item
        raise RefusedItemError(f"{collection.word} not found by ID")

    def add(self, collection: Collection[ItemT], item: ItemT) -> None:
        """Add an item at the end, in the place of one that was archived under its key.

        Raises RefusedItemError when its key is in use or, being careful, it contradicts what is
        there.
        """
        key = collection.key(item)
        if any(collection.key(it) == key for it in collection.in_use(self.game)):
            raise RefusedItemError(f"Key already in use by another {collection.word.lower()}")
        others = [it for it in collection.items(self.game) if collection.key(it) != key]
        self._save(collection, [*others, item])

    def replace(self, collection: Collection[ItemT], item: ItemT) -> None:
        """Put an item in the place of that with its key; RefusedItemError as for `add`."""
        key = collection.key(item)
        items = [item if collection.key(it) == key else it for it in collection.items(self.game)]
        self._save(collection, items)

    def archive(self, collection: Collection[ItemT], item: ItemT) -> None:
        """Take an item out of use; it stays for what names it of the past."""
        self.replace(collection, item.model_copy(update={"archived": True}))

    def _save(self, collection: Collection[Any], items: Sequence[Item]) -> None:
        before = self.game
        self.game = collection.with_items(before, items)
        wrong = self.contradiction() if self._careful else None
        if wrong is not None:
            self.game = before
            raise RefusedItemError(wrong)


class Step(NamedTuple, Generic[DoneT]):
    """What one item of a request asks for."""

    # What an issue says about where it is, and how grave it is.
    place: Place
    # Does it, and returns what names it; RefusedItemError when it cannot be done.
    do: Callable[[Draft], DoneT]
    severity: Severity = "error"


class Outcome(NamedTuple, Generic[DoneT]):
    """What became of the items of a request."""

    done: list[DoneT]
    issues: list[AdminIssue]


def carried_out(
    tenant: str, game: Definitions, steps: Sequence[Step[DoneT]]
) -> tuple[Definitions, Outcome[DoneT]]:
    """Return definitions with all steps done that can be, and what became of each.

    Each step is looked at for itself only if they do not fit together.
    """
    draft = Draft(tenant, game, careful=False)
    outcome = _taken(draft, steps)
    if draft.contradiction() is not None:
        draft = Draft(tenant, game)
        outcome = _taken(draft, steps)
    return draft.game, outcome


def _taken(draft: Draft, steps: Sequence[Step[DoneT]]) -> Outcome[DoneT]:
    outcome: Outcome[DoneT] = Outcome([], [])
    for step in steps:
        try:
            outcome.done.append(step.do(draft))
        except RefusedItemError as refused:
            outcome.issues.append(issue(str(refused), step.place, step.severity))
    return outcome
