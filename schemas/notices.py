"""What leaves on the award topics, for downstream services.

A notice's `id` is the event's id and the index of the effect within its record: the same however
often the notice is sent. A consumer that remembers the ids it has handled, and drops those it has
seen, handles every effect exactly once. Notices of one user come in order on one partition.
"""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from schemas.periods import Frequency
from schemas.text import (
    AchievementKey,
    BoostKey,
    EventId,
    InstantText,
    LevelKey,
    Reason,
    SystemKey,
    TenantKey,
    TriggerKey,
    UserId,
)


class BaseNotice(Struct, gc=False):
    """What every notice has."""

    id: str
    tenant: TenantKey
    user: UserId
    # Event time, ISO 8601 in UTC; for points that time itself awarded, when they fell due.
    at: InstantText
    # Id of the event that it follows from: epoch-partition-offset on the events topic.
    event: EventId
    # Version of the tenant's definitions that it was judged by.
    definitions: int


class PointsAwarded(BaseNotice):
    """Points awarded by one trigger or by an operator; negative for a deduction."""

    system: SystemKey
    # Null for what an operator granted or deducted.
    trigger: TriggerKey | None
    awarded: int
    # The balance after it.
    total: int
    # Keys of the boosts that multiplied it; absent without any.
    boosts: tuple[BoostKey, ...] | UnsetType = UNSET
    # How many times in a row a time trigger was due; absent for once.
    count: int | UnsetType = UNSET
    # Why an operator granted, deducted or corrected.
    reason: Reason | UnsetType = UNSET


class LevelChanged(BaseNotice):
    """An event moved the user to another level, up or down, or to none (null)."""

    system: SystemKey
    previousLevel: LevelKey | None
    newLevel: LevelKey | None
    total: int


class AchievementCompleted(BaseNotice):
    """An achievement was completed: once per user."""

    achievement: AchievementKey


class StreakChanged(BaseNotice):
    """The streak started, was extended or lost, was saved by freezes, or was given back.

    What leaves its length as it is and costs the user nothing, such as a pause, has no notice.
    """

    frequency: Frequency
    change: Literal["started", "extended", "lost", "frozen", "restored"]
    # After the change: 0 when lost.
    length: int
    # The length that was lost, null when none was.
    lost: int | None
    # For frozen: how many freezes were consumed, one for each missed period, and how many are left.
    consumed: int | UnsetType = UNSET
    freezes: int | UnsetType = UNSET


class FreezesChanged(BaseNotice):
    """Streak freezes were granted, by the game or an operator, or earned with time.

    It is on the topic of changes of streaks, and told apart by its `change`.
    """

    change: Literal["granted", "earned"]
    amount: int
    # How many there are after it.
    freezes: int


Notice = PointsAwarded | LevelChanged | AchievementCompleted | StreakChanged | FreezesChanged
