"""The operations on boosts, triggers and levels of a points system: the same five for each kind.

Every change is a new version of the tenant's definitions, in force when it is answered. What one
request changes is one version.
"""

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from gateway import admin_boosts, admin_contract, admin_levels, admin_triggers
from gateway.admin_drafts import Draft, Kind, live, system_of
from gateway.admin_issues import (
    Answer,
    Item,
    RefusedItemError,
    canonical,
    issue,
    parse_items,
)
from gateway.entry import Door
from gateway.errors import ApiError, Json
from gateway.parts import Parts
from schemas.definitions import Definitions, id_of
from schemas.versions import Version

# An item of the definitions: a trigger, a boost or a level.
AnyItem = Any


class Ways(NamedTuple):
    """How items of a kind are made, changed and shown."""

    kind: Kind
    create_shape: TypeAdapter[Any]
    change_shape: TypeAdapter[Any]
    create: Callable[[Draft, Answer], AnyItem]
    change: Callable[[Draft, AnyItem, Answer], AnyItem]
    show: Callable[[Parts, Version, str, Sequence[AnyItem]], Awaitable[list[Answer]]]


async def _show_boosts(
    parts: Parts, version: Version, system: str, items: Sequence[AnyItem]
) -> list[Answer]:
    days = await admin_boosts.todays(parts, version, items)
    return [admin_boosts.show(version.tenant, system, it, days[it.key]) for it in items]


async def _show_triggers(
    _parts: Parts, version: Version, system: str, items: Sequence[AnyItem]
) -> list[Answer]:
    return [admin_triggers.show(version.tenant, system, it) for it in items]


async def _show_levels(
    _parts: Parts, version: Version, system: str, items: Sequence[AnyItem]
) -> list[Answer]:
    return [admin_levels.show(version.tenant, system, it) for it in items]


BOOSTS: Final = Ways(
    "boosts",
    TypeAdapter(admin_contract.CreatePointsBoostRequestItem),
    TypeAdapter(admin_contract.PatchPointsBoostRequestItem),
    admin_boosts.create,
    admin_boosts.change,
    _show_boosts,
)
TRIGGERS: Final = Ways(
    "triggers",
    TypeAdapter(admin_contract.CreatePointsTriggerRequestItem),
    TypeAdapter(admin_contract.PatchPointsTriggerRequestItem),
    admin_triggers.create,
    admin_triggers.change,
    _show_triggers,
)
LEVELS: Final = Ways(
    "levels",
    TypeAdapter(admin_contract.CreatePointsLevelRequestItem),
    TypeAdapter(admin_contract.PatchPointsLevelRequestItem),
    admin_levels.create,
    admin_levels.change,
    _show_levels,
)
OLD_BOOSTS: Final = BOOSTS._replace(create_shape=TypeAdapter(admin_contract.OldBoostRequestItem))


async def newest(door: Door) -> Version:
    """Return the tenant's newest definitions; ApiError 404 when there are none."""
    await door.parts.refreshed(always=True)
    version = door.parts.head(door.tenant)
    if version is None:
        raise ApiError(404, f"The tenant {door.tenant!r} has no definitions: `xp apply` them.")
    return version


async def listed(door: Door, ways: Ways, system_id: str, limit: int, skip: int) -> Json:
    """Answer with a page of the items in use, oldest first; ApiError 404 for no such system."""
    version = await newest(door)
    system = system_of(version, system_id)
    page = live(system, ways.kind)[skip : skip + limit]
    return Json(await ways.show(door.parts, version, system.key, page))


async def found(door: Door, ways: Ways, system_id: str, wanted: str) -> Json:
    """Answer with one item in use; ApiError 404 when there is none with this id."""
    version = await newest(door)
    try:
        item = Draft(version, system_id).find(ways.kind, wanted)
    except RefusedItemError as error:
        raise ApiError(404, str(error)) from error
    system = system_of(version, system_id)
    return Json((await ways.show(door.parts, version, system.key, [item]))[0])


async def created(door: Door, ways: Ways, system_id: str, raw: Sequence[object]) -> Json:
    """Make items; 201 if there is at least one, with an issue for each that there is not."""
    parsed, malformed = parse_items(ways.create_shape, raw)
    named = [it.item["userId"] for it in parsed if it.item.get("userId") is not None]
    absent = await admin_boosts.unknown_users(door.parts, door.tenant, named)
    keys: list[str] = []
    issues: list[Answer] = []

    def attempt(draft: Draft) -> Definitions:
        keys.clear()
        issues[:] = malformed
        for index, item in parsed:
            user = item.get("userId")
            who = {"userId": user} if user is not None else {}
            if user in absent:
                issues.append(issue("User does not exist", {**who, "index": index}))
                continue
            try:
                made = ways.create(draft, item)
                draft.add(ways.kind, made)
            except RefusedItemError as refused:
                issues.append(issue(str(refused), {**who, "index": index}))
            else:
                keys.append(made.key)
        return draft.game

    version = await door.parts.change(door.tenant, _carefully(system_id, attempt))
    body = {"created": await _shown(door, ways, version, system_id, keys), "issues": _sort(issues)}
    return Json(body, status_code=201 if keys else 200)


