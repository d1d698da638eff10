"""Users: what is sent and answered, and what a write makes of one. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, NotRequired

from msgspec import UNSET
from pydantic import Field
from typing_extensions import TypedDict

from contract.application.values import Instant, instant_text
from projections.users import User as UserRow
from schemas.entries import UserEntry
from schemas.inputs import EventUser
from schemas.instants import instant
from schemas.records import Record, time_of


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


class User(TypedDict):
    """A user as they are known."""

    id: str
    email: str | None
    name: str | None
    tz: str | None
    deviceTokens: NotRequired[list[str] | None]
    subscribeToEmails: bool
    attributes: dict[str, str]
    control: bool
    created: Instant
    updated: Instant


@dataclass(frozen=True, slots=True)
class Person:
    """All that is known of a user, wherever it is kept."""

    id: str
    tz: str | None
    attributes: Mapping[str, str]
    created: datetime
    # When rules or profile changed last, whichever is later.
    updated: datetime
    name: str | None = None
    email: str | None = None
    device_tokens: list[str] | None = None
    # What the user said about emails, None for nothing.
    subscribed: bool | None = None


def user(person: Person) -> User:
    """Return a User.

    Whoever has no email address is not subscribed, whatever the default says (OD-8).
    """
    answer: User = {
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "tz": person.tz,
        "subscribeToEmails": person.email is not None and person.subscribed is not False,
        "attributes": dict(person.attributes),
        "control": False,
        "created": instant_text(person.created),
        "updated": instant_text(person.updated),
    }
    if person.device_tokens is not None:
        answer["deviceTokens"] = list(person.device_tokens)
    return answer


def person(row: UserRow, subscribed: bool | None) -> Person:  # noqa: FBT001  a value, not a flag
    """Return a user as stored; `subscribed` is what they said about emails, None for nothing."""
    return Person(
        row.id,
        row.tz,
        row.attributes,
        row.created,
        row.updated,
        row.name,
        row.email,
        row.device_tokens,
        subscribed,
    )


def after(
    before: Person | None,
    subscribed: bool | None,  # noqa: FBT001  a value, not a flag
    given: EventUser,
    record: Record | None,
    now: datetime,
) -> Person:
    """Return what `before`, None for nobody yet, has become by what was given.

    `subscribed` is what they said about emails before, which may be known of nobody yet. `record`
    is the judge's word, or None; `now` stands in for its time.
    """
    at = instant(time_of(record)) if record else now
    who = before or Person(given.id, None, {}, at, at, subscribed=subscribed)
    who = replace(
        who,
        tz=who.tz if given.tz is UNSET else given.tz,
        attributes=_merged(who.attributes, given.attributes or {}),
        updated=max(who.updated, at) if _changed(record, given) else who.updated,
    )
    if given.name is not UNSET:
        who = replace(who, name=given.name)
    if given.email is not UNSET:
        who = replace(who, email=given.email)
    if given.deviceTokens is not UNSET:
        who = replace(who, device_tokens=given.deviceTokens)
    if isinstance(given.subscribeToEmails, bool):
        who = replace(who, subscribed=given.subscribeToEmails)
    # Not subscribed means not stored (docs/reference/decisions.md, OD-8).
    return replace(who, email=None) if who.subscribed is False else who


def _merged(known: Mapping[str, str], given: Mapping[str, str | None]) -> dict[str, str]:
    # An empty value clears, as null does (OD-7).
    return {key: text for key, text in {**known, **given}.items() if text}


def _changed(record: Record | None, given: EventUser) -> bool:
    if record is None or given.profile():
        return True
    return any(isinstance(it, UserEntry) for it in record.entries)
