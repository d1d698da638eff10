"""Boosts, triggers and levels made, changed and archived: the same for each kind.

Every change is a new version of the tenant's definitions, in force when it is answered. What one
request changes is one version.
"""

from collections.abc import Sequence

from contract.admin.drafts import Draft, Outcome, Step, carried_out
from contract.admin.reading import Parsed, canonical, parse_items
from contract.admin.values import Deleted, Place, by_index
from contract.collections import Collection, system_by_id
from contract.errors import RefusedItemError
from gateway.admin.kinds import (
    ChangeT,
    Created,
    CreateT,
    ItemT,
    Kind,
    ShownT,
    Updated,
)
from gateway.http.responses import Json
from gateway.services import RequestContext
from schemas.definitions import Definitions
from schemas.versions import Version


async def created(
    context: RequestContext,
    kind: Kind[ItemT, CreateT, ChangeT, ShownT],
    system_id: str,
    raw: Sequence[object],
) -> Json[Created[ShownT]]:
    """Make items; 201 if there is at least one, with an issue for each that there is not."""
    parsed, malformed = parse_items(kind.create_shape, raw)
    users = [user for it in parsed if (user := kind.user_of(it.item)) is not None]
    absent = await kind.absent(context, users)

    def edit(game: Definitions) -> tuple[Definitions, Outcome[str]]:
        system = system_by_id(context.tenant, game, system_id).key
        steps = [_creation(kind, system, it, absent) for it in parsed]
        return carried_out(context.tenant, game, steps)

    version, outcome = await context.services.definitions.change(context.tenant, edit)
    shown = await _shown(context, kind, version, system_id, outcome.done)
    body: Created[ShownT] = {
        "created": shown,
        "issues": by_index([*malformed, *outcome.issues]),
    }
    return Json(body, status_code=201 if outcome.done else 200)


def _creation(
    kind: Kind[ItemT, CreateT, ChangeT, ShownT],
    system: str,
    parsed: Parsed[CreateT],
    absent: frozenset[str],
) -> Step[str]:
    user = kind.user_of(parsed.item)
    place: Place = {"index": parsed.place}
    if user is not None:
        place = {"userId": user, "index": parsed.place}

    def do(draft: Draft) -> str:
        if user in absent:
            raise RefusedItemError("User does not exist")
        made = kind.create(draft, parsed.item)
        draft.add(kind.collection(system), made)
        return made.key

    return Step(place, do)


async def changed(
    context: RequestContext,
    kind: Kind[ItemT, CreateT, ChangeT, ShownT],
    system_id: str,
    raw: Sequence[object],
) -> Json[Updated[ShownT]]:
    """Change items, with an issue for each that is not changed; always 200."""
    parsed, malformed = parse_items(kind.change_shape, raw)

    def edit(game: Definitions) -> tuple[Definitions, Outcome[str]]:
        system = system_by_id(context.tenant, game, system_id).key
        steps = [_alteration(kind, system, it.item) for it in parsed]
        return carried_out(context.tenant, game, steps)

    version, outcome = await context.services.definitions.change(context.tenant, edit)
    keys = list(dict.fromkeys(outcome.done))
    shown = await _shown(context, kind, version, system_id, keys)
    return Json({"updated": shown, "issues": [*malformed, *outcome.issues]})


def _alteration(
    kind: Kind[ItemT, CreateT, ChangeT, ShownT], system: str, asked: ChangeT
) -> Step[str]:
    wanted = str(asked["id"])

    def do(draft: Draft) -> str:
        collection = kind.collection(system)
        item = draft.find(collection, wanted)
        draft.replace(collection, kind.change(draft, item, asked))
        return item.key

    return Step({"id": wanted}, do)


async def deleted(
    context: RequestContext,
    kind: Kind[ItemT, CreateT, ChangeT, ShownT],
    system_id: str,
    ids: Sequence[str],
) -> Json[Deleted]:
    """Archive items, with an issue for each that there is none of; always 200."""

    def edit(game: Definitions) -> tuple[Definitions, Outcome[str]]:
        collection = kind.collection(system_by_id(context.tenant, game, system_id).key)
        return carried_out(context.tenant, game, [_removal(collection, it) for it in ids])

    _, outcome = await context.services.definitions.change(context.tenant, edit)
    return Json({"deleted": [{"id": it} for it in outcome.done], "issues": outcome.issues})


def _removal(collection: Collection[ItemT], given_id: str) -> Step[str]:
    def do(draft: Draft) -> str:
        wanted = canonical(given_id)
        draft.archive(collection, draft.find(collection, wanted))
        return wanted

    return Step({"id": given_id}, do)


async def _shown(
    context: RequestContext,
    kind: Kind[ItemT, CreateT, ChangeT, ShownT],
    version: Version,
    system_id: str,
    keys: Sequence[str],
) -> list[ShownT]:
    system = system_by_id(context.tenant, version.definitions, system_id).key
    items = {item.key: item for item in kind.collection(system).in_use(version.definitions)}
    return await kind.show(context, version, system, [items[key] for key in keys])
