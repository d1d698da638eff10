"""The gateway and Python's collector of garbage: rare, and never over what it is made of."""

import gc
from pathlib import Path

import pytest

from ops import parts
from ops.settings import Settings


@pytest.fixture(autouse=True)
def _restored():
    """Leave the collector as it was."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


async def test_a_gateway_that_answers_is_not_looked_through_again(monkeypatch):
    before = []

    async def serve(_config, started):
        before.append((gc.get_threshold()[0], gc.get_freeze_count()))
        started(8080)

    monkeypatch.setattr("gateway.server.serve", serve)
    await parts.run_gateway(
        Settings(
            kafka="127.0.0.1:9",
            postgres="postgresql:///none",
            data_dir=Path("/nowhere"),
            parts_secret="s" * 32,
        )
    )
    (threshold, frozen) = before[0]
    assert threshold > 10_000
    assert frozen == 0
    assert gc.get_freeze_count() > 10_000
