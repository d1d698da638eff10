"""Postgres for everyone who uses it: the pool, the named queries of the .sql files, the errors.

No SQL of a read model is in here, and no rule; how the tables come to be is `migrations`.

    DatabaseError
    ├── DatabaseUnreachableError   Postgres is away: try again later
    └── SchemaError                the tables are not what this program needs; says what to run
        ├── MigrationChangedError  a migration was edited after it had been applied
        └── ReadFormatError        `read` was made for another version of its tables
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import psycopg
from msgspec.json import encode
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

SQL: Final = Path(__file__).parent / "sql"
READ: Final = "read"

Connection = AsyncConnection[Any]


class Statement(NamedTuple):
    """A named query that takes many rows at once, and the rows for it."""

    query: bytes
    rows: Sequence[Mapping[str, object]]


_HEADER: Final = re.compile(r"^-- ([a-z_]+) --\s*$", re.MULTILINE)


class DatabaseError(Exception):
    """Something is wrong with Postgres."""


class DatabaseUnreachableError(DatabaseError):
    """Postgres is away or broke the connection; nothing was stored by what was under way."""


class SchemaError(DatabaseError):
    """The tables are not those that this program needs; the message says what to run."""


class MigrationChangedError(SchemaError):
    """A migration that has been applied is no longer what it was; a change is a new migration."""


class ReadFormatError(SchemaError):
    """The schema `read` was made for another version of its tables: it has to be rebuilt."""


def parse_queries(text: str) -> dict[str, bytes]:
    """Return the queries of a .sql file by the name in the `-- name --` line above each."""
    parts = _HEADER.split(text)
    queries: dict[str, bytes] = {}
    for name, query in zip(parts[1::2], parts[2::2], strict=True):
        if name in queries:
            raise ValueError(f"the query {name!r} is there twice")
        queries[name] = query.strip().removesuffix(";").encode()
    return queries


def load_queries(name: str) -> Mapping[str, bytes]:
    """Return the named queries of sql/<name>.sql."""
    return parse_queries((SQL / f"{name}.sql").read_text(encoding="utf-8"))


async def send_rows(
    connection: Connection, query: bytes, rows: Sequence[Mapping[str, object]]
) -> None:
    """Run a query on many rows at once; it takes them from its one parameter, a JSON array.

    One document is several times cheaper to send than an array per column, and never a statement
    per row. Without rows nothing is sent.
    """
    if rows:
        await connection.execute(query, {"rows": encode(rows).decode()}, prepare=True)


class Database:
    """A pool of connections whose unqualified names mean the tables of one schema.

    Connections commit every statement by itself unless `connection.transaction()` is open. Used as
    an async context manager; opening it does not need Postgres to be there.
    """

    def __init__(
        self, dsn: str, *, schema: str = READ, size_max: int = 10, wait_s: float = 5.0
    ) -> None:
        """Take the address; wait at most `wait_s` for a connection before it counts as away."""
        self.dsn = dsn
        self.schema = schema
        self._pool = AsyncConnectionPool[Connection](
            dsn,
            min_size=1,
            max_size=size_max,
            timeout=wait_s,
            kwargs={"autocommit": True},
            configure=self._configure,
            # A connection that a restart of Postgres broke is replaced, not handed out.
            check=AsyncConnectionPool.check_connection,
            open=False,
            name="xpledger",
        )

    async def __aenter__(self) -> Self:
        """Open the pool; connections are made in the background."""
        await self._pool.open(wait=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every connection."""
        await self._pool.close()

    async def _configure(self, connection: Connection) -> None:
        await configure(connection, self.schema)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection. Raises DatabaseUnreachableError when there is none, or it breaks."""
        try:
            async with self._pool.connection() as connection:
                yield connection
        except PoolTimeout as error:
            raise DatabaseUnreachableError("Postgres does not answer") from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise DatabaseUnreachableError(f"Postgres broke off: {error}") from error


async def configure(connection: Connection, schema: str) -> None:
    """Have a connection's unqualified names mean one schema's tables, and its instants be UTC."""
    await connection.execute(
        "SELECT set_config('search_path', %s, false), set_config('TimeZone', 'UTC', false)",
        [schema],
    )


@asynccontextmanager
async def connect(dsn: str, schema: str = READ) -> AsyncIterator[Connection]:
    """Lend a single connection outside any pool; DatabaseUnreachableError when there is none."""
    try:
        async with await AsyncConnection.connect(dsn, autocommit=True) as connection:
            await configure(connection, schema)
            yield connection
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise DatabaseUnreachableError(f"Postgres is not reachable: {error}") from error
