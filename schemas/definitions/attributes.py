"""Attributes: what is known of users and events, by which others filter."""

from typing import Literal

from schemas.definitions.fields import Item, Name


class Attribute(Item):
    """Something that is known of a user or of an event, and may be filtered by."""

    type: Literal["user", "event"]
    name: Name
