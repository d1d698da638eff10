"""API keys: made, adopted, revoked; who is let in and who is not."""

import json
from collections.abc import AsyncIterator

import pytest
from plumbing.gateway_world import RICH, World, a_world
from plumbing.nasty import bodies, ids

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


async def test_a_revoked_key_is_out_at_once(world, database):
    assert await status(world, world.key) == 404
    async with connect(database) as connection:
        assert await keys.revoke(connection, world.key[:8])
        assert await status(world, world.key) == 401
        assert not await keys.revoke(connection, "nothing!")
        (row,) = await keys.listed(connection)
    assert row.revoked is not None
    assert row.last_used is not None


async def test_a_key_may_be_adopted_again_and_again(world, database):
    mine = "my-own-secret-key-of-today-and-ever"
    async with connect(database) as connection:
        await keys.adopt(connection, mine, "given")
        await keys.adopt(connection, mine, "given")
        # Another that begins alike is another key.
        await keys.adopt(connection, "my-own-secret-key-of-tomorrow-and-on", "other")
        rows = await keys.listed(connection)
    assert len(rows) == 3
    # What lists show of it is no part of it.
    assert all(row.prefix not in mine and mine[:4] not in row.prefix for row in rows)
    assert await status(world, mine) == 404
    assert await status(world, mine[:-1]) == 401


WEAK = (
    "short",
    "thirty-one-characters-are-short",
    "x" * 256,
    "a key with spaces in it, thirty-two and more",
    "ein-schlüssel-mit-zweiunddreißig-zeichen",
    "a-key-with-a-newline-at-its-very-end\n",
    "app_0123456789.0123456789abcdef0123456789",
)


async def test_a_given_key_that_is_weak_or_no_header_is_refused(world, database):
    async with connect(database) as connection:
        for weak in WEAK:
            with pytest.raises(keys.WeakKeyError):
                await keys.adopt(connection, weak, "weak")
        assert len(await keys.listed(connection)) == 1
    assert world.key


async def test_a_key_of_a_tenant_acts_for_that_tenant_alone(world, database):
    async with connect(database) as connection:
        key = await keys.create(connection, "theirs", "acme")
    assert await status(world, key) == 404
    assert await status(world, key, **{"Tenant-ID": "acme"}) == 404
    assert await status(world, key, **{"Tenant-ID": "default"}) == 403
    assert await status(world, world.key, **{"Tenant-ID": "acme"}) == 404
    assert await status(world, world.key, **{"Tenant-ID": "a/b"}) == 422


async def test_an_applications_key_acts_for_its_own_tenant_alone(world, database):
    async with connect(database) as connection:
        key = await keys.create(connection, "an application", scope="application")
    assert key.startswith("app_")
    assert await status(world, key) == 404
    assert await status(world, key, **{"Tenant-ID": "acme"}) == 403


async def test_a_key_is_bound_to_nobody_who_cannot_be_a_user(world, database):
    async with connect(database) as connection:
        for user in ("", "x" * 256, "a\0b", "\ud800"):
            with pytest.raises(keys.KeyUserError):
                await keys.create(connection, "x", scope="application", user=user)
        with pytest.raises(keys.KeyUserError):
            await keys.create(connection, "x", scope="admin", user="u1")
    assert world.key


async def test_a_key_of_one_user_is_about_that_user_alone(stack, database):
    async with a_world(stack, database, game=RICH, verdict_timeout_s=0.05) as world:
        await world.execute(
            "INSERT INTO users SELECT 'default', id, NULL, '{}', now(), now(), now() "
            "FROM unnest(ARRAY['u1', 'u2']) AS id"
        )
        async with connect(database) as connection:
            key = await keys.create(connection, "u1's phone", scope="application", user="u1")
        told = {"X-API-KEY": key}
        about = {user: await statuses_about(world, user, told) for user in ("u1", "u2")}
        assert set(about["u1"].values()) <= {200, 201, 202}, about["u1"]
        of_nobody = {"achievements_all"} | {it for it in about["u1"] if it.startswith("points_")}
        assert {it for it, status in about["u2"].items() if status != 403} == of_nobody
        # Around the framework, too.
        body = {"user": {"id": "u2"}, "value": 1}
        for query in ("", "?by=app"):
            path = f"/v1/metrics/commits/event{query}"
            assert (await world.client.post(path, json=body, headers=told)).status_code == 403
        both = "/v1/streaks?userIds=u1&userIds=u2"
        assert (await world.client.get(both, headers=told)).status_code == 403
        # Who is not there is not told apart from who is.
        assert (await world.get("/users/nobody", headers=told)).status_code == 403


async def statuses_about(world, user, headers):
    """Return what each operation of the Application API answers that is asked about a user."""
    found = {}
    for path, operations in world.app.openapi()["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/v1/"):
                continue
            name = operation["operationId"]
            body = json.dumps(bodies(ids()).get(name)).replace('"u1"', f'"{user}"')
            keys_of = {"achievements_complete": "profile"}
            key = keys_of.get(name, "commits" if "/metrics/" in path else "xp")
            query = "aggregation=daily&startDate=2026-03-01&endDate=2026-03-02"
            target = path.replace("{id}", user).replace("{key}", key)
            answer = await world.client.request(
                method,
                f"{target}?userIds={user}&{query}",
                content=body,
                headers=headers,
            )
            found[name] = answer.status_code
    return found
