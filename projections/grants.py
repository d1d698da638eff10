"""What roles of Postgres beside the owner of the tables may do, where an operator has made them.

`xp migrate` grants it, and whatever makes the read models anew; where a role is not there nothing
is granted, and one role that owns everything is enough.
"""

from collections.abc import Sequence
from typing import Final

from psycopg import sql

from projections.database import Connection

# Of the gateway and the notifier: read the read models; change what is not derived.
SERVING: Final = "xp_serving"
# Of dashboards and reports: read the read models, and nothing personal.
READING: Final = "xp_reading"

OWN: Final = "own"
_CHANGE: Final = "SELECT, INSERT, UPDATE, DELETE"


async def grant_read(connection: Connection, schema: str) -> None:
    """Grant what is to be granted on a schema of read models."""
    roles = await _present(connection, (SERVING, READING))
    await _grant(connection, schema, "SELECT", roles)


async def grant_own(connection: Connection) -> None:
    """Grant what is to be granted on the schema `own`."""
    roles = await _present(connection, (SERVING,))
    await _grant(connection, OWN, _CHANGE, roles)
    # What has been applied is the owner's to say.
    for role in roles:
        await connection.execute(
            sql.SQL("REVOKE INSERT, UPDATE, DELETE ON own.migrations FROM {}").format(
                sql.Identifier(role)
            )
        )


async def _present(connection: Connection, roles: Sequence[str]) -> list[str]:
    rows = await connection.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s) AND rolname <> current_user",
        [list(roles)],
    )
    return [role for (role,) in await rows.fetchall()]


async def _grant(
    connection: Connection, schema: str, privileges: str, roles: Sequence[str]
) -> None:
    where = sql.Identifier(schema)
    for role in map(sql.Identifier, roles):
        await connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(where, role))
        await connection.execute(
            sql.SQL("GRANT {} ON ALL TABLES IN SCHEMA {} TO {}").format(
                sql.SQL(privileges),
                where,
                role,
            )
        )
