"""What leaves on the award topics, for downstream services.

A notice's `id` is the event's id and the index of the effect within its record: the same however
often the notice is sent. A consumer that remembers the ids it has handled, and drops those it has
seen, handles every effect exactly once. Notices of one user come in order on one partition.
"""

from typing import Literal

# Not typing's: pydantic makes JSON Schemas of these, and wants them so before Python 3.12.
from typing_extensions import NotRequired, TypedDict  # noqa: UP035  for the reason above

from schemas.entries import Frequency


class Notice(TypedDict):
    """What every notice has."""

    id: str
    tenant: str
    user: str
    # Event time, ISO 8601 in UTC; for points that time itself awarded, when they fell due.
    at: str
    # Id of the event that it follows from: epoch-partition-offset on the events topic.
    event: str
    # Version of the tenant's definitions that it was judged by.
    definitions: int


class PointsAwarded(Notice):
    """Points awarded by one trigger or by an operator; negative for a deduction."""

    system: str
    # Null for what an operator granted or deducted.
    trigger: str | None
    awarded: int
    # The balance after it.
    total: int
    # Keys of the boosts that multiplied it; absent without any.
    boosts: NotRequired[list[str]]
    # How many times in a row a time trigger was due; absent for once.
    count: NotRequired[int]
    # Why an operator granted, deducted or corrected.
    reason: NotRequired[str]


class LevelChanged(Notice):
    """An event moved the user to another level, up or down, or to none (null)."""

    system: str
    previousLevel: str | None
    newLevel: str | None
    total: int


class AchievementCompleted(Notice):
    """An achievement was completed: once per user."""

    achievement: str


class StreakChanged(Notice):
    """The streak started, was extended or lost, was saved by freezes, or was given back.

    What leaves its length as it is and costs the user nothing, such as a pause, is not told.
    """

    frequency: Frequency
    change: Literal["started", "extended", "lost", "frozen", "restored"]
    # After the change: 0 when lost.
    length: int
    # The length that was lost, null when none was.
    lost: int | None
    # For frozen: how many freezes were consumed, one for each missed period, and how many are left.
    consumed: NotRequired[int]
    freezes: NotRequired[int]


class FreezesChanged(Notice):
    """Streak freezes were granted, by the game or an operator, or earned with time.

    It is told among the changes of streaks, and told apart by its `change`.
    """

    change: Literal["granted", "earned"]
    amount: int
    # How many there are after it.
    freezes: int
