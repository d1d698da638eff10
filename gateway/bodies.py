"""What is sent in the bodies of requests: their bytes, and their words for /openapi.json.

No more bytes are read than an event may have. Nothing is checked by the types while serving:
`schemas.inputs`, `checks` and `preferences` check.
"""

from datetime import datetime
from typing import Annotated, Any, Final, NotRequired

from fastapi import Request
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from gateway.checks import too_large
from gateway.contract import Double, NotificationPreferences, StreakPreferences
from schemas.topics import EVENT_BYTES_MAX


async def read_body(request: Request) -> bytes:
    """Return the body; ApiError 413 as soon as it is known to be too large, without the rest."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > EVENT_BYTES_MAX:
        raise too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > EVENT_BYTES_MAX:
            raise too_large()
    return bytes(body)


class UpdatedUser(TypedDict):
    """What is known of a user. What is given overwrites it; what is left out stays."""

    email: NotRequired[str]
    name: NotRequired[str]
    tz: NotRequired[Annotated[str | None, Field(description="IANA time zone.")]]
    deviceTokens: NotRequired[list[str] | None]
    subscribeToEmails: NotRequired[Annotated[bool, Field(json_schema_extra={"default": True})]]
    attributes: NotRequired[
        Annotated[dict[str, str], Field(description="Merged by key; an empty value clears one.")]
    ]


class UpsertedUser(UpdatedUser):
    """A user, who comes to be where there is none of this id."""

    id: Annotated[str, Field(min_length=1, max_length=255)]


class EventRequest(TypedDict):
    """A change of one metric of one user."""

    user: UpsertedUser
    value: Annotated[Double, Field(description="What is added to the total; may be negative.")]
    attributes: NotRequired[dict[str, str]]
    occurredAt: NotRequired[
        Annotated[
            datetime,
            Field(description="When it happened, if not now. An addition to the contract."),
        ]
    ]


class CompletionRequest(TypedDict):
    """Who completed the achievement."""

    user: UpsertedUser


class UpdateUserPreferencesRequest(TypedDict):
    """What a user wants to be different; what is left out stays."""

    notifications: NotRequired[NotificationPreferences]
    streak: NotRequired[StreakPreferences]


_REQUESTS: Final = {
    "EventRequest": EventRequest,
    "CompletionRequest": CompletionRequest,
    "UpsertedUser": UpsertedUser,
    "UpdatedUser": UpdatedUser,
    "UpdateUserPreferencesRequest": UpdateUserPreferencesRequest,
}


def request_schemas() -> dict[str, Any]:
    """Return the JSON Schemas of all bodies, by name, and of what they consist of."""
    schemas: dict[str, Any] = {}
    for name, model in _REQUESTS.items():
        schema = TypeAdapter(model).json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
    return schemas
