"""A running system for the journeys that share one, and the means to make another."""

import pytest
from journeys.system import System

GAME = "examples/game.yaml"


@pytest.fixture
def make_system(stack, database, prefix, tmp_path):
    """Return a function that makes a system which is stopped when the test ends."""
    made = []

    def make(**settings):
        system = System(stack, database, prefix, tmp_path / "data", **settings)
        made.append(system)
        system.set_up()
        return system

    yield make
    for system in made:
        system.stop()


@pytest.fixture
def running(make_system):
    """Return a system with every part running and examples/game.yaml in force."""
    system = make_system(XP_WEBHOOK_ALLOW_PRIVATE="true")
    system.xp("apply", GAME)
    system.start()
    system.wait_ready()
    return system
