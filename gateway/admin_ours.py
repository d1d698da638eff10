"""What the Admin API has beyond the contract: corrections, adjustments, an achievement's status.

The first two are inputs on the log; their answers are the entries of the ledger's records.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter

from broker.ledger import find_record
from gateway import admin_contract
from gateway.admin_issues import Answer, read_object
from gateway.entry import Door
from gateway.errors import ApiError, Json
from gateway.submit import PENDING, submit
from schemas.changes import Status, StatusError, UnknownAchievementError, with_status
from schemas.definitions import Definitions, id_of
from schemas.entries import Record
from schemas.numbers import as_number
from schemas.versions import Version

_CORRECTION: Final[TypeAdapter[Any]] = TypeAdapter(admin_contract.CorrectionRequest)
_ADJUSTMENT: Final[TypeAdapter[Any]] = TypeAdapter(admin_contract.AdjustmentRequest)
_STATUS: Final[TypeAdapter[Any]] = TypeAdapter(admin_contract.AchievementStatusRequest)


async def event_corrected(door: Door, event_id: str, raw: object, key: str | None) -> Json:
    """Let an earlier event count with another value, or, null, not at all.

    Raises ApiError: 404 for no such event, 422 for one that did not count.
    """
    asked = read_object(_CORRECTION, raw)
    record = await find_record(door.parts.config.connection, door.parts.config.topics, event_id)
    if record is None or record["tenant"] != door.tenant:
        raise ApiError(404, "There is no such event in the ledger.")
    value = {**of_event(record), "reason": asked["reason"], **_key(key)}
    if asked["value"] is not None:
        # Exact: the judge reads the number as it stands here.
        value["value"] = as_number(asked["value"])
    user = record["user"]
    assert user is not None, "a metric event is of a user"
    return _effects(user, await submit(door.parts, door.tenant, user, value))


def of_event(record: Record) -> dict[str, Any]:
    """Return what a correction says of the event on which a record is.

    Raises ApiError 422 when it is none of a metric, or did not count.
    """
    given = record["input"] or {}
    if "metric" not in given or "type" in given:
        raise ApiError(422, "Only a metric event can be corrected.")
    if record["outcome"] == "replayed":
        first = record.get("first", "another event")
        raise ApiError(422, f"That event was a replay and did not count: correct {first}.")
    if record["outcome"] != "applied":
        raise ApiError(422, f"That event was {record['outcome']} and did not count.")
    told = {
        "type": "correction",
        "event": record["id"],
        "metric": given["metric"],
        "was": "0",
        "attributes": given.get("attributes", {}),
        "at": record["at"],
    }
    for entry in record["entries"]:
        # What the input left out was filled in by the definitions of then: the entry knows.
        if entry["kind"] == "total" and entry["metric"] == given["metric"]:
            told |= {"was": entry["change"], "day": entry["day"]}
    return told


async def points_adjusted(door: Door, user: str, system: str, raw: object, key: str | None) -> Json:
    """Grant a user points or, negative, deduct some; ApiError 404 for an unknown user or system."""
    asked = read_object(_ADJUSTMENT, raw)
    value = {
        "type": "adjustment",
        "system": system,
        "points": asked["points"],
        "reason": asked["reason"],
        **_key(key),
    }
    return _effects(user, await submit(door.parts, door.tenant, user, value))


def _key(key: str | None) -> dict[str, str]:
    return {} if key is None else {"idempotencyKey": key}


def _effects(user: str, record: Record | None) -> Json:
    if record is None:
        body: Answer = {"outcome": "pending", "userId": user, "effects": []}
        return Json(body, status_code=202, headers=PENDING)
    replayed = record["outcome"] == "replayed"
    body = {
        "id": record.get("first", record["id"]) if replayed else record["id"],
        "outcome": record["outcome"],
        "userId": user,
        "at": record["at"],
        "effects": [] if replayed else [dict(it) for it in record["entries"] if _told(it)],
    }
    return Json(body, status_code=202 if replayed else 201)


def _told(entry: Mapping[str, Any]) -> bool:
    # When the clock will look at the user next is the engine's own business.
    return bool(entry["kind"] != "due")


async def achievement_status(door: Door, key: str, raw: object) -> Json:
    """Activate, lock or unlock an achievement; ApiError 404 or, for another way, 422."""
    status: Status = read_object(_STATUS, raw)["status"]

    def make(head: Version) -> Definitions:
        try:
            return with_status(head.definitions, key, status)
        except UnknownAchievementError as error:
            raise ApiError(404, str(error)) from error
        except StatusError as error:
            raise ApiError(422, str(error)) from error

    version = await door.parts.change(door.tenant, make)
    item = next(it for it in version.definitions.achievements if it.key == key)
    body = {
        "id": id_of(door.tenant, "achievements", key),
        "key": key,
        "name": item.name,
        "status": item.status,
    }
    return Json(body)
