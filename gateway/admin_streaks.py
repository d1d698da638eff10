"""Freezes, pauses and restored streaks of many users at once: inputs on the log.

See docs/reference/admin.md.

Users do not wait for each other; what is asked of one user happens in the order of the request.
"""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from gateway import admin_contract
from gateway.admin_issues import (
    Answer,
    Parsed,
    RefusedItemError,
    Where,
    canonical,
    issue,
    parse_items,
)
from gateway.entry import Door
from gateway.errors import ApiError, AwayError, Json
from gateway.settled import settled
from gateway.submit import submit
from projections.streaks import pause_owner

_FREEZE: Final[TypeAdapter[Any]] = TypeAdapter(admin_contract.FreezeRequestItem)
_PAUSE: Final[TypeAdapter[Any]] = TypeAdapter(admin_contract.PauseRequestItem)
_RESTORE: Final[TypeAdapter[Any]] = TypeAdapter(admin_contract.RestoreRequestItem)

# So many inputs of one request are under way at the same time.
TOGETHER_MAX: Final = 16
NOT_FOUND: Final = 404
PENDING: Final = "Accepted, but not confirmed in time: look at the user before trying again"


class Asked(NamedTuple):
    """An item of a request, as the input that it becomes."""

    # What an issue says about where it is.
    where: Where
    user: str
    value: Mapping[str, Any]


class Done(NamedTuple):
    """What became of an item."""

    asked: Asked
    # Whether it holds, or will: the broker has it.
    taken: bool
    issue: Answer | None


async def freezes_granted(door: Door, raw: Sequence[object]) -> Json:
    """Grant one freeze for each item; 201 if at least one was granted."""
    parsed, issues = parse_items(_FREEZE, raw)
    asked = [
        Asked({"userId": item["userId"], "index": index}, item["userId"], {"type": "freeze"})
        for index, item in parsed
    ]
    done = await _submit_all(door, asked, severity="warning")
    return Json({"issues": _issues(issues, done)}, status_code=_status(done))


async def pauses_added(door: Door, raw: Sequence[object]) -> Json:
    """Add a pause for each item; 201 if at least one was added."""
    parsed, issues = parse_items(_PAUSE, raw)
    asked = [_pause(place) for place in parsed]
    done = await _submit_all(door, asked, severity="error")
    created = [
        {
            "id": it.asked.value["id"],
            "userId": it.asked.user,
            "start": it.asked.value["start"],
            "end": it.asked.value["end"],
            "status": "active",
        }
        for it in done
        if it.taken
    ]
    body = {"created": created, "issues": _issues(issues, done)}
    return Json(body, status_code=_status(done))


def _pause(place: Parsed) -> Asked:
    index, item = place
    value = {
        "type": "pause",
        "id": str(uuid.uuid4()),
        "start": item["start"].isoformat(),
        "end": item["end"].isoformat(),
    }
    return Asked({"userId": item["userId"], "index": index}, item["userId"], value)


async def pauses_removed(door: Door, ids: Sequence[str]) -> Json:
    """Remove pauses by their ids; always 200."""
    owners = await _owners(door, ids)
    issues, asked = [], []
    for pause_id in ids:
        owner = owners.get(pause_id)
        if isinstance(owner, RefusedItemError):
            issues.append(issue(str(owner), {"id": pause_id}))
        elif owner is None:
            issues.append(issue("Streak pause not found by ID", {"id": pause_id}))
        else:
            value = {"type": "pause_removal", "id": canonical(pause_id)}
            asked.append(Asked({"id": pause_id, "userId": owner}, owner, value))
    done = await _submit_all(door, asked, severity="error")
    deleted = [{"id": it.asked.value["id"]} for it in done if it.taken]
    return Json({"deleted": deleted, "issues": _issues(issues, done)})


async def _owners(door: Door, ids: Sequence[str]) -> Mapping[str, str | RefusedItemError | None]:
    owners = {pause_id: await _owner(door, pause_id) for pause_id in ids}
    # What was made a moment ago may not have reached the tables yet.
    if None in owners.values() and await settled(door.parts):
        owners = {
            pause_id: owner or await _owner(door, pause_id) for pause_id, owner in owners.items()
        }
    return owners


async def _owner(door: Door, pause_id: str) -> str | RefusedItemError | None:
    try:
        wanted = canonical(pause_id)
    except RefusedItemError as refused:
        return refused
    async with door.parts.database.connection() as connection:
        return await pause_owner(connection, door.tenant, wanted)


async def streaks_restored(door: Door, raw: Sequence[object]) -> Json:
    """Give a lost streak back to each user; 201 if there was at least one to give back."""
    parsed, issues = parse_items(_RESTORE, raw)
    asked = [
        Asked({"userId": item["id"], "index": index}, item["id"], {"type": "restore"})
        for index, item in parsed
    ]
    done = await _submit_all(door, asked, severity="warning")
    restored = [it.asked.user for it in done if it.taken and it.issue is None]
    body = {"restoredUsers": restored, "issues": _issues(issues, done)}
    return Json(body, status_code=_status(done))


async def _submit_all(door: Door, asked: Sequence[Asked], *, severity: str) -> list[Done]:
    """Have all items judged and return what became of each, in their order.

    `severity` is that of what the rules refuse. Raises AwayError when the broker is away and
    nothing was done.
    """
    queues: dict[str, list[int]] = {}
    for index, item in enumerate(asked):
        queues.setdefault(item.user, []).append(index)
    room = asyncio.Semaphore(TOGETHER_MAX)
    done: dict[int, Done] = {}
    away: list[AwayError] = []

    async def work_off(indexes: Sequence[int]) -> None:
        for index in indexes:
            async with room:
                done[index] = await _submit(door, asked[index], severity, away)

    async with asyncio.TaskGroup() as group:
        for indexes in queues.values():
            group.create_task(work_off(indexes))
    if away and not any(it.taken for it in done.values()):
        raise away[0]
    return [done[index] for index in range(len(asked))]


async def _submit(door: Door, asked: Asked, severity: str, away: list[AwayError]) -> Done:
    try:
        record = await submit(door.parts, door.tenant, asked.user, asked.value)
    except AwayError as error:
        away.append(error)
        return Done(asked, taken=False, issue=issue(str(error), asked.where))
    except ApiError as error:
        how = "error" if error.status == NOT_FOUND else severity
        return Done(asked, taken=False, issue=issue(str(error), asked.where, how))
    if record is None:
        return Done(asked, taken=True, issue=issue(PENDING, asked.where, "warning"))
    return Done(asked, taken=True, issue=None)


def _issues(malformed: Sequence[Answer], done: Sequence[Done]) -> list[Answer]:
    found = [*malformed, *(it.issue for it in done if it.issue is not None)]
    return sorted(found, key=lambda it: it.get("index", -1))


def _status(done: Sequence[Done]) -> int:
    return 201 if any(it.taken for it in done) else 200
