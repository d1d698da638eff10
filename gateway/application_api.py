"""The Application API under /v1 put together, and its one operation that everything begins with.

Answers are built elsewhere: a POST's from the ledger (`verdicts`), a GET's from the projections
(`reads`). Statuses beyond the contract are those of OD-2 and OD-44 in docs/reference/decisions.md.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Header, Request

from gateway import achievements_api, contract, points_api, progress_api, users_api
from gateway.answering import body_of, done
from gateway.entry import Key, LetIn, utf8
from gateway.errors import Json
from gateway.events import Asked, post_event

router = APIRouter(prefix="/v1")


@router.post(
    "/metrics/{key}/event",
    operation_id="metrics_event",
    tags=["Metrics"],
    summary="Send a metric event and get its verdict",
    status_code=201,
    responses=done(contract.EventResponse, 201, 400, 404, 413, replay=True),
    openapi_extra=body_of("EventRequest"),
)
async def metrics_event(
    door: LetIn,
    key: Key,
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="Counts the event once, however often it is sent (1 to 255 characters).",
        ),
    ] = None,
) -> Json:
    """Put an event on the log and answer with what the judge made of it."""
    return await post_event(door.parts, Asked(door.tenant, key, utf8(idempotency_key), request))


# Side by side, not one within another: the log names a route as the router has it that answers.
ROUTERS: Final = (
    router,
    achievements_api.router,
    users_api.router,
    progress_api.router,
    points_api.router,
)
