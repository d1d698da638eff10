"""Attributes that a rule asks for: pairs of key and text, all of which must be there."""

from collections.abc import Mapping

from schemas.text import AttributeKey, AttributeText

Pairs = tuple[tuple[AttributeKey, AttributeText], ...]


def matches(wanted: Pairs, attributes: Mapping[AttributeKey, AttributeText]) -> bool:
    """Tell whether all wanted attributes are there."""
    for key, text in wanted:  # noqa: SIM110  twice as fast as all() of nothing, the common case
        if attributes.get(key) != text:
            return False
    return True


def pairs_of(attributes: Mapping[AttributeKey, AttributeText] | None) -> Pairs:
    """Return wanted attributes in an order of their own."""
    return tuple(sorted(attributes.items())) if attributes else ()
