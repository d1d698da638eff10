"""Levels as the Admin API makes, changes and shows them (docs/reference/admin.md). Pure."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from gateway.admin_drafts import Draft, checked, item_id, live
from gateway.admin_issues import Answer, Item, RefusedItemError
from schemas.definitions import Level

_LEVEL: Final[TypeAdapter[Any]] = TypeAdapter(Level)


def create(draft: Draft, item: Mapping[str, Any]) -> Level:
    """Return the level that an item asks for; RefusedItemError when its key is taken."""
    if any(it.key == item["key"] for it in live(draft.system, "levels")):
        raise RefusedItemError("Key already in use by another level")
    level: Level = checked(_LEVEL, item)
    return level


def change(_draft: Draft, level: Level, item: Item) -> Level:
    """Return a level with what an item changes of it."""
    changed: Level = checked(_LEVEL, {**level.model_dump(), **item})
    return changed


def show(tenant: str, system: str, level: Level) -> Answer:
    """Return an AdminPointsLevel."""
    return {
        "id": item_id(tenant, system, "levels", level.key),
        "name": level.name,
        "key": level.key,
        "points": level.points,
        "description": level.description,
        "badge": {"url": level.badge.url} if level.badge else None,
    }
