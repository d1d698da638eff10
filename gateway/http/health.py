"""What operators ask: alive, ready, which version. No key is needed for it.

What has to be well is for who wires the door to say. Whoever asks, however many and how often, it
is looked at once at a time: nobody needs a key for it, and it takes Kafka and Postgres.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NotRequired

from fastapi import APIRouter, Request
from typing_extensions import TypedDict

from gateway.http.responses import Json, Route
from schemas.records import RECORD_VERSION

CHECK_TIMEOUT_S: Final = 3.0
# For so long a look counts for others who ask.
LOOK_COUNTS_S: Final = 0.2

router = APIRouter(tags=["Operation"], route_class=Route)


class Check(TypedDict):
    """One thing that must be well."""

    ok: bool
    problem: NotRequired[str]
    seconds: NotRequired[float]


# What looks whether one thing is well; None says that it is, and so may an error say what is wrong.
Look = Callable[[], Awaitable[Check | None]]


class Readiness(TypedDict):
    """Whether requests would be answered, and if not, what is wrong."""

    ready: bool
    checks: dict[str, Check]


class Health(TypedDict):
    """The process runs."""

    status: str


class About(TypedDict):
    """Which program this is."""

    name: str
    version: str
    recordVersion: int


@router.get(
    "/healthz",
    operation_id="healthz",
    summary="Whether the process is alive",
    responses={200: {"description": "Alive."}},
)
async def healthz() -> Json[Health]:
    """Answer: that is all there is to it."""
    return Json({"status": "ok"})


@router.get(
    "/version",
    operation_id="version",
    summary="Which program this is",
    responses={200: {"description": "The version."}},
)
async def version(request: Request) -> Json[About]:
    """Return the version of the program and of the ledger records that it reads."""
    program: str = request.app.version
    return Json({"name": "xpledger", "version": program, "recordVersion": RECORD_VERSION})


@router.get(
    "/readyz",
    operation_id="readyz",
    summary="Whether requests would be answered",
    responses={
        200: {"description": "Ready."},
        503: {"model": Readiness, "description": "Not ready: the checks say why."},
    },
)
async def readyz(request: Request) -> Json[Readiness]:
    """Check broker, database and its schema, definitions, receipts, and the projection's lag."""
    looks: Looks = request.app.state.looks
    found = await looks.taken()
    return Json(found, status_code=200 if found["ready"] else 503)


class Looks:
    """Looks whether all is well, for all who ask at the same time or soon after."""

    def __init__(self, looks: Mapping[str, Look]) -> None:
        """Take what there is to be looked at, by name."""
        self._looks = looks
        self._looking: asyncio.Task[Readiness] | None = None
        self._counts_until_s = 0.0

    async def taken(self) -> Readiness:
        """Return what there is to be seen now, or was a moment ago."""
        looking = self._looking
        if looking is None or (looking.done() and time.monotonic() > self._counts_until_s):
            looking = self._looking = asyncio.create_task(self._take())
        return await asyncio.shield(looking)

    async def _take(self) -> Readiness:
        found = await asyncio.gather(*(_checked(look) for look in self._looks.values()))
        self._counts_until_s = time.monotonic() + LOOK_COUNTS_S
        ready = all(check["ok"] for check in found)
        return {"ready": ready, "checks": dict(zip(self._looks, found, strict=True))}


async def _checked(look: Look) -> Check:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            found = await look()
    except TimeoutError:
        return Check(ok=False, problem="no answer in time")
    except Exception as error:  # noqa: BLE001  whatever it is, it is what is wrong
        return Check(ok=False, problem=str(error) or type(error).__name__)
    return found if found is not None else Check(ok=True)
