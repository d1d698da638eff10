"""The search for the highest rate that holds. Knows neither what is sent nor what holding means."""

from collections.abc import Awaitable, Callable
from typing import Final

FACTOR: Final = 1.5
HALVINGS: Final = 3


async def highest(
    holds: Callable[[float], Awaitable[bool]], first: float, *, least: float, most: float
) -> float:
    """Return the highest rate that held, within a twentieth of the lowest that did not.

    It begins with the rate `first`. Raises RuntimeError when no rate of at least `least` holds.
    """
    held, failed = 0.0, 0.0
    rate = first
    while least <= rate <= most and not (held and failed):
        if await holds(rate):
            held, rate = rate, rate * FACTOR
        else:
            failed, rate = rate, rate / FACTOR
    if not held:
        raise RuntimeError(f"no rate of at least {least:,.0f}/s holds")
    if not failed:
        return held
    for _ in range(HALVINGS):
        rate = (held * failed) ** 0.5
        if await holds(rate):
            held = rate
        else:
            failed = rate
    return held
