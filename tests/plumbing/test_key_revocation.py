"""A revoked key is out at once, on every gateway; and what a known key costs: nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from gateway import keyring, keys
from gateway.keyring import KeyRing
from projections.database import Database, connect
from projections.migrations import migrate

PATIENCE_S = 60.0


class Ring(KeyRing):
    """A gateway's key ring that counts what it asks the database for."""

    asked = 0

    async def _ask(self, digest):
        self.asked += 1
        return await super()._ask(digest)

    @property
    def trusts(self):
        return time.monotonic() < self._trusted_until_s


@asynccontextmanager
async def a_ring(dsn: str) -> AsyncIterator[Ring]:
    async with Database(dsn) as database:
        ring = Ring(database)
        listening = asyncio.create_task(ring.run())
        try:
            yield ring
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening


async def until(holds):
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.fixture
async def rings(database) -> AsyncIterator[list[Ring]]:
    """Give the key rings of two gateways, both listening."""
    await migrate(database)
    async with a_ring(database) as one, a_ring(database) as two:
        await until(lambda: one.trusts and two.trusts)
        yield [one, two]


async def made(dsn, **more):
    async with connect(dsn) as connection:
        return await keys.create(connection, "test", **more)


async def test_the_next_request_after_a_revocation_is_refused_by_every_gateway(rings, database):
    for _ in range(30):
        key = await made(database)
        for ring in rings:
            assert (await ring.caller(key)).prefix == key[:8]
        async with connect(database) as connection:
            began_s = time.monotonic()
            assert await keys.revoke(connection, key[:8])
            # Everyone was told and said so: nobody waited for one who is silent.
            assert time.monotonic() - began_s < keys.LEASE_S
        for ring in rings:
            assert await ring.caller(key) is None
    async with connect(database) as connection:
        assert all(row.revoked for row in await keys.listed(connection))


async def test_requests_that_come_all_the_while_are_refused_from_the_revocation_on(rings, database):
    for _ in range(10):
        key = await made(database)
        seen: list[tuple[float, bool]] = []

        async def ask(ring, key=key, seen=seen):
            while True:
                asked_s = time.monotonic()
                seen.append((asked_s, await ring.caller(key) is not None))
                await asyncio.sleep(0)

        asking = [asyncio.create_task(ask(ring)) for ring in rings for _ in range(3)]
        await asyncio.sleep(0.05)
        async with connect(database) as connection:
            await keys.revoke(connection, key[:8])
        revoked_s = time.monotonic()
        await asyncio.sleep(0.05)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        assert any(let_in for _, let_in in seen)
        assert not any(let_in for asked_s, let_in in seen if asked_s > revoked_s)
        assert any(asked_s > revoked_s for asked_s, _ in seen)


async def test_a_known_key_is_asked_for_once_and_a_made_up_one_too(rings, database):
    key = await made(database)
    ring = rings[0]
    await settled(ring)
    before = ring.asked
    for _ in range(100):
        assert await ring.caller(key) is not None
        assert await ring.caller(f"{key}x") is None
    assert ring.asked - before == 2
    # Another heartbeat, and what is known is known still.
    await asyncio.sleep(keyring.HEARTBEAT_S + 0.5)
    assert ring.trusts
    assert await ring.caller(key) is not None
    assert ring.asked - before == 2


async def settled(ring):
    """Return once a ring has forgotten what it was just told to forget, and listens again."""
    await asyncio.sleep(0.3)
    await until(lambda: ring.trusts)


async def test_made_up_keys_push_no_good_one_out(rings, database, monkeypatch):
    monkeypatch.setattr(keyring, "KNOWN_MAX", 10)
    key = await made(database)
    ring = rings[0]
    await settled(ring)
    assert await ring.caller(key) is not None
    before = ring.asked
    await asyncio.gather(*(ring.caller(f"made-up-{number}") for number in range(50)))
    assert ring.asked - before == 50
    assert len(ring._strange) <= 10
    assert await ring.caller(key) is not None
    assert ring.asked - before == 50


