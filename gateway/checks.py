"""What can be said of an input without knowing its user: shape, names, time, the email rule.

These checks spare an answer the way through the log; the judge makes them again, and its word
decides. No I/O in here.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar

from msgspec import UNSET, Struct, convert
from pydantic import BaseModel, ValidationError

from gateway.errors import ApiError
from schemas.codec import write_input
from schemas.inputs import EventUser, MetricEvent
from schemas.inputs.explaining import (
    NotJsonError,
    read_json,
    sentence,
    shape_problems,
    text_problems,
)
from schemas.inputs.reading import InvalidInputError, read_input
from schemas.instants import instant, read_instant, write_instant
from schemas.strict import explain
from schemas.text import is_key
from schemas.topics import EVENT_BYTES_MAX
from schemas.versions import Version

# occurredAt is our extension (OD-1); the rest is the contract's.
FIELDS: Final = ("user", "value", "attributes", "occurredAt")

KEY_MAX: Final = 255
# As the judge has it (processor.rules.decide).
FUTURE_SECONDS_MAX: Final = 300


def read_event(raw: bytes, metric: str, tenant: str, key: str | None) -> tuple[MetricEvent, bytes]:
    """Return the event that a request body stands for, and its bytes for xp.events.

    Raises ApiError: 400 when the body is not JSON, 413 when the event would be too large, 422 with
    the fields that have to be changed.
    """
    body = read_object(raw, "user and value")
    _check_fields(body)
    event: dict[str, Any] = {"tenant": tenant, "metric": metric, **body}
    if key is not None:
        event["idempotencyKey"] = key
    value = write_input(event)
    if len(value) > EVENT_BYTES_MAX:
        raise too_large()
    try:
        read = read_input(value)
    except InvalidInputError as error:
        sentence = str(error).replace("idempotencyKey:", "the header Idempotency-Key:")
        raise ApiError(422, sentence) from error
    assert isinstance(read, MetricEvent), "an input without a type is a metric event"
    return read, value


def read_object(raw: bytes, what: str) -> dict[str, Any]:
    """Return a body that is a JSON object; `what` names what is to be in it.

    Raises ApiError: 400 when it is not JSON, 422 when it is no object.
    """
    try:
        body = read_json(raw)
    except NotJsonError as error:
        raise ApiError(400, f"The body is {error}") from error
    if not isinstance(body, dict):
        raise ApiError(422, f"The body must be an object with {what}.")
    return body


ModelT = TypeVar("ModelT", bound=BaseModel)


def read_model(model: type[ModelT], body: dict[str, Any]) -> ModelT:
    """Return a body as a model; ApiError 422 with the fields that have to be changed."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise ApiError(422, explain(error)) from error


StructT = TypeVar("StructT", bound=Struct)


def read_struct(struct: type[StructT], body: dict[str, Any]) -> StructT:
    """Return a body as a Struct; ApiError 422 with the fields that have to be changed."""
    problems = [*text_problems(body), *shape_problems(body, struct)]
    if problems:
        raise ApiError(422, sentence(problems))
    return convert(body, struct)


def read_user(body: dict[str, Any]) -> EventUser:
    """Return a body as a user; ApiError 422 with the fields that have to be changed."""
    user = read_struct(EventUser, body)
    check_user(user, "")
    return user


def check_user(user: EventUser, path: str = "user.") -> None:
    """Refuse what is wrong with a user beyond the types of the fields; raises ApiError 422."""
    problems = list(user.problems(path))
    if problems:
        raise ApiError(422, sentence(problems))


def check_key(metric: str) -> None:
    """Refuse what no metric can be called; raises ApiError 404."""
    if not is_key(metric):
        raise ApiError(
            404,
            "There is no such metric: a key has letters, digits, - and _ only, "
            f"and at most {KEY_MAX} of them.",
        )


def too_large() -> ApiError:
    """Return the error for a body that is too large."""
    return ApiError(413, f"An event may have {EVENT_BYTES_MAX} bytes: send less with it.")


def _check_fields(body: dict[str, Any]) -> None:
    problems = [f"{name}: unknown field" for name in body if name not in FIELDS]
    if not isinstance(body.get("user"), dict):
        problems.append("user: must be an object with an id")
    # On Kafka a value may be left out; the contract requires it (OD-45).
    if body.get("value") is None:
        problems.append("value: is required, a number")
    if problems:
        raise ApiError(422, "; ".join(problems[:5]))


def check_names(event: MetricEvent, version: Version | None) -> None:
    """Check the metric and the attribute keys against the definitions.

    Raises ApiError: 404 for an unknown metric (OD-2), 422 for unknown attribute keys (1.4).
    """
    game = version.definitions if version else None
    metrics = [item.key for item in game.metrics if not item.archived] if game else []
    if event.metric not in metrics:
        raise ApiError(
            404,
            f"There is no metric {event.metric!r}. Known metrics: {_list(metrics)}.",
        )
    check_attributes("event", event.attributes, version)
    if isinstance(event.user, EventUser):
        check_attributes("user", event.user.attributes or {}, version)


def check_attributes(
    kind: Literal["event", "user"], given: Iterable[str], version: Version | None
) -> None:
    """Check attribute keys against the definitions; ApiError 422 for unknown ones (1.4)."""
    attributes = version.definitions.attributes if version else []
    known = [item.key for item in attributes if item.type == kind and not item.archived]
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ApiError(
            422,
            f"Invalid attribute keys: {', '.join(unknown)}. "
            f"Define them as {kind} attributes, or use one of: {_list(known)}.",
        )


def _list(keys: Iterable[str]) -> str:
    return ", ".join(sorted(keys)) or "none"


def check_time(event: MetricEvent, now: datetime) -> None:
    """Refuse an event from the future (OD-1); raises ApiError 422."""
    if event.occurredAt is None:
        return
    at = instant(read_instant(event.occurredAt))
    if at > now + timedelta(seconds=FUTURE_SECONDS_MAX):
        raise ApiError(
            422,
            f"occurredAt: {write_instant(at)} is more than {FUTURE_SECONDS_MAX // 60} minutes in "
            "the future; check the clock and the offset.",
        )


def wants_email_on_file(user: EventUser) -> bool:
    """Tell whether a user is subscribed to emails without bringing an address along (OD-8)."""
    return user.subscribeToEmails is True and not user.email


def check_email(user: EventUser, stored: str | None) -> None:
    """Refuse a subscription of somebody of whom no address is known; raises ApiError 422."""
    # An address that the input itself clears is none.
    cleared = user.email is not UNSET
    if wants_email_on_file(user) and (cleared or not stored):
        raise ApiError(
            422,
            "user.subscribeToEmails: is true, but no email address is known; send user.email too.",
        )
