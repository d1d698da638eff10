"""The roles of the embedded Postgres reach their database, each its part of it, and nothing else.

Its server runs without any right that another user of the machine has not.
"""

import os
import pwd
import re
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import errors, sql

from ops.embedded import postgres_binaries
from ops.embedded.postgres import EmbeddedPostgres
from ops.embedded.postgres_binaries import binaries
from projections.database import connect
from projections.grants import READING, SERVING
from projections.migrations import check_schema, create_read, migrate

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
# What lies outside the database: files, programs, other roles and databases, the server's settings.
BEYOND = (
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "COPY (SELECT 1) TO '/tmp/xp-was-here'",
    "COPY (SELECT 1) TO PROGRAM 'touch /tmp/xp-was-here'",
    "CREATE TEMP TABLE t (line text); COPY t FROM '/etc/passwd'",
    "CREATE TEMP TABLE t (line text); COPY t FROM PROGRAM 'id'",
    "CREATE ROLE another",
    "CREATE DATABASE another",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "SET ROLE xpledger",
    "SET SESSION AUTHORIZATION xpledger",
    "ALTER SYSTEM SET archive_command = 'touch /tmp/xp-was-here'",
    "CREATE EXTENSION plpython3u",
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'getpid'",
    "SELECT passwd FROM pg_shadow",
)
REFUSED = (
    errors.InsufficientPrivilege,
    errors.FeatureNotSupported,
    errors.UndefinedFile,
    errors.InvalidParameterValue,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("closed") / "data"


@pytest.fixture(scope="module")
def postgres(home):
    with EmbeddedPostgres(home) as postgres:
        yield postgres


@pytest.fixture
async def migrated(postgres):
    await migrate(postgres.dsn)
    return postgres


def dsns(postgres):
    return {
        "owner": postgres.dsn,
        "serving": postgres.serving_dsn,
        "reading": postgres.reading_dsn,
    }


def may(dsn, *statements):
    """Tell whether statements are carried out; nothing of them stays."""
    with psycopg.connect(dsn) as connection:
        try:
            for statement in statements:
                connection.execute(statement)
        except REFUSED:
            return False
        finally:
            connection.rollback()
    return True


@pytest.mark.parametrize("role", ["owner", "serving", "reading"])
@pytest.mark.parametrize("statement", BEYOND)
def test_no_role_reaches_beyond_its_database(postgres, role, statement):
    # Some statements are for no transaction, and most need none.
    with (
        psycopg.connect(dsns(postgres)[role], autocommit=True) as connection,
        pytest.raises(REFUSED),
    ):
        connection.execute(statement)
    assert not Path("/tmp/xp-was-here").exists()


@pytest.mark.parametrize("role", ["owner", "serving", "reading"])
def test_no_role_comes_into_another_database(postgres, role):
    other = psycopg.conninfo.make_conninfo(dsns(postgres)[role], dbname="postgres")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(other)


async def test_each_role_may_do_what_it_is_for(migrated):
    await check_roles(dsns(migrated))


async def check_roles(who):
    change = "INSERT INTO own.api_keys (prefix, hash, name) VALUES ('a', '', 'a')"
    derive = "INSERT INTO read.positions (partition, next_offset) VALUES (0, 0)"
    assert {it for it in who if may(who[it], "SELECT FROM read.users")} == set(who)
    assert {it for it in who if may(who[it], "SELECT FROM own.profiles")} == {"owner", "serving"}
    assert {it for it in who if may(who[it], change)} == {"owner", "serving"}
    assert {it for it in who if may(who[it], derive)} == {"owner"}
    assert {it for it in who if may(who[it], "DELETE FROM own.migrations")} == {"owner"}
    assert {it for it in who if may(who[it], "DROP TABLE own.profiles")} == {"owner"}
    assert {it for it in who if may(who[it], "CREATE SCHEMA another")} == {"owner"}
    for dsn in (who["owner"], who["serving"]):
        async with connect(dsn) as connection:
            await check_schema(connection)


async def test_what_is_built_anew_may_be_read_by_those_who_could(migrated):
    async with connect(migrated.dsn) as connection:
        await create_read(connection, "read_next")
    try:
        for dsn in (migrated.serving_dsn, migrated.reading_dsn):
            assert may(dsn, "SELECT FROM read_next.users")
            assert not may(dsn, "DELETE FROM read_next.users")
    finally:
        async with connect(migrated.dsn) as connection:
            await connection.execute("DROP SCHEMA read_next CASCADE")


def test_the_server_has_no_capability_and_is_not_root(postgres):
    server = psutil.Process(postgres.pid)
    for process in (server, *server.children(recursive=True)):
        said = Path(f"/proc/{process.pid}/status").read_text()
        told = dict(line.split(":\t", 1) for line in said.splitlines() if ":\t" in line)
        for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            if os.geteuid() == 0:
                assert int(told[name], 16) == 0, name
        assert told["NoNewPrivs"].strip() == "1"
        assert 0 not in process.uids()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_even_the_administrator_reads_no_file_of_roots(postgres, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("root's own")
    for file in (secret, postgres.home / "password", postgres.home / "passwords"):
        assert file.stat().st_uid == 0
        query = sql.SQL("SELECT pg_read_file({})").format(sql.Literal(str(file)))
        with (
            psycopg.connect(postgres.administrator_dsn) as connection,
            pytest.raises(errors.InsufficientPrivilege, match="Permission denied"),
        ):
            connection.execute(query)


def test_what_it_keeps_is_for_its_user_alone(postgres):
    assert postgres.home.stat().st_mode & 0o067 == 0
    assert (postgres.home / "data").stat().st_mode & 0o077 == 0
    for name in ("password", "passwords", "postgres.log"):
        assert (postgres.home / name).stat().st_mode & 0o077 == 0, name


def test_passwords_stand_on_no_command_line_and_in_no_log(postgres):
    secrets = [psycopg.conninfo.conninfo_to_dict(it)["password"] for it in dsns(postgres).values()]
    words = " ".join(psutil.Process(postgres.pid).cmdline()) + postgres.log.read_text()
    assert len({*secrets}) == 3
    assert not [it for it in secrets if it in words]


async def test_the_roles_that_the_page_on_security_makes_are_enough(tmp_path):
    block = re.search(r"```sql\n(CREATE ROLE.*?)```", PAGE.read_text(), re.DOTALL)
    assert block is not None
    with EmbeddedPostgres(tmp_path) as postgres:
        server = psycopg.conninfo.make_conninfo(postgres.administrator_dsn, dbname="postgres")
        with psycopg.connect(server, autocommit=True) as administrator:
            administrator.execute("DROP DATABASE xpledger")
            for role in ("xp_owner", SERVING, READING):
                administrator.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
            administrator.execute("CREATE DATABASE xpledger")
            # As psql puts variables in.
            text = re.sub(r":'(\w+)'", r"'a password of \1'", block[1])
            for statement in text.split(";")[:-1]:
                administrator.execute(statement.encode())
        who = {
            role: psycopg.conninfo.make_conninfo(
                postgres.administrator_dsn, user=f"xp_{role}", password=f"a password of {role}"
            )
            for role in ("owner", "serving", "reading")
        }
        await migrate(who["owner"])
        await check_roles(who)


async def test_a_directory_in_which_one_role_was_everything_is_put_right(tmp_path):
    with EmbeddedPostgres(tmp_path) as postgres:
        with psycopg.connect(postgres.administrator_dsn, autocommit=True) as administrator:
            administrator.execute("ALTER DATABASE xpledger OWNER TO xpledger")
            for role in ("xp_owner", SERVING, READING):
                administrator.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
        await migrate(postgres.administrator_dsn)
        insert = "INSERT INTO own.webhooks (id, url, secret, types) VALUES (%s, 'u', 's', '{}')"
        with psycopg.connect(postgres.administrator_dsn) as administrator:
            administrator.execute(insert, ["0" * 32])
    (postgres.home / "passwords").unlink()
    postgres.home.chmod(0o755)
    if os.geteuid() == 0:
        os.chown(postgres.home / "password", pwd.getpwnam("nobody").pw_uid, -1)
    for _ in range(2):
        with EmbeddedPostgres(tmp_path) as postgres:
            assert await migrate(postgres.dsn) == []
            assert may(postgres.dsn, "DROP TABLE own.deliveries", "DROP SCHEMA read CASCADE")
            assert may(postgres.serving_dsn, "DELETE FROM own.webhooks")
            assert not may(postgres.reading_dsn, "SELECT FROM own.webhooks")
            assert not may(postgres.dsn, "SELECT pg_read_file('/etc/passwd')")
            with psycopg.connect(postgres.dsn) as owner:
                assert owner.execute("SELECT url FROM own.webhooks").fetchall() == [("u",)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_programs_that_others_cannot_reach_are_copied_once(tmp_path, monkeypatch):
    nobody = pwd.getpwnam("nobody")
    identity = nobody.pw_uid, nobody.pw_gid
    installed = tmp_path / "closed" / "pg" / "bin"
    installed.mkdir(parents=True)
    (installed / "postgres").write_text("a program")
    (installed / "postgres").chmod(0o700)
    installed.parents[1].chmod(0o700)
    monkeypatch.setattr(postgres_binaries, "_installed", lambda: installed)
    monkeypatch.setattr(postgres_binaries, "COPIES", tmp_path / "copies")
    assert binaries(None) == installed
    for _ in range(2):
        copy = binaries(identity)
        assert copy.is_relative_to(tmp_path / "copies")
        assert (copy / "postgres").stat().st_mode & 0o777 == 0o755
        assert (copy / "postgres").read_text() == "a program"
