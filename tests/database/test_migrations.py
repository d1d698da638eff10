"""How the tables come to be, and what a start says about tables that do not fit."""

import pytest

from projections.database import (
    DatabaseUnreachableError,
    MigrationChangedError,
    ReadFormatError,
    SchemaError,
    connect,
    parse_queries,
)
from projections.migrations import check_schema, load_migrations, migrate, read_format

KNOWN = ["0001_own", "0002_preferences", "0003_key_scopes"]


def copy_migrations(folder):
    for migration in load_migrations():
        (folder / f"{migration.name}.sql").write_text(migration.text)


@pytest.fixture(scope="session")
def template():
    """Have these tests begin with a database that is empty."""


@pytest.fixture
async def migrated(database):
    await migrate(database)
    return database


async def test_an_empty_database_is_brought_up_and_found_fit(database):
    done = await migrate(database)
    assert done == [*KNOWN, "read"]
    async with connect(database) as connection:
        await check_schema(connection)


async def test_a_second_time_there_is_nothing_to_do(migrated):
    assert await migrate(migrated) == []


async def test_a_dry_run_says_what_would_be_done_and_does_nothing(database):
    assert await migrate(database, dry_run=True) == [*KNOWN, "read"]
    async with connect(database) as connection:
        with pytest.raises(SchemaError, match="run `xp migrate`"):
            await check_schema(connection)


async def test_a_changed_migration_is_refused_by_name(database, tmp_path):
    copy_migrations(tmp_path)
    (tmp_path / "9999_more.sql").write_text("CREATE TABLE own.more (id integer);")
    assert await migrate(database, folder=tmp_path) == [*KNOWN, "9999_more", "read"]
    (tmp_path / "9999_more.sql").write_text("CREATE TABLE own.more (id bigint);")
    with pytest.raises(MigrationChangedError, match="9999_more"):
        await migrate(database, folder=tmp_path)


async def test_a_newer_migration_is_applied_alone(migrated, tmp_path):
    copy_migrations(tmp_path)
    (tmp_path / "9999_more.sql").write_text("CREATE TABLE own.more (id integer);")
    assert await migrate(migrated, folder=tmp_path) == ["9999_more"]
    with pytest.raises(SchemaError, match="newer program"):
        await migrate(migrated)


async def test_a_migration_that_fails_leaves_nothing_behind(migrated, tmp_path):
    copy_migrations(tmp_path)
    (tmp_path / "9999_bad.sql").write_text("CREATE TABLE own.more (id integer); SELECT 1/0;")
    with pytest.raises(Exception, match="division by zero"):
        await migrate(migrated, folder=tmp_path)
    async with connect(migrated) as connection:
        found = await connection.execute("SELECT to_regclass('own.more')")
        assert await found.fetchone() == (None,)
        await check_schema(connection)


async def test_read_models_of_another_format_have_to_be_rebuilt(migrated):
    async with connect(migrated) as connection:
        await connection.execute("UPDATE read.format SET value = '0-old'")
        with pytest.raises(ReadFormatError, match=r"0-old.*xp project --rebuild"):
            await check_schema(connection)


def test_the_format_does_not_depend_on_comments():
    assert read_format() == read_format()
    assert read_format().startswith("1-")


async def test_an_address_where_nobody_listens_is_a_typed_error():
    with pytest.raises(DatabaseUnreachableError):
        await migrate("postgresql://127.0.0.1:1/none?connect_timeout=1")


def test_a_query_is_found_by_the_name_above_it():
    queries = parse_queries("-- About.\n\n-- one --\nSELECT 1;\n\n-- two --\n-- Why.\nSELECT 2;\n")
    assert queries == {"one": b"SELECT 1", "two": b"-- Why.\nSELECT 2"}


def test_two_queries_of_one_name_are_refused():
    with pytest.raises(ValueError, match="'one' is there twice"):
        parse_queries("-- one --\nSELECT 1;\n-- one --\nSELECT 2;\n")
