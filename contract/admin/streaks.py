"""Freezes, pauses and restored streaks: what is sent and answered (docs/reference/admin.md)."""

from typing import Final, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from contract.admin.values import STRICT, AdminIssue, Deleted, GivenDate, Id
from contract.application.values import Date
from schemas.strict import UserId


@STRICT
class FreezeRequestItem(TypedDict):
    """Who gets one freeze."""

    userId: UserId


class CreateStreakFreezesResponse(TypedDict):
    """What could not be granted."""

    issues: list[AdminIssue]


@STRICT
class PauseRequestItem(TypedDict):
    """Local dates of a user, both included, in which the streak is kept without activity."""

    userId: UserId
    start: GivenDate
    end: GivenDate


class AdminStreakPause(TypedDict):
    """A pause."""

    id: Id
    userId: str
    start: Date
    end: Date
    status: Literal["active", "archived"]


class CreateStreakPausesResponse(TypedDict):
    """The pauses that came to be."""

    created: list[AdminStreakPause]
    issues: list[AdminIssue]


class DeleteStreakPausesResponse(Deleted):
    """The pauses that are no more."""


@STRICT
class RestoreRequestItem(TypedDict):
    """Whose streak is to be given back."""

    id: UserId


class RestoreStreaksResponse(TypedDict):
    """Whose streaks were given back."""

    restoredUsers: list[str]
    issues: list[AdminIssue]


FREEZE: Final = TypeAdapter(FreezeRequestItem)
PAUSE: Final = TypeAdapter(PauseRequestItem)
RESTORE: Final = TypeAdapter(RestoreRequestItem)
