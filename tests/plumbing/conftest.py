"""Fixtures of the tests that need a server: stores on disk, and a place where a worker has been."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from plumbing.judging import MARKER, judging
from plumbing.places import BEGUN, EVENTS, FIRST, Place
from stack import Stack

from processor.store import Store


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Give stores by name, closed afterwards."""
    opened: dict[str, Store] = {}

    def store(name: str = "0") -> Store:
        if name not in opened:
            opened[name] = Store(tmp_path / name)
        return opened[name]

    yield store
    for it in opened.values():
        it.close()


@pytest.fixture
async def place(stack: Stack, prefix: str, tmp_path: Path) -> AsyncIterator[Place]:
    """Give a place where a worker in the slot `first` has judged, and left a snapshot."""
    async with judging(stack.kafka, prefix) as world:
        made = Place(world, tmp_path)
        await world.publish(MARKER, *EVENTS[: BEGUN - 1])
        await made.work("first", BEGUN, **FIRST)
        yield made
