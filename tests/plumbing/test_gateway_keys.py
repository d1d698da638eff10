"""API keys: made, adopted, revoked; who is let in and who is not."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from plumbing.gateway_world import World, a_world

from gateway import keys
from projections.database import connect


@pytest.fixture
async def world(stack, database) -> AsyncIterator[World]:
    async with a_world(stack, database) as found:
        yield found


async def status(world, key, **headers):
    told = {"X-API-KEY": key, **headers}
    return (await world.get("/users/u1/metrics", headers=told)).status_code


async def test_only_a_known_key_is_let_in(world):
    prefix, body = world.key.split(".")
    assert len(prefix) == keys.PREFIX_LENGTH
    for wrong in (
        "",
        "x",
        f"{prefix}.{body[:-1]}",
        f"{prefix}.{body}x",
        f"abcdefgh.{body}",
        "\xff",
    ):
        answer = await world.get(
            "/users/u1/metrics", headers={"X-API-KEY": wrong.encode("latin-1")}
        )
        assert answer.status_code == 401, wrong
        assert "X-API-KEY" in answer.json()["error"]
    del world.client.headers["X-API-KEY"]
    assert (await world.get("/users/u1/metrics")).status_code == 401
    assert (await world.post()).status_code == 401


async def test_the_key_itself_is_kept_nowhere(world, database):
    async with connect(database) as connection:
        rows = await (await connection.execute("SELECT * FROM own.api_keys")).fetchall()
    assert world.key.split(".")[1] not in repr(rows)
    assert len(rows[0][1]) == 32


async def test_a_revoked_key_is_out_within_seconds(world, database):
    assert await status(world, world.key) == 404
    async with connect(database) as connection:
        assert await keys.revoke(connection, world.key[:8])
        assert not await keys.revoke(connection, "nothing!")
        (row,) = await keys.listed(connection)
    assert row.revoked is not None
    assert row.last_used is not None
    await asyncio.sleep(keys.CACHE_S + 0.1)
    assert await status(world, world.key) == 401


async def test_a_key_may_be_adopted_again_and_again(world, database):
    mine = "my-own-secret-key-of-today"
    async with connect(database) as connection:
        await keys.adopt(connection, mine, "given")
        await keys.adopt(connection, mine, "given")
        with pytest.raises(keys.KeyTakenError):
            await keys.adopt(connection, "my-own-secret-key-of-tomorrow", "other")
        with pytest.raises(keys.WeakKeyError):
            await keys.adopt(connection, "short", "weak")
        assert len(await keys.listed(connection)) == 2
    assert await status(world, mine) == 404


async def test_a_key_of_a_tenant_acts_for_that_tenant_alone(world, database):
    async with connect(database) as connection:
        key = await keys.create(connection, "theirs", "acme")
    assert await status(world, key) == 404
    assert await status(world, key, **{"Tenant-ID": "acme"}) == 404
    assert await status(world, key, **{"Tenant-ID": "default"}) == 403
    assert await status(world, world.key, **{"Tenant-ID": "acme"}) == 404
    assert await status(world, world.key, **{"Tenant-ID": "a/b"}) == 422
