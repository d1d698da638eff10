"""Read model: the versions of definitions, and which of them is in force."""

from collections.abc import Iterable

from projections.database import Connection, load_queries, send_rows
from projections.effects import Effects
from schemas.codec import read_version
from schemas.versions import Version

_QUERIES = load_queries("definitions")


async def add_versions(connection: Connection, versions: Iterable[Version]) -> None:
    """Store versions; those that are there already stay as they are."""
    rows = [
        {
            "tenant": version.tenant,
            "version": version.version,
            "at": version.at.isoformat(),
            "body": version.model_dump(mode="json"),
        }
        for version in versions
    ]
    await send_rows(connection, _QUERIES["add"], rows)


async def apply(connection: Connection, effects: Effects) -> None:
    """Store which version each partition judges by from now on."""
    in_force = {
        (of.record["tenant"], of.partition): entry["version"]
        for of, _, entry in effects.definitions
    }
    rows = [
        {"tenant": tenant, "partition": partition, "version": version}
        for (tenant, partition), version in in_force.items()
    ]
    await send_rows(connection, _QUERIES["apply"], rows)


async def in_force(connection: Connection, tenant: str) -> int | None:
    """Return the number of the version in force, None before a tenant's first."""
    row = await (await connection.execute(_QUERIES["in_force"], {"tenant": tenant})).fetchone()
    return row[0] if row else None


async def version(connection: Connection, tenant: str, number: int) -> Version | None:
    """Return one version, None if there is none. It never changes: keep it."""
    given = {"tenant": tenant, "version": number}
    row = await (await connection.execute(_QUERIES["version"], given)).fetchone()
    return read_version(row[0].encode()) if row else None
