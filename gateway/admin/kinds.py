"""What the operations on boosts, triggers and levels differ in."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from contract.admin.drafts import Draft
from contract.admin.values import AdminIssue, Identified
from contract.collections import Collection
from gateway.services import RequestContext
from schemas.definitions import Item
from schemas.versions import Version

ItemT = TypeVar("ItemT", bound=Item)
CreateT = TypeVar("CreateT")
ChangeT = TypeVar("ChangeT", bound=Identified)
ShownT = TypeVar("ShownT")


class Created(TypedDict, Generic[ShownT]):
    """The items that came to be."""

    created: list[ShownT]
    issues: list[AdminIssue]


class Updated(TypedDict, Generic[ShownT]):
    """The items that were changed."""

    updated: list[ShownT]
    issues: list[AdminIssue]


def of_nobody(_item: object) -> str | None:
    """Return whose an item is, for kinds whose items are of nobody."""
    return None


async def nobody_absent(_context: RequestContext, _users: Sequence[str]) -> frozenset[str]:
    """Return those of some users who do not exist, for kinds whose items are of nobody."""
    return frozenset()


@dataclass(frozen=True, slots=True)
class Kind(Generic[ItemT, CreateT, ChangeT, ShownT]):
    """How items of a kind are made, changed and shown."""

    name: Literal["triggers", "boosts", "levels"]
    # The items of a points system, by its key.
    collection: Callable[[str], Collection[ItemT]]
    create_shape: TypeAdapter[CreateT]
    change_shape: TypeAdapter[ChangeT]
    create: Callable[[Draft, CreateT], ItemT]
    change: Callable[[Draft, ItemT, ChangeT], ItemT]
    show: Callable[[RequestContext, Version, str, Sequence[ItemT]], Awaitable[list[ShownT]]]
    # Whose an item is to be, and which of those users do not exist.
    user_of: Callable[[CreateT], str | None] = of_nobody
    absent: Callable[[RequestContext, Sequence[str]], Awaitable[frozenset[str]]] = nobody_absent


@dataclass(frozen=True, slots=True)
class Described:
    """The types of the operations on a kind, for /openapi.json."""

    item: object
    create: object
    change: object
    created: object
    updated: object
    deleted: object
