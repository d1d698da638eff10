"""Whom the clock of a lane waits for: the lane, an import, the broker."""

import asyncio

import pytest
from parts.clocked import (
    LATER,
    PATIENCE_S,
    World,
    hold,
    users,
)
from wording.inputs import instant

from processor.store import Store, StoreFailedError


@pytest.fixture
def world(store):
    return World(store)


async def test_it_publishes_nothing_while_the_lane_is_behind(world):
    world.commits("ada")
    world.behind = True
    assert await world.look(LATER) == []
    world.behind = False
    assert len(await world.look()) == 1


async def test_it_waits_while_it_is_held(world):
    world.commits("ada")
    world.now = instant(LATER)
    hold(world, on=True)
    assert await world.look("2026-03-05T12:09:59Z") == []
    hold(world, on=False)
    assert len(await world.look()) == 1


async def test_a_hold_that_nobody_ends_runs_out(world):
    world.commits("ada")
    world.now = instant(LATER)
    hold(world, on=True)
    assert len(await world.look("2026-03-05T12:10:00Z")) == 1


async def test_a_hold_lasts_as_long_as_old_events_come(world):
    world.commits("ada")
    world.now = instant(LATER)
    hold(world, on=True)
    world.now = instant("2026-03-05T12:08:00Z")
    world.judge([{"user": "bob", "metric": "commits", "occurredAt": "2025-01-01T00:00:00Z"}])
    assert await world.look("2026-03-05T12:17:59Z") == []
    assert users(await world.look("2026-03-05T12:18:00Z")) == ["bob", "ada"]


async def test_a_broker_that_is_away_is_waited_for(world, monkeypatch):
    monkeypatch.setattr("processor.clock.PAUSE_S", 0)
    monkeypatch.setattr("processor.clock.IDLE_S", 0)
    world.commits("ada")
    world.now, world.broken = instant(LATER), True
    running = asyncio.create_task(world.clock.run())
    async with asyncio.timeout(PATIENCE_S):
        while world.refused < 3:
            await asyncio.sleep(0)
        assert not running.done()
        world.broken = False
        while not world.published:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_store_that_fails_ends_it(world, monkeypatch):
    def fails(*_args):
        raise StoreFailedError("as told")

    monkeypatch.setattr(Store, "scan", fails)
    with pytest.raises(StoreFailedError):
        await asyncio.wait_for(world.clock.run(), PATIENCE_S)
