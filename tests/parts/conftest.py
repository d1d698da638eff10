"""Fixtures of the tests that need no server: a store on disk, and how a state takes records."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from parts.states import Take, fold, judged

from processor.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Give the store of one partition, closed afterwards."""
    opened = Store(tmp_path / "0")
    yield opened
    opened.close()


@pytest.fixture(params=[fold, judged])
def take(request: pytest.FixtureRequest) -> Take:
    """Give both ways in which a state takes a record."""
    made: Take = request.param
    return made
