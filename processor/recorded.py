"""What a record keeps of its input: all that was judged on, and nothing that is personal. Pure."""

from typing import TypeVar, assert_never

from msgspec import UNSET

from schemas.codec import write_record
from schemas.entries import StreakMetricPreference, StreakPreferences
from schemas.inputs import (
    AchievementCompletion,
    Adjustment,
    Backfill,
    Backfilled,
    BoostDue,
    Correction,
    DefinitionsMarker,
    Due,
    EventUser,
    FreezeGrant,
    Hold,
    Identification,
    MetricEvent,
    PartitionInput,
    PauseAddition,
    PauseRemoval,
    Preferences,
    RecordedAdjustment,
    RecordedBackfill,
    RecordedBackfilled,
    RecordedBoostDue,
    RecordedCompletion,
    RecordedCorrection,
    RecordedDue,
    RecordedEvent,
    RecordedFreezeGrant,
    RecordedHold,
    RecordedIdentification,
    RecordedInput,
    RecordedMarker,
    RecordedPauseAddition,
    RecordedPauseRemoval,
    RecordedPreferences,
    RecordedRestoration,
    StreakRestoration,
    UserInput,
)
from schemas.inputs.streaks import StreakPreferencesIn
from schemas.instants import read_datetime
from schemas.records import Record
from schemas.text import UserId
from schemas.topics import RECORD_BYTES_MAX

_OfUser = TypeVar("_OfUser", RecordedEvent, RecordedCompletion, RecordedIdentification)


def recorded(given: UserInput) -> RecordedInput:  # noqa: C901, PLR0911, PLR0912  one case for each kind of input
    """Return an input of a user as its record has it."""
    if isinstance(given, MetricEvent):
        event = RecordedEvent(given.metric, given.value, given.attributes)
        if given.occurredAt is not None:
            event.occurredAt = read_datetime(given.occurredAt)
        return event if isinstance(given.user, str) else _with_user(event, given.user)
    match given:
        case Due():
            return RecordedDue(read_datetime(given.at))
        case AchievementCompletion():
            completion = RecordedCompletion(given.achievement)
            if given.occurredAt is not None:
                completion.occurredAt = read_datetime(given.occurredAt)
            return _with_user(completion, given.user)
        case Identification():
            return _with_user(RecordedIdentification(), given.user)
        case Adjustment():
            return RecordedAdjustment(given.system, given.points, given.reason)
        case Correction():
            return RecordedCorrection(
                given.event,
                given.metric,
                given.was,
                read_datetime(given.at),
                given.reason,
                given.attributes,
                given.day,
                given.value,
            )
        case FreezeGrant():
            return RecordedFreezeGrant()
        case PauseAddition():
            return RecordedPauseAddition(given.id, given.start, given.end)
        case PauseRemoval():
            return RecordedPauseRemoval(given.id)
        case StreakRestoration():
            return RecordedRestoration()
        case Preferences():
            return RecordedPreferences(_preferences(given.streak))
        case Backfill():
            return RecordedBackfill(given.version, given.series)
        case _:
            assert_never(given)


def recorded_of_partition(given: PartitionInput) -> RecordedInput:
    """Return an input of a whole partition as its record has it."""
    match given:
        case DefinitionsMarker():
            return RecordedMarker(given.version)
        case Backfilled():
            return RecordedBackfilled(given.version)
        case Hold():
            return RecordedHold(given.on)
        case BoostDue():
            at = read_datetime(given.at)
            return RecordedBoostDue(given.system, given.boost, given.change, at)
        case _:
            assert_never(given)


def fitting(record: Record, bytes_max: int = RECORD_BYTES_MAX) -> bytes:
    """Write a record without effects; one that would be too large for the ledger has no input."""
    raw = write_record(record)
    if len(raw) > bytes_max:
        record.input = None
        raw = write_record(record)
    return raw


def _with_user(kept: _OfUser, user: UserId | EventUser) -> _OfUser:
    if not isinstance(user, str):
        if user.tz is not UNSET:
            kept.tz = user.tz
        if user.attributes:
            kept.userAttributes = user.attributes
    return kept


def _preferences(given: StreakPreferencesIn) -> StreakPreferences:
    metrics = None
    if given.metrics is not None:
        metrics = tuple([StreakMetricPreference(it.metric, it.threshold) for it in given.metrics])
    return StreakPreferences(given.enabled, given.evaluationMode, metrics)
