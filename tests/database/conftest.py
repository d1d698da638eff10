"""What the tests of the read models share: a migrated database, a connection, all rows."""

import asyncio
import secrets

import psycopg
import pytest
from database.projected import new_world
from database.records import store
from psycopg import sql
from psycopg.conninfo import make_conninfo

from projections.database import connect
from projections.migrations import create_read, migrate
from projections.positions import add_positions

TABLES = (
    "definitions",
    "in_force",
    "users",
    "user_counts",
    "totals",
    "total_days",
    "streaks",
    "streak_periods",
    "freezes",
    "pauses",
    "streak_preferences",
    "achievements",
    "achievement_counts",
    "points",
    "awards",
    "point_days",
    "levels",
    "corrections",
)


@pytest.fixture(scope="session")
def template(stack):
    """Make a database with all tables once, for each test to have a copy of."""
    name = f"xp_template_{secrets.token_hex(6)}"
    with psycopg.connect(stack.postgres, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        asyncio.run(migrate(make_conninfo(stack.postgres, dbname=name)))
        yield name
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def migrated(database):
    """Return the address of a database with all tables."""
    return database


@pytest.fixture
async def connection(migrated):
    """Return a connection to the read models, positions at the start of four partitions."""
    async with connect(migrated) as opened:
        await add_positions(opened, 4)
        yield opened


@pytest.fixture
async def world(stack, migrated):
    """Return topics, a producer and a database with tables."""
    async with new_world(stack, migrated) as made:
        yield made


@pytest.fixture
def dump():
    """Return a function that reads every row of the read models, positions without their times."""

    async def rows(connection, schema="read"):
        found = {}
        for table in TABLES:
            answer = await connection.execute(f"SELECT t::text FROM {schema}.{table} AS t")
            found[table] = sorted(row[0] for row in await answer.fetchall())
        answer = await connection.execute(
            f"SELECT partition, next_offset, epoch, source_offset, lane FROM {schema}.positions"
        )
        found["positions"] = sorted(await answer.fetchall())
        return found

    return rows


@pytest.fixture
def stored_at_once(migrated, dump):
    """Return a function that stores batches into an empty schema beside `read` and dumps it."""

    async def stored(*batches, versions=()):
        async with connect(migrated) as opened:
            await create_read(opened, "aside")
        async with connect(migrated, "aside") as opened:
            await add_positions(opened, 4)
            for batch in batches:
                await store(opened, batch, versions)
            return await dump(opened, "aside")

    return stored
