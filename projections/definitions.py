"""Read model: the versions of definitions, and which of them is in force."""

from collections.abc import Iterable, Iterator

from projections.database import Connection, Statement, load_queries, send_rows
from projections.effects import Applied
from schemas.codec import read_version
from schemas.entries import DefinitionsEntry
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


class DefinitionsChanges:
    """What a batch changes: the version by which each partition judges from now on."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._in_force: dict[tuple[str, int], int] = {}

    def add(self, of: Applied, entry: DefinitionsEntry) -> None:
        """Take an entry; later ones come later."""
        self._in_force[of.tenant, of.partition] = entry.version

    def statements(self) -> Iterator[Statement]:
        """Yield what stores it."""
        rows = [
            {"tenant": tenant, "partition": partition, "version": version}
            for (tenant, partition), version in self._in_force.items()
        ]
        yield Statement(_QUERIES["apply"], rows)


async def in_force(connection: Connection, tenant: str) -> int | None:
    """Return the number of the version in force, None before a tenant's first."""
    row = await (await connection.execute(_QUERIES["in_force"], {"tenant": tenant})).fetchone()
    return row[0] if row else None


async def version(connection: Connection, tenant: str, number: int) -> Version | None:
    """Return one version, None if there is none. It never changes: keep it."""
    given = {"tenant": tenant, "version": number}
    row = await (await connection.execute(_QUERIES["version"], given)).fetchone()
    return read_version(row[0].encode()) if row else None
