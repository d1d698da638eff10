"""How the tables come to be, and the check at start that they are the ones this program needs.

The schema `own` is changed by numbered files, forward only, each applied once and never edited
again. The schema `read` has no migrations: it follows from the ledger, so it is built anew.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg import sql

from projections.database import (
    READ,
    SQL,
    Connection,
    MigrationChangedError,
    ReadFormatError,
    SchemaError,
    connect,
)
from projections.grants import grant_own, grant_read

# Raise it when the same tables are filled with something else: they have to be rebuilt then too.
READ_VERSION: Final = 1

MIGRATIONS: Final = SQL / "migrations"

# Keys of advisory locks; any fixed numbers.
_LOCK_MIGRATE: Final = 7_311_001

_NAME: Final = re.compile(r"^\d{4}_[a-z0-9_]+\.sql$")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of SQL that changes the schema `own`."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        """What tells whether the file has been changed."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def load_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """Return the migrations of a folder in the order of their numbers."""
    files = sorted(folder.glob("*.sql"))
    for file in files:
        if not _NAME.match(file.name):
            raise ValueError(f"{file.name}: a migration is named 0001_what_it_does.sql")
    numbers = [file.name[:4] for file in files]
    if len(set(numbers)) != len(numbers):
        raise ValueError("two migrations have the same number")
    return [Migration(file.stem, file.read_text(encoding="utf-8")) for file in files]


def read_format() -> str:
    """Return what identifies the tables of `read` as this program makes and fills them."""
    bare = re.sub(r"--[^\n]*", "", _read_sql())
    digest = hashlib.sha256(" ".join(bare.split()).encode()).hexdigest()
    return f"{READ_VERSION}-{digest[:12]}"


async def migrate(dsn: str, *, dry_run: bool = False, folder: Path = MIGRATIONS) -> list[str]:
    """Bring the database up to this program and return the names of what was applied.

    With `dry_run` nothing is changed, and what is returned would be applied. Raises
    MigrationChangedError, SchemaError or DatabaseUnreachableError. Two at once wait for each other.
    """
    migrations = load_migrations(folder)
    async with connect(dsn) as connection:
        if dry_run:
            return await _pending(connection, migrations)
        await connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK_MIGRATE])
        try:
            done = await _pending(connection, migrations)
            for migration in migrations:
                if migration.name in done:
                    await _apply(connection, migration)
            if READ in done:
                await create_read(connection, READ)
            # Each time: a role may have been made since.
            await grant_own(connection)
            await grant_read(connection, READ)
        finally:
            await connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK_MIGRATE])
        return done


async def _pending(connection: Connection, migrations: list[Migration]) -> list[str]:
    applied = await _applied(connection)
    _check_applied(applied, migrations)
    pending = [migration.name for migration in migrations if migration.name not in applied]
    if not await _exists(connection, "read.positions"):
        pending.append(READ)
    return pending


def _check_applied(applied: Mapping[str, str], migrations: list[Migration]) -> None:
    checksums = {migration.name: migration.checksum for migration in migrations}
    for name, checksum in applied.items():
        if name not in checksums:
            raise SchemaError(f"migration {name} was applied by a newer program: run that one")
        if checksums[name] != checksum:
            raise MigrationChangedError(
                f"migration {name} was changed after it had been applied: "
                "restore the file and put the change into a new one"
            )


async def _applied(connection: Connection) -> dict[str, str]:
    if not await _exists(connection, "own.migrations"):
        return {}
    rows = await connection.execute("SELECT name, checksum FROM own.migrations ORDER BY name")
    return {name: checksum for name, checksum in await rows.fetchall()}  # noqa: C416  rows are untyped


async def _apply(connection: Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.text.encode())
        await connection.execute(
            "INSERT INTO own.migrations (name, checksum) VALUES (%s, %s)",
            [migration.name, migration.checksum],
        )


async def create_read(connection: Connection, schema: str) -> None:
    """Create the tables of the read models in a new schema, empty, and write their format down."""
    async with connection.transaction():
        name = sql.Identifier(schema)
        await connection.execute(sql.SQL("CREATE SCHEMA {}").format(name))
        await connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(name))
        await connection.execute(_read_sql().encode())
        await connection.execute("INSERT INTO format (value) VALUES (%s)", [read_format()])
        await grant_read(connection, schema)


def _read_sql() -> str:
    return (SQL / "read.sql").read_text(encoding="utf-8")


async def _exists(connection: Connection, table: str) -> bool:
    row = await (await connection.execute("SELECT to_regclass(%s)", [table])).fetchone()
    return row is not None and row[0] is not None


async def check_own(connection: Connection) -> None:
    """Return if every migration is applied; SchemaError that says what to run if not."""
    migrations = load_migrations()
    applied = await _applied(connection)
    _check_applied(applied, migrations)
    missing = [migration.name for migration in migrations if migration.name not in applied]
    if missing:
        raise SchemaError(f"the database lacks {', '.join(missing)}: run `xp migrate`")


async def check_schema(connection: Connection) -> None:
    """Return if the database is what this program needs; SchemaError that says what to run if not.

    Every part that uses Postgres calls it when it starts.
    """
    await check_own(connection)
    if not await _exists(connection, "read.positions"):
        raise SchemaError("the database lacks the schema read: run `xp migrate`")
    found = None
    if await _exists(connection, "read.format"):
        row = await (await connection.execute("SELECT value FROM read.format")).fetchone()
        found = row[0] if row else None
    check_format(found)


def check_format(found: str | None) -> None:
    """Return if `found` is the format of `read` that this program needs, else ReadFormatError."""
    wanted = read_format()
    if found != wanted:
        raise ReadFormatError(
            f"the schema read has format {found or 'unknown'}, this program needs {wanted}: "
            "run `xp project --rebuild`"
        )
