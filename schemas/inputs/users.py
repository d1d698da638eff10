"""Inputs that tell of a user: the user of an event, and an identification."""

from collections.abc import Iterator
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.inputs.base import Input, Problem, RecordedBase
from schemas.text import (
    AttributeKey,
    AttributeText,
    IdempotencyKeyIn,
    PersonalIn,
    UserAttributesIn,
    UserIdIn,
    ZoneName,
)
from schemas.zones import UnknownTimeZoneError, zone

# They go to the profile and never enter the ledger.
PERSONAL: Final = ("name", "email", "deviceTokens", "subscribeToEmails")

Profile = dict[str, str | list[str] | bool | None]


class EventUser(Struct, forbid_unknown_fields=True, gc=False):
    """The user of an event. What is given overwrites what is known, what is left out stays.

    `name`, `email`, `deviceTokens` and `subscribeToEmails` are personal. `tz` and `attributes` are
    judged on and stay in the ledger.
    """

    id: UserIdIn
    # None clears it.
    tz: ZoneName | UnsetType | None = UNSET
    attributes: UserAttributesIn | None = None
    name: PersonalIn | UnsetType | None = UNSET
    email: PersonalIn | UnsetType | None = UNSET
    deviceTokens: Annotated[list[PersonalIn], Meta(max_length=100)] | UnsetType | None = UNSET
    subscribeToEmails: bool | UnsetType | None = UNSET

    def profile(self) -> Profile:
        """Return the personal fields that were given, an absent one left out."""
        given: Profile = {}
        if not isinstance(self.name, UnsetType):
            given["name"] = self.name
        if not isinstance(self.email, UnsetType):
            given["email"] = self.email
        if not isinstance(self.deviceTokens, UnsetType):
            given["deviceTokens"] = self.deviceTokens
        if not isinstance(self.subscribeToEmails, UnsetType):
            given["subscribeToEmails"] = self.subscribeToEmails
        return given

    def problems(self, path: str = "user.") -> Iterator[Problem]:
        """Yield what is wrong with it beyond its types."""
        if isinstance(self.tz, str):
            try:
                zone(self.tz)
            except UnknownTimeZoneError as error:
                yield Problem(f"{path}tz", str(error), kind="is not an IANA time zone")


class Identification(Input, tag="user"):
    """A user comes to be, or what is known of one changes, without anything being done."""

    user: UserIdIn | EventUser
    idempotencyKey: IdempotencyKeyIn | None = None

    def problems(self) -> Iterator[Problem]:
        """See Input."""
        if not isinstance(self.user, str):
            yield from self.user.problems()


class RecordedUser(RecordedBase, kw_only=True):
    """What an input told of its user, without what is personal."""

    tz: ZoneName | UnsetType | None = UNSET
    userAttributes: dict[AttributeKey, AttributeText | None] = {}


class RecordedIdentification(RecordedUser, tag="user"):
    """See Identification."""
