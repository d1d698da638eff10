"""Filters by attributes: as the Admin API shows them, and as definitions have them."""

from collections.abc import Mapping, Sequence
from typing import Literal

from contract.admin.drafts import Draft
from contract.admin.values import Filter, GivenFilter
from contract.collections import ATTRIBUTES
from contract.errors import RefusedItemError
from schemas.definitions import id_of

AttributeType = Literal["user", "event"]


def filters(tenant: str, kind: AttributeType, attributes: Mapping[str, str]) -> list[Filter]:
    """Return filters as the Admin API has them."""
    return [
        {"attributeId": id_of(tenant, *ATTRIBUTES.place, kind, key), "attributeValue": text}
        for key, text in attributes.items()
    ]


def read_filters(
    draft: Draft, kind: AttributeType, given: Sequence[GivenFilter] | None
) -> dict[str, str]:
    """Return filters as the definitions have them: key and value; None filters nothing.

    Raises RefusedItemError for an attribute that is not in use or is named twice.
    """
    found: dict[str, str] = {}
    for pair in given or ():
        item = draft.find(ATTRIBUTES, str(pair["attributeId"]))
        if item.type != kind:
            raise RefusedItemError("Attribute not found by ID")
        if item.key in found:
            raise RefusedItemError(f"the attribute {item.key!r} is given twice")
        found[item.key] = pair["attributeValue"]
    return found
