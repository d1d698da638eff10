"""The roles of the embedded Postgres: whom the parts are, and what is theirs.

The administrator is the one that the cluster was made with: superuser, and used for what is in here
alone. The owner has the one database and everything in it; those that serve and those that read get
what `xp migrate` grants them (`projections.grants`). None of the three may reach beyond the
database: neither files nor programs nor other roles.
"""

import json
import secrets
from pathlib import Path
from typing import Final, NamedTuple

import psycopg
from psycopg import sql

from ops.embedded.ports import replace_text
from projections.grants import READING, SERVING

ADMINISTRATOR: Final = "xpledger"
OWNER: Final = "xp_owner"
PASSWORD_BYTES: Final = 24

# Whatever a role may do on the whole server: it comes in, and that is all.
_ATTRIBUTES: Final = sql.SQL(
    "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS INHERIT"
)
# What the administrator made in the days when it was the only role.
_INHERITED: Final = """
SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
    n.nspname, c.relname
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema$)' AND c.relkind IN ('r', 'p', 'S', 'v')
    AND pg_get_userbyid(c.relowner) = %(administrator)s
    -- A sequence of a column goes with its table.
    AND NOT EXISTS (
        SELECT FROM pg_depend AS d
        WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    )
"""
_SCHEMAS: Final = """
SELECT nspname FROM pg_namespace
WHERE nspname !~ '^(pg_|information_schema$)' AND pg_get_userbyid(nspowner) = %(administrator)s
"""


class Passwords(NamedTuple):
    """The password of each role but the administrator."""

    owner: str
    serving: str
    reading: str


def passwords(file: Path) -> Passwords:
    """Return the passwords in a file, made up and kept if there is none."""
    if not file.exists():
        made = [secrets.token_urlsafe(PASSWORD_BYTES) for _ in Passwords._fields]
        text = json.dumps(dict(zip(Passwords._fields, made, strict=True)))
        replace_text(file, text, mode=0o600)
    return Passwords(**json.loads(file.read_text(encoding="utf-8")))


def make_roles(administrator: str, known: Passwords, database: str) -> None:
    """Make the roles and the database where they are missing; administrator: a DSN of another one.

    What is there is set right, so that it does not matter which version made it.
    """
    with psycopg.connect(administrator, autocommit=True) as connection:
        for role, password in zip((OWNER, SERVING, READING), known, strict=True):
            _make_role(connection, role, password)
        name, owner = sql.Identifier(database), sql.Identifier(OWNER)
        found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [database])
        if not found.rowcount:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, owner))
        for other in ("postgres", "template1", database):
            connection.execute(
                sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(other))
            )
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                name, sql.SQL(", ").join(map(sql.Identifier, (SERVING, READING)))
            )
        )


def hand_over(administrator: str) -> None:
    """Give the owner what the administrator has in a database; administrator: its DSN there."""
    owner, named = sql.Identifier(OWNER), {"administrator": ADMINISTRATOR}
    with psycopg.connect(administrator) as connection:
        for (schema,) in connection.execute(_SCHEMAS, named).fetchall():
            connection.execute(
                sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(sql.Identifier(schema), owner)
            )
        for kind, schema, name in connection.execute(_INHERITED, named).fetchall():
            connection.execute(
                sql.SQL("ALTER {} {} OWNER TO {}").format(
                    sql.SQL(kind), sql.Identifier(schema, name), owner
                )
            )


def _make_role(connection: "psycopg.Connection[tuple[object, ...]]", role: str, word: str) -> None:
    name = sql.Identifier(role)
    if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount:
        connection.execute(sql.SQL("CREATE ROLE {}").format(name))
    # Hashed here, so that it is in no log of the server.
    hashed = connection.pgconn.encrypt_password(word.encode(), role.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("ALTER ROLE {} {} PASSWORD {}").format(
            name, _ATTRIBUTES, sql.Literal(hashed.decode())
        )
    )
