"""Inputs of many users at once, as one request asks for them.

Users do not wait for each other; what is asked of one user happens in the order of the request.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from contract.admin.values import AdminIssue, Place, Severity, by_index, issue
from gateway.http.errors import ApiError, UnavailableError
from gateway.services import RequestContext

# So many inputs of one request are under way at the same time.
TOGETHER_MAX: Final = 16
NOT_FOUND: Final = 404
PENDING: Final = "Accepted, but not confirmed in time: look at the user before trying again"


class Asked(NamedTuple):
    """An item of a request, as the input that it becomes."""

    # What an issue says about where it is.
    place: Place
    user: str
    value: Mapping[str, Any]


class Done(NamedTuple):
    """What became of an item."""

    asked: Asked
    # Whether it holds, or will: the broker has it.
    taken: bool
    issue: AdminIssue | None


async def submit_all(
    context: RequestContext, asked: Sequence[Asked], *, severity: Severity
) -> list[Done]:
    """Have all items judged and return what became of each, in their order.

    `severity` is that of what the rules refuse. Raises UnavailableError when the broker is away and
    nothing was done.
    """
    queues: dict[str, list[int]] = {}
    for index, item in enumerate(asked):
        queues.setdefault(item.user, []).append(index)
    room = asyncio.Semaphore(TOGETHER_MAX)
    done: dict[int, Done] = {}
    away: list[UnavailableError] = []

    async def work_off(indexes: Sequence[int]) -> None:
        for index in indexes:
            async with room:
                done[index] = await _submit(context, asked[index], severity, away)

    async with asyncio.TaskGroup() as group:
        for indexes in queues.values():
            group.create_task(work_off(indexes))
    if away and not any(it.taken for it in done.values()):
        raise away[0]
    return [done[index] for index in range(len(asked))]


async def _submit(
    context: RequestContext, asked: Asked, severity: Severity, away: list[UnavailableError]
) -> Done:
    try:
        record = await context.services.log.submit(context.tenant, asked.user, asked.value)
    except UnavailableError as error:
        away.append(error)
        return Done(asked, taken=False, issue=issue(str(error), asked.place))
    except ApiError as error:
        how: Severity = "error" if error.status == NOT_FOUND else severity
        return Done(asked, taken=False, issue=issue(str(error), asked.place, how))
    if record is None:
        return Done(asked, taken=True, issue=issue(PENDING, asked.place, "warning"))
    return Done(asked, taken=True, issue=None)


def issues_of(malformed: Sequence[AdminIssue], done: Sequence[Done]) -> list[AdminIssue]:
    """Return all issues of a request, in the order of its items."""
    return by_index([*malformed, *(it.issue for it in done if it.issue is not None)])


def status_of(done: Sequence[Done]) -> int:
    """Return the status of a request: 201 if at least one of its items was taken."""
    return 201 if any(it.taken for it in done) else 200