async def test_a_key_that_is_made_or_changed_by_hand_is_known_in_a_moment(rings, database):
    given = "a-key-that-somebody-has-chosen-for-themselves"
    for ring in rings:
        assert await ring.caller(given) is None
    async with connect(database) as connection:
        await keys.adopt(connection, given, "given")
        await until_is(rings, given, "default")
        await connection.execute("UPDATE own.api_keys SET tenant = 'acme'")
        await until_is(rings, given, "acme")
        await connection.execute("DELETE FROM own.api_keys")
        await until_is(rings, given, None)


async def until_is(rings, key, tenant):
    # Far below what a heartbeat or a lease would take.
    async with asyncio.timeout(1):
        for ring in rings:
            while True:
                caller = await ring.caller(key)
                if (caller.tenant if caller else None) == tenant:
                    break
                await asyncio.sleep(0.01)


async def end_listeners(connection):
    """End the sessions of this database that share the lock."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' "
        "AND mode = 'ShareLock' AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )


async def test_a_gateway_that_is_not_told_asks_each_time(rings, database):
    key = await made(database)
    ring = rings[0]
    await settled(ring)
    assert await ring.caller(key) is not None
    async with connect(database) as connection:
        await end_listeners(connection)
        await until(lambda: not ring.trusts)
        before = ring.asked
        assert await ring.caller(key) is not None
        assert ring.asked > before
        await keys.revoke(connection, key[:8])
    assert await ring.caller(key) is None
    # And it listens again.
    await until(lambda: ring.trusts)


async def test_a_gateway_that_hangs_delays_a_revocation_and_does_not_defeat_it(
    rings, database, monkeypatch
):
    monkeypatch.setattr(keys, "REVOKE_WAIT_S", 2.0)
    monkeypatch.setattr(keyring, "LEASE_S", 1.5)
    monkeypatch.setattr(keyring, "HEARTBEAT_S", 0.1)
    key = await made(database)
    hung, goes_on = rings
    for ring in rings:
        await settled(ring)
    deaf = asyncio.Event()
    hears = keyring._is_told

    async def is_told(connection, timeout_s):
        if connection is hung.listens_on:
            # It hears nothing, and keeps the lock: its connection stands still.
            await deaf.wait()
        return await hears(connection, timeout_s)

    async def listen(ring, connection):
        ring.listens_on = connection
        await KeyRing._listen(ring, connection)

    monkeypatch.setattr(Ring, "_listen", listen)
    async with connect(database) as connection:
        await end_listeners(connection)
    await until(lambda: not (hung.trusts or goes_on.trusts))
    await until(lambda: hung.trusts and goes_on.trusts)
    monkeypatch.setattr(keyring, "_is_told", is_told)
    await asyncio.sleep(0.3)
    for ring in rings:
        assert ring.trusts
        assert await ring.caller(key) is not None
    began_s = time.monotonic()
    async with connect(database) as connection:
        assert await keys.revoke(connection, key[:8])
    assert 1.5 < time.monotonic() - began_s < 30
    assert await hung.caller(key) is None
    assert await goes_on.caller(key) is None
    deaf.set()


async def test_what_was_asked_before_a_revocation_is_not_remembered_after_it(
    rings, database, monkeypatch
):
    key = await made(database)
    ring = rings[0]
    await settled(ring)
    went_on = asyncio.Event()
    lend = ring._database.connection

    @asynccontextmanager
    async def slow():
        async with lend() as connection:
            yield connection
            await went_on.wait()

    monkeypatch.setattr(ring._database, "connection", slow)
    asking = asyncio.create_task(ring.caller(key))
    await asyncio.sleep(0.1)
    async with connect(database) as connection:
        await keys.revoke(connection, key[:8])
    monkeypatch.setattr(ring._database, "connection", lend)
    # Who asks now does not get the answer to the one who asked before.
    assert await ring.caller(key) is None
    went_on.set()
    await asking
    assert await ring.caller(key) is None
