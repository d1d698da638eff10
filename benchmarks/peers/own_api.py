"""The contender of the rows `own-…`: what a team writes itself for points and levels.

FastAPI and psycopg with its pool, one POST of the same request and a similar answer: a user, their
total of the metric, their points, their level and the idempotency key, in one transaction of
Postgres. A row of the user is locked, so that totals are exact; the key is a primary key, so that
an event counts once, and whoever sends it again is given the first answer. Served by uvicorn with
uvloop and httptools (`command`).
"""

import os
import secrets
import sys
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import Depends, FastAPI, Header, HTTPException, Request
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

# Told by these variables.
POSTGRES: Final = "OWN_API_POSTGRES"
API_KEY: Final = "OWN_API_KEY"

# Sessions of Postgres of each process, which wait for a commit together.
POOL: Final = 10

SCHEMA: Final = """\
CREATE TABLE users (
    id text PRIMARY KEY,
    points bigint NOT NULL DEFAULT 0,
    level int NOT NULL DEFAULT 1
);
CREATE TABLE totals (
    user_id text REFERENCES users,
    metric text,
    total bigint NOT NULL,
    PRIMARY KEY (user_id, metric)
);
CREATE TABLE used_keys (
    key text PRIMARY KEY,
    answer jsonb NOT NULL
);
"""

# Metric -> points for each time that the total passes another so many.
RULES: Final = {"lessons": (1, 10), "minutes": (10, 2), "reviews": (5, 3)}
# Points from which each level is held, as in benchmarks/reference.yaml.
LEVELS: Final = (0, 50, 200, 500, 1_000, 5_000, 20_000)


class User(BaseModel):
    """Whose event it is."""

    id: str


class EventRequest(BaseModel):
    """A change of one metric of one user."""

    user: User
    value: int
    attributes: dict[str, str] = {}


class EventResponse(BaseModel):
    """What it led to, named in JSON as the request is."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    event_id: str
    metric: str
    total: int
    points_added: int
    points: int
    level: int
    idempotency_key: str
    idempotent_replayed: bool = False


def command(port: int, workers: int) -> list[str]:
    """Return what serves it, to be run in the root of the checkout."""
    return [
        *(sys.executable, "-m", "uvicorn", "--factory", f"{__name__}:create_app"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", str(workers)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
    ]


def create_app() -> FastAPI:
    """Make the app, as the environment says; the tables of SCHEMA must be there when it starts."""
    dsn = os.environ[POSTGRES]

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncConnectionPool(dsn, min_size=POOL, max_size=POOL, open=False) as pool:
            await pool.wait()
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)
    app.state.api_key = os.environ[API_KEY]

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/metrics/{metric}/event", status_code=201, dependencies=[Depends(_authorized)])
    async def post_event(
        metric: str,
        event: EventRequest,
        request: Request,
        idempotency_key: Annotated[str, Header()],
    ) -> EventResponse:
        if metric not in RULES:
            raise HTTPException(404, f"no metric {metric!r}")
        pool: AsyncConnectionPool[AsyncConnection[Any]] = request.app.state.pool
        # Committed at the end of the block, rolled back on an error.
        async with pool.connection() as connection:
            return await count(connection, metric, event, idempotency_key)

    return app


async def _authorized(request: Request, x_api_key: Annotated[str, Header()]) -> None:
    if not secrets.compare_digest(x_api_key.encode(), request.app.state.api_key.encode()):
        raise HTTPException(401, "wrong API key")


async def count(
    connection: AsyncConnection[Any], metric: str, event: EventRequest, key: str
) -> EventResponse:
    """Count an event in the transaction that is open, and return its answer, or the first one's."""
    user = event.user.id
    points = await _locked(connection, user)
    if points is None:
        await connection.execute(
            "INSERT INTO users (id) VALUES (%s) ON CONFLICT DO NOTHING", [user]
        )
        points = await _locked(connection, user)
        assert points is not None, "users are not deleted"
    cursor = await connection.execute(
        "INSERT INTO totals (user_id, metric, total) VALUES (%s, %s, %s) "
        "ON CONFLICT (user_id, metric) DO UPDATE SET total = totals.total + excluded.total "
        "RETURNING total",
        [user, metric, event.value],
    )
    (total,) = await cursor.fetchone() or (0,)
    every, each = RULES[metric]
    added = each * max(0, total // every - (total - event.value) // every)
    points += added
    level = bisect_right(LEVELS, points)
    await connection.execute(
        "UPDATE users SET points = %s, level = %s WHERE id = %s", [points, level, user]
    )
    answer = EventResponse(
        event_id=str(uuid4()),
        metric=metric,
        total=total,
        points_added=added,
        points=points,
        level=level,
        idempotency_key=key,
    )
    # Waits for another transaction that has the same key, until it is known whether it counts.
    cursor = await connection.execute(
        "INSERT INTO used_keys (key, answer) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [key, Jsonb(answer.model_dump())],
    )
    if cursor.rowcount:
        return answer
    await connection.rollback()
    cursor = await connection.execute("SELECT answer FROM used_keys WHERE key = %s", [key])
    (first,) = await cursor.fetchone() or ({},)
    return EventResponse(**first | {"idempotent_replayed": True})


async def _locked(connection: AsyncConnection[Any], user: str) -> int | None:
    """Return the points of a user, whose row is locked until the transaction ends."""
    cursor = await connection.execute("SELECT points FROM users WHERE id = %s FOR UPDATE", [user])
    row = await cursor.fetchone()
    return row[0] if row else None
