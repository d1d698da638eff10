"""What the reference implementation accepts as an input, and what it refuses.

Checking looks at the input, the definitions and the append time only, never at a user: whether
an input is well-formed cannot depend on what happened before.

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
from reference.rules import find, live

CLOCK_TOLERANCE = timedelta(minutes=5)


class RefusedError(Exception):
    """The input changes nothing; the code and the message say why."""

    def __init__(self, code: str, reason: str) -> None:
        """Take "invalid", "not_found" or "blocked", and a sentence."""
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True)
class Given:
    """An input of any kind, as far as all kinds are alike."""

    tenant: str
    kind: str
    user: str
    # The fields of the user that were supplied, apart from the id.
    upsert: dict
    # When it happened: the append time unless the input says otherwise.
    at: datetime
    key: str | None
    # All that it says, to be read by those who know the kind.
    told: dict

    @property
    def scope(self) -> str:
        """Within what an idempotency key may be used once."""
        return f"metric {self.told['metric']}" if self.kind == "metric" else self.kind


def check(told: dict, appended: datetime, definitions: dict) -> Given:
    """Turn an input as it stands in the log into a checked one, or raise RefusedError."""
    kind = _get(told, "type", "metric")
    user, upsert = _check_user(told.get("user"))
    if kind == "metric":
        find_metric(told.get("metric"), definitions)
        attributes = _get(told, "attributes", {})
        _check_attributes(attributes, _attribute_keys(definitions, "event"))
        _check_value(_get(told, "value", 1))
    if kind in ("metric", "user"):
        check_upsert(upsert, definitions)
    when = told.get("at") if kind == "due" else told.get("occurredAt")
    return Given(
        tenant=_check_text(_get(told, "tenant", "default"), "tenant"),
        kind=kind,
        user=user,
        upsert=upsert,
        at=_check_instant(when, appended),
        key=_check_key(told.get("idempotencyKey")),
        told=told,
    )


def _get(told: dict, field: str, default: Any) -> Any:
    # Outside of the user's fields, null says the same as leaving the field out.
    return default if told.get(field) is None else told[field]


def _check_text(text: object, field: str) -> str:
    if not isinstance(text, str) or text == "":
        raise RefusedError("invalid", f"malformed {field}")
    return text


def _check_key(key: object) -> str | None:
    return None if key is None else _check_text(key, "key")


def _check_user(user: object) -> tuple[str, dict]:
    if isinstance(user, str):
        user = {"id": user}
    if not isinstance(user, dict):
        raise RefusedError("invalid", "malformed user")
    fields = {field: value for field, value in user.items() if field != "id"}
    return _check_text(user.get("id"), "user"), fields


def check_upsert(upsert: dict, definitions: dict) -> None:
    """Refuse what cannot be known of a user."""
    zone = upsert.get("tz")
    if zone is not None and _check_text(zone, "time zone") not in zone_names():
        raise RefusedError("invalid", "unknown time zone")
    if upsert.get("attributes") is None:
        return
    if not isinstance(upsert["attributes"], dict):
        raise RefusedError("invalid", "malformed attributes")
    # Null clears an attribute, so it is a valid value here, unlike in an event's attributes.
    cleared = {key: "" for key, value in upsert["attributes"].items() if value is None}
    _check_attributes(upsert["attributes"] | cleared, _attribute_keys(definitions, "user"))


def _attribute_keys(definitions: dict, kind: str) -> set[str]:
    attributes = live(definitions.get("attributes"))
    return {attribute["key"] for attribute in attributes if attribute["type"] == kind}


def _check_attributes(attributes: object, known: set[str]) -> None:
    if not isinstance(attributes, dict):
        raise RefusedError("invalid", "malformed attributes")
    if not set(attributes) <= known:
        raise RefusedError("invalid", "unknown attribute")
    if not all(isinstance(value, str) for value in attributes.values()):
        raise RefusedError("invalid", "malformed attributes")


def find_metric(key: object, definitions: dict) -> dict:
    """The metric with this key, which must not be archived."""
    metric = find(definitions["metrics"], key) if isinstance(key, str) else None
    if metric is None:
        raise RefusedError("not_found", "unknown metric")
    return metric


def value_of(told: dict, metric: dict) -> Decimal:
    """What an event counts with: one that says nothing has the default of its metric."""
    return to_decimal(_get(told, "value", _get(metric, "defaultIncrementValue", 1)))


def _check_value(value: object) -> None:
    # True and False are numbers to Python, but not in JSON.
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise RefusedError("invalid", "malformed value")
    # On the wire a value is a double, so what no double can hold is no value.
    try:
        fits = isfinite(float(value))
    except OverflowError:
        fits = False
    if not fits:
        raise RefusedError("invalid", "malformed value")


def _check_instant(written: object, appended: datetime) -> datetime:
    if written is None:
        return appended.astimezone(UTC)
    if not isinstance(written, str):
        raise RefusedError("invalid", "malformed time")
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        raise RefusedError("invalid", "malformed time") from None
    if instant.tzinfo is None:
        raise RefusedError("invalid", "malformed time")
    if instant > appended + CLOCK_TOLERANCE:
        raise RefusedError("invalid", "future time")
    # The offset fixes the instant and nothing else: periods follow the user's time zone.
    return instant.astimezone(UTC)