async def changed(door: Door, ways: Ways, system_id: str, raw: Sequence[object]) -> Json:
    """Change items, with an issue for each that is not changed; always 200."""
    parsed, malformed = parse_items(ways.change_shape, raw)
    keys: dict[str, None] = {}
    issues: list[Answer] = []

    def attempt(draft: Draft) -> Definitions:
        keys.clear()
        issues[:] = malformed
        for _, item in parsed:
            try:
                keys[_change(draft, ways, item)] = None
            except RefusedItemError as refused:
                issues.append(issue(str(refused), {"id": str(item["id"])}))
        return draft.game

    version = await door.parts.change(door.tenant, _carefully(system_id, attempt))
    body = {"updated": await _shown(door, ways, version, system_id, [*keys]), "issues": issues}
    return Json(body)


def _carefully(
    system_id: str, attempt: Callable[[Draft], Definitions]
) -> Callable[[Version], Definitions]:
    """Return a change that looks at each item only if they do not fit together."""

    def make(head: Version) -> Definitions:
        draft = Draft(head, system_id, careful=False)
        game = attempt(draft)
        return game if draft.contradiction() is None else attempt(Draft(head, system_id))

    return make


def _change(draft: Draft, ways: Ways, asked: Item) -> str:
    fields = {name: value for name, value in asked.items() if name != "id"}
    item = draft.find(ways.kind, str(asked["id"]))
    draft.replace(ways.kind, ways.change(draft, item, fields))
    key: str = item.key
    return key


async def deleted(door: Door, ways: Ways, system_id: str, ids: Sequence[str]) -> Json:
    """Archive items, with an issue for each that there is none of; always 200."""
    gone: list[str] = []
    issues: list[Answer] = []

    def make(head: Version) -> Definitions:
        gone.clear()
        issues.clear()
        draft = Draft(head, system_id, careful=False)
        for given_id in ids:
            try:
                wanted = canonical(given_id)
                draft.archive(ways.kind, draft.find(ways.kind, wanted))
            except RefusedItemError as refused:
                issues.append(issue(str(refused), {"id": given_id}))
            else:
                gone.append(wanted)
        return draft.game

    await door.parts.change(door.tenant, make)
    return Json({"deleted": [{"id": it} for it in gone], "issues": issues})


async def old_boosts_created(door: Door, system_key: object, raw: Sequence[object]) -> Json:
    """Make boosts of single users in the older shape; ApiError 404 for an unknown system."""
    version = await newest(door)
    known = {it.key for it in version.definitions.points if not it.archived}
    if not isinstance(system_key, str) or system_key not in known:
        raise ApiError(404, "Points system not found by key")
    return await created(door, OLD_BOOSTS, id_of(door.tenant, "points", system_key), raw)


async def old_boosts_deleted(door: Door, ids: Sequence[str]) -> Json:
    """Archive boosts of whatever points system; a warning for each that there is none of."""
    gone: list[str] = []
    issues: list[Answer] = []

    def make(head: Version) -> Definitions:
        gone.clear()
        issues.clear()
        left = [*ids]
        for system in head.definitions.points:
            if system.archived:
                continue
            draft = Draft(head, id_of(head.tenant, "points", system.key), careful=False)
            for given_id in ids:
                with contextlib.suppress(RefusedItemError):
                    draft.archive("boosts", draft.find("boosts", given_id))
                    left.remove(given_id)
            head = head.model_copy(update={"definitions": draft.game})
        gone.extend(given_id for given_id in ids if given_id not in left)
        message = "Points boost not found or already archived"
        issues.extend(issue(message, {"boostId": given_id}, "warning") for given_id in left)
        return head.definitions

    await door.parts.change(door.tenant, make)
    return Json({"deleted": [{"id": it} for it in gone], "issues": issues})


async def _shown(
    door: Door, ways: Ways, version: Version, system_id: str, keys: Sequence[str]
) -> list[Answer]:
    system = system_of(version, system_id)
    items = {item.key: item for item in live(system, ways.kind)}
    return await ways.show(door.parts, version, system.key, [items[key] for key in keys])


def _sort(issues: list[Answer]) -> list[Answer]:
    return sorted(issues, key=lambda it: it.get("index", -1))
