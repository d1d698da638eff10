"""Levels as the Admin API makes, changes and shows them (docs/reference/admin.md)."""

from typing import Annotated, Final, NotRequired

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from contract.admin.drafts import Draft
from contract.admin.reading import checked
from contract.admin.values import (
    STRICT,
    AdminIssue,
    Badge,
    Deleted,
    Description,
    GivenId,
    Id,
    Name,
)
from contract.collections import levels_of
from schemas.definitions import Level, limits
from schemas.strict import Key

LevelPoints = Annotated[int, Field(strict=True, ge=0, le=limits.POINTS_MAX)]


@STRICT
class CreatePointsLevelRequestItem(TypedDict):
    """A level to be."""

    name: Name
    key: Key
    points: LevelPoints
    description: NotRequired[Description]
    badge: NotRequired[Badge]


@STRICT
class PatchPointsLevelRequestItem(TypedDict):
    """What of a level is to change; null removes the badge."""

    id: GivenId
    name: NotRequired[Name]
    points: NotRequired[LevelPoints]
    description: NotRequired[Description]
    badge: NotRequired[Badge | None]


class AdminPointsLevel(TypedDict):
    """A level."""

    id: Id
    name: str
    key: str
    points: int
    description: str
    badge: Badge | None


class CreatePointsLevelsResponse(TypedDict):
    """The levels that came to be."""

    created: list[AdminPointsLevel]
    issues: list[AdminIssue]


class PatchPointsLevelsResponse(TypedDict):
    """The levels that were changed."""

    updated: list[AdminPointsLevel]
    issues: list[AdminIssue]


class DeletePointsLevelsResponse(Deleted):
    """The levels that are archived now."""


CREATE: Final = TypeAdapter(CreatePointsLevelRequestItem)
CHANGE: Final = TypeAdapter(PatchPointsLevelRequestItem)
_LEVEL: Final = TypeAdapter(Level)


def create(_draft: Draft, item: CreatePointsLevelRequestItem) -> Level:
    """Return the level that an item asks for."""
    return checked(_LEVEL, item)


def change(_draft: Draft, level: Level, item: PatchPointsLevelRequestItem) -> Level:
    """Return a level with what an item changes of it."""
    fields = {name: value for name, value in item.items() if name != "id"}
    return checked(_LEVEL, {**level.model_dump(), **fields})


def show(tenant: str, system: str, level: Level) -> AdminPointsLevel:
    """Return an AdminPointsLevel."""
    return {
        "id": levels_of(system).id_of(tenant, level),
        "name": level.name,
        "key": level.key,
        "points": level.points,
        "description": level.description,
        "badge": {"url": level.badge.url} if level.badge else None,
    }
