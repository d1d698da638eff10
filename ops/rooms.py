"""Check that our packages are our own: a foreign `schemas` in site-packages would win silently."""

import importlib
from pathlib import Path

ROOMS = ("schemas", "broker", "processor", "projections", "contract", "gateway", "notifier", "ops")


def check_rooms() -> None:
    """Raise ImportError when a room was imported from elsewhere than beside this one."""
    root = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        module = importlib.import_module(room)
        found = Path(module.__file__ or "").resolve()
        if found.parent != root / room:
            raise ImportError(
                f"{room!r} was imported from {found.parent}, not from {root / room}: "
                "another package of this name is in the way; use a virtual environment of its own"
            )
