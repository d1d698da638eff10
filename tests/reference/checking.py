"""What the reference implementation accepts as an event, and what it refuses.

Checking looks at the event, the definitions and the append time only, never at a user: whether
an event is well-formed cannot depend on what happened before.

Nothing may be imported here but the standard library and this reference's own files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from reference.exact import to_decimal
from reference.periods import zone_names

CLOCK_TOLERANCE = timedelta(minutes=5)


class RefusedError(Exception):
    """The event changes nothing; the message says why."""


@dataclass(frozen=True)
class Checked:
    """An event that is known to be fine, with everything left out filled in."""

    tenant: str
    user: str
    # The fields of the user that were supplied, apart from the id.
    upsert: dict
    metric: str
    value: Decimal
    attributes: dict[str, str]
    at: datetime
    key: str | None


def check(event: dict, appended: datetime, definitions: dict) -> Checked:
    """Turn an event as it stands in the log into a checked one, or raise RefusedError."""
    user, upsert = _check_user(event.get("user"))
    _check_upsert(upsert, _attribute_keys(definitions, "user"))
    metric = _find_metric(event.get("metric"), definitions)
    attributes = _get(event, "attributes", {})
    _check_attributes(attributes, _attribute_keys(definitions, "event"))
    return Checked(
        tenant=_check_text(_get(event, "tenant", "default"), "tenant"),
        user=user,
        upsert=upsert,
        metric=metric["key"],
        value=_check_value(_get(event, "value", metric.get("defaultIncrementValue", 1))),
        attributes=attributes,
        at=_check_instant(event.get("occurredAt"), appended),
        key=_check_key(event.get("idempotencyKey")),
    )


def _get(event: dict, field: str, default: Any) -> Any:
    # Outside of the user's fields, null says the same as leaving the field out.
    return default if event.get(field) is None else event[field]


def _check_text(text: object, field: str) -> str:
    if not isinstance(text, str) or text == "":
        raise RefusedError(f"malformed {field}")
    return text


def _check_key(key: object) -> str | None:
    return None if key is None else _check_text(key, "key")


def _check_user(user: object) -> tuple[str, dict]:
    if isinstance(user, str):
        user = {"id": user}
    if not isinstance(user, dict):
        raise RefusedError("malformed user")
    fields = {field: value for field, value in user.items() if field != "id"}
    return _check_text(user.get("id"), "user"), fields


def _check_upsert(upsert: dict, known: set[str]) -> None:
    zone = upsert.get("tz")
    if zone is not None and _check_text(zone, "time zone") not in zone_names():
        raise RefusedError("unknown time zone")
    if upsert.get("attributes") is None:
        return
    if not isinstance(upsert["attributes"], dict):
        raise RefusedError("malformed attributes")
    # Null clears an attribute, so it is a valid value here, unlike in an event's attributes.
    cleared = {key: "" for key, value in upsert["attributes"].items() if value is None}
    _check_attributes(upsert["attributes"] | cleared, known)


def _attribute_keys(definitions: dict, kind: str) -> set[str]:
    attributes = definitions.get("attributes") or []
    return {attribute["key"] for attribute in attributes if attribute["type"] == kind}


def _check_attributes(attributes: object, known: set[str]) -> None:
    if not isinstance(attributes, dict):
        raise RefusedError("malformed attributes")
    if not set(attributes) <= known:
        raise RefusedError("unknown attribute")
    if not all(isinstance(value, str) for value in attributes.values()):
        raise RefusedError("malformed attributes")


def _find_metric(key: object, definitions: dict) -> dict:
    for metric in definitions["metrics"]:
        if metric["key"] == key:
            return metric
    raise RefusedError("unknown metric")


def _check_value(value: object) -> Decimal:
    # True and False are numbers to Python, but not in JSON.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise RefusedError("malformed value")
    # On the wire a value is a double, so what no double can hold is no value.
    try:
        fits = isfinite(float(value))
    except OverflowError:
        fits = False
    if not fits:
        raise RefusedError("malformed value")
    return to_decimal(value)


def _check_instant(written: object, appended: datetime) -> datetime:
    if written is None:
        return appended.astimezone(UTC)
    if not isinstance(written, str):
        raise RefusedError("malformed time")
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        raise RefusedError("malformed time") from None
    if instant.tzinfo is None:
        raise RefusedError("malformed time")
    if instant > appended + CLOCK_TOLERANCE:
        raise RefusedError("future time")
    # The offset fixes the instant and nothing else: periods follow the user's time zone.
    return instant.astimezone(UTC)
