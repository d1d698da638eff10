"""Metrics: what is counted per user."""

from typing import Literal

from schemas.definitions.fields import Item, Name, Number, Text, Units


class Metric(Item):
    """Something that is counted per user."""

    name: Name
    description: Text = ""
    unitType: Literal["number", "currency"] = "number"
    units: Units = ""
    defaultIncrementValue: Number | None = None
