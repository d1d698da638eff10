"""What operators ask: alive, ready, which version, which counts. No key is needed for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, NotRequired

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response
from typing_extensions import TypedDict

from gateway.errors import Json
from gateway.parts import Parts
from projections.migrations import check_schema
from projections.positions import positions
from schemas.records import RECORD_VERSION

CHECK_TIMEOUT_S: Final = 3.0

router = APIRouter(tags=["Operation"])


class Check(TypedDict):
    """One thing that must be well."""

    ok: bool
    problem: NotRequired[str]
    seconds: NotRequired[float]


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
    responses={200: {"model": Health, "description": "Alive."}},
)
async def healthz() -> Json:
    """Answer: that is all there is to it."""
    return Json({"status": "ok"})


@router.get(
    "/version",
    operation_id="version",
    summary="Which program this is",
    responses={200: {"model": About, "description": "The version."}},
)
async def version(request: Request) -> Json:
    """Return the version of the program and of the ledger records that it reads."""
    parts: Parts = request.app.state.parts
    return Json(
        {
            "name": "xpledger",
            "version": parts.config.version,
            "recordVersion": RECORD_VERSION,
        }
    )


@router.get(
    "/readyz",
    operation_id="readyz",
    summary="Whether requests would be answered",
    responses={
        200: {"model": Readiness, "description": "Ready."},
        503: {"model": Readiness, "description": "Not ready: the checks say why."},
    },
)
async def readyz(request: Request) -> Json:
    """Check broker, database and its schema, definitions, receipts, and the projection's lag."""
    found = await readiness(request.app.state.parts)
    ready = all(check["ok"] for check in found.values())
    return Json({"ready": ready, "checks": found}, status_code=200 if ready else 503)


@router.get("/metrics", include_in_schema=False)
async def prometheus() -> Response:
    """Return the counts in the Prometheus text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def readiness(parts: Parts) -> dict[str, Check]:
    """Return each check by its name."""
    kafka, postgres, lag = await asyncio.gather(
        _checked(parts.appender.check),
        _checked(lambda: _check_postgres(parts)),
        _checked(lambda: _check_lag(parts)),
    )
    receipts = Check(ok=parts.receipts.running)
    if not receipts["ok"]:
        receipts["problem"] = "the ledger is not read up to its end yet"
    definitions = Check(ok=parts.defined)
    if not definitions["ok"]:
        definitions["problem"] = "the definitions are not read yet"
    return {
        "kafka": kafka,
        "postgres": postgres,
        "definitions": definitions,
        "receipts": receipts,
        "projection": lag,
    }


async def _checked(check: Callable[[], Awaitable[Check | None]]) -> Check:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            found = await check()
    except TimeoutError:
        return Check(ok=False, problem="no answer in time")
    except Exception as error:  # noqa: BLE001  whatever it is, it is what is wrong
        return Check(ok=False, problem=str(error) or type(error).__name__)
    return found if found is not None else Check(ok=True)


async def _check_postgres(parts: Parts) -> None:
    async with parts.database.connection() as connection:
        await check_schema(connection)


async def _check_lag(parts: Parts) -> Check:
    async with parts.database.connection() as connection:
        stored = await positions(connection)
    offsets = {partition: position.offset for partition, position in stored.items()}
    lag_s = round(parts.receipts.tide.lag_s(offsets, time.monotonic()), 3)
    if lag_s <= parts.config.lag_limit_s:
        return Check(ok=True, seconds=lag_s)
    limit_s = parts.config.lag_limit_s
    return Check(ok=False, seconds=lag_s, problem=f"behind the ledger by more than {limit_s:g} s")
