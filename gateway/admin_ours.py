"""What the Admin API has beyond the contract: corrections, adjustments, an achievement's status.

The first two are inputs on the log; their answers are the entries of the ledger's records.
"""

from typing import Any, Final

from msgspec import to_builtins
from pydantic import TypeAdapter

from broker.finder import find_record
from gateway import admin_contract
from gateway.admin_issues import Answer, read_object
from gateway.entry import Door
from gateway.errors import ApiError, Json
from gateway.submit import PENDING, submit
from schemas.changes import Status, StatusError, UnknownAchievementError, with_status
from schemas.definitions import Definitions, id_of
from schemas.entries import DueEntry, TotalEntry
from schemas.inputs import RecordedEvent
from schemas.numbers import number
from schemas.records import Record, event_id_of, time_text
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
    if record is None or record.tenant != door.tenant:
        raise ApiError(404, "There is no such event in the ledger.")
    value = {**of_event(record), "reason": asked["reason"], **_key(key)}
    if asked["value"] is not None:
        # Exact: the judge reads the number as it stands here.
        value["value"] = number(asked["value"])
    user = record.user
    assert user is not None, "a metric event is of a user"
    return _effects(user, await submit(door.parts, door.tenant, user, value))


def of_event(record: Record) -> dict[str, Any]:
    """Return what a correction says of the event on which a record is.

    Raises ApiError 422 when it is none of a metric, or did not count.
    """
    given = record.input
    if not isinstance(given, RecordedEvent):
        raise ApiError(422, "Only a metric event can be corrected.")
    if record.outcome == "replayed":
        first = record.first or "another event"
        raise ApiError(422, f"That event was a replay and did not count: correct {first}.")
    if record.outcome != "applied":
        raise ApiError(422, f"That event was {record.outcome} and did not count.")
    correction: dict[str, Any] = {
        "type": "correction",
        "event": event_id_of(record),
        "metric": given.metric,
        "was": 0,
        "attributes": given.attributes,
        "at": time_text(record),
    }
    for entry in record.entries:
        # What the input left out was filled in by the definitions of then: the entry knows.
        if isinstance(entry, TotalEntry) and entry.metric == given.metric:
            correction |= {"was": entry.change, "day": entry.day}
    return correction


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
    replayed = record.outcome == "replayed"
    # When the clock will look at the user next is the engine's own business.
    effects = [it for it in record.entries if not isinstance(it, DueEntry)]
    body = {
        "id": (record.first if replayed else None) or event_id_of(record),
        "outcome": record.outcome,
        "userId": user,
        "at": time_text(record),
        "effects": [] if replayed else to_builtins(effects),
    }
    return Json(body, status_code=202 if replayed else 201)


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
