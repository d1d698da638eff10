"""Boosts: multipliers on what is earned within local dates."""

from typing import Literal

from schemas.definitions.fields import Day, Filter, Item, Multiplier, Name, UserId


class Boost(Item):
    """A multiplier on what is earned in a window of local time."""

    name: Name
    start: Day
    end: Day | None = None
    multiplier: Multiplier
    rounding: Literal["down", "up", "nearest"] = "down"
    userId: UserId | None = None
    userAttributes: Filter | None = None
