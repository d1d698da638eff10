"""The names of definitions: their ids, and the names of filters and of what is counted for them.

Pure functions of keys. A name never changes: the ledger and other people's systems have it.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID, uuid5

NAMESPACE: Final = UUID("7b0a3c52-6f0e-5a4e-9d0f-2f9f5d1c8e11")


def id_of(tenant: str, *path: str) -> str:
    """Return the id of a definition: the same for the same tenant and path of keys, for ever."""
    return str(uuid5(NAMESPACE, "/".join((tenant, *path))))


def filter_id(attributes: Mapping[str, str]) -> str:
    """Return the one name of an event-attribute filter, under which its subtotal is kept."""
    return urlencode(sorted(attributes.items()))


def read_filter(name: str) -> dict[str, str]:
    """Return the event attributes of a filter by its name."""
    return dict(parse_qsl(name, keep_blank_values=True))


def series_of(metric: str, attributes: Mapping[str, str]) -> str:
    """Return the name under which a metric's total, or the subtotal of a filter, is kept."""
    return f"{metric}?{filter_id(attributes)}" if attributes else metric
