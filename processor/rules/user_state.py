"""One user's state: all that judging the user's next input depends on. `evolve` changes it.

Kept as msgpack in the order of the fields: a new field goes to the end and has a default.
"""

from datetime import date
from typing import Final

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from schemas.entries import Pause, StreakPreferences
from schemas.instants import Micros
from schemas.numbers import Number
from schemas.periods import Frequency
from schemas.text import (
    AchievementKey,
    AttributeKey,
    AttributeText,
    MetricKey,
    SeriesName,
    SystemKey,
    ZoneName,
)


class Series(Struct, array_like=True, gc=False):
    """A metric's total or a filter's subtotal, and its highest value so far."""

    total: Number
    peak: Number


class Balance(Struct, array_like=True, gc=False):
    """A user's points in one system, and all that ever was awarded and deducted, as one sum."""

    total: int
    # Bounds what the changes of any days can come to, which readers add up.
    moved: int


class LostStreak(Struct, array_like=True, gc=False):
    """A streak that was lost and may be restored."""

    # First date of the last period that satisfied it.
    period: date
    length: int
    # Local date of the event that started it.
    started: date


class Track(Struct, array_like=True, gc=False):
    """The streak of one frequency."""

    # As of the user's time: 0 when there is none.
    length: int = 0
    # Local date of the event that started it.
    started: date | None = None
    # First date of the last period that satisfied it, also of a streak that was lost since.
    period: date | None = None
    # First date of the last period up to which it is kept.
    through: date | None = None
    # First date of a period that is not yet satisfied -> each metric's change within it. Several,
    # as one who moves to the west and back again returns to a period.
    changes: dict[date, dict[MetricKey, Number]] = {}
    # First date of the last period that was protected and not satisfied, while there is a streak.
    kept: date | None = None
    # The greatest length ever.
    longest: int = 0
    # What was lost and may be restored, oldest first, each shorter than the one before it.
    past: list[LostStreak] = []


class UserState(Struct, array_like=True, gc=False):
    """All that judging the next input of a user depends on."""

    # The latest event time seen: the user's time.
    time: Micros
    tz: ZoneName | None = None
    # Version of the definitions as whose filters ask for it the user's past is known.
    known: int = 1
    # When, and on which local date, the user came to be.
    created: Micros | None = None
    born: date | None = None
    # When time itself will next do something to the user.
    due: Micros | None = None
    series: dict[SeriesName, Series] = {}
    # Absent before the first award.
    points: dict[SystemKey, Balance] = {}
    # When each was completed.
    achievements: dict[AchievementKey, Micros] = {}
    attributes: dict[AttributeKey, AttributeText] = {}
    streaks: dict[Frequency, Track] = {}
    freezes: int = 0
    # Local date on which freezes were last earned.
    earned: date | None = None
    pauses: list[Pause] = []
    preferences: StreakPreferences | None = None


write_user_state: Final = Encoder().encode
read_user_state: Final = Decoder(UserState).decode
