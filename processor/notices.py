"""From a ledger record to the notices for downstream services.

Pure: one notice for each effect that somebody is notified of.
"""

from collections.abc import Iterator
from typing import NamedTuple, assert_never

from msgspec import UNSET

from schemas.entries import (
    AchievementEntry,
    BackfilledEntry,
    BackfillEntry,
    BoostEntry,
    CorrectionEntry,
    DefinitionsEntry,
    DueEntry,
    Entry,
    FreezesEntry,
    HoldEntry,
    LevelEntry,
    PausesEntry,
    PointsEntry,
    PreferencesEntry,
    ProgressEntry,
    StreakEntry,
    TotalEntry,
    UserEntry,
)
from schemas.instants import write_instant
from schemas.notices import (
    AchievementCompleted,
    FreezesChanged,
    LevelChanged,
    Notice,
    PointsAwarded,
    StreakChanged,
)
from schemas.records import Record, event_id_of, time_text
from schemas.topics import Topics, user_key


class Outgoing(NamedTuple):
    """A notice, where it goes and under which key."""

    topic: str
    key: bytes
    notice: Notice


def notices_of(record: Record, topics: Topics) -> Iterator[Outgoing]:
    """Return the notices of a record: none for what nobody is to be notified of."""
    user = record.user
    if record.outcome != "applied" or user is None:
        return
    made = _Notices(record, user, topics)
    for index, entry in enumerate(record.entries):
        found = made.of(index, entry)
        if found is not None:
            yield found


class _Notices:
    """The notices of one record."""

    __slots__ = ("_at", "_id", "_key", "_record", "_topics", "_user")

    def __init__(self, record: Record, user: str, topics: Topics) -> None:
        self._record = record
        self._user = user
        self._topics = topics
        self._id = event_id_of(record)
        self._at = ""
        self._key = user_key(record.tenant, user)

    def of(self, index: int, entry: Entry) -> Outgoing | None:
        match entry:
            case TotalEntry() | ProgressEntry() | DueEntry():
                # The most frequent, and nothing that a user got or lost.
                return None
            case PointsEntry():
                return None if entry.quiet else self._points(index, entry)
            case StreakEntry():
                return None if entry.quiet else self._streak(index, entry)
            case AchievementEntry():
                return None if entry.quiet else self._achievement(index, entry)
            case LevelEntry():
                return None if entry.quiet else self._level(index, entry)
            case FreezesEntry():
                return self._freezes(index, entry)
            case (
                UserEntry()
                | PausesEntry()
                | PreferencesEntry()
                | CorrectionEntry()
                | BackfillEntry()
                | BackfilledEntry()
                | HoldEntry()
                | BoostEntry()
                | DefinitionsEntry()
            ):
                # What follows from it has entries of its own.
                return None
            case _:
                assert_never(entry)

    def _base(self, index: int) -> tuple[str, str, str, str, str, int]:
        """Return what every notice has, in the order of its fields."""
        if not self._at:
            self._at = time_text(self._record)
        record = self._record
        notice = f"{self._id}:{index}"
        return notice, record.tenant, self._user, self._at, self._id, record.definitions

    def _points(self, index: int, entry: PointsEntry) -> Outgoing:
        notice = PointsAwarded(
            *self._base(index),
            entry.system,
            entry.trigger,
            entry.awarded,
            entry.total,
            entry.boosts or UNSET,
            UNSET if entry.count is None else entry.count,
            UNSET if entry.reason is None else entry.reason,
        )
        if entry.at is not None:
            notice.at = write_instant(entry.at)
        return Outgoing(self._topics.points_awarded, self._key, notice)

    def _level(self, index: int, entry: LevelEntry) -> Outgoing:
        notice = LevelChanged(
            *self._base(index), entry.system, entry.before, entry.after, entry.total
        )
        return Outgoing(self._topics.level_changed, self._key, notice)

    def _achievement(self, index: int, entry: AchievementEntry) -> Outgoing:
        notice = AchievementCompleted(*self._base(index), entry.achievement)
        return Outgoing(self._topics.achievement_completed, self._key, notice)

    def _streak(self, index: int, entry: StreakEntry) -> Outgoing | None:
        change = entry.change
        if change == "carried" or change == "paused":  # noqa: PLR1714  narrows the type
            return None
        notice = StreakChanged(
            *self._base(index),
            entry.frequency,
            change,
            entry.length,
            entry.lost,
            UNSET if entry.consumed is None else entry.consumed,
            UNSET if entry.freezes is None else entry.freezes,
        )
        return Outgoing(self._topics.streak_changed, self._key, notice)

    def _freezes(self, index: int, entry: FreezesEntry) -> Outgoing:
        notice = FreezesChanged(*self._base(index), entry.change, entry.amount, entry.freezes)
        return Outgoing(self._topics.streak_changed, self._key, notice)
