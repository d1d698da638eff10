"""What leaves on the award topics, for downstream services.

A notice's `id` is the event's id and the index of the effect within its record: the same however
often the notice is sent. A consumer that remembers the ids it has handled, and drops those it has
seen, handles every effect exactly once. Notices of one user come in order on one partition.
"""

from typing_extensions import TypedDict

from schemas.entries import Frequency, StreakChange


class Notice(TypedDict):
    """What every notice has."""

    id: str
    tenant: str
    user: str
    # Event time, ISO 8601 in UTC.
    at: str
    # Id of the event that it follows from: epoch-partition-offset on the events topic.
    event: str
    # Version of the tenant's definitions that it was judged by.
    definitions: int


class PointsAwarded(Notice):
    """Points awarded by one trigger; negative for a deduction."""

    system: str
    trigger: str
    awarded: int
    # The balance after it.
    total: int


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
    """The streak started, was extended or was lost."""

    frequency: Frequency
    change: StreakChange
    # After the change: 0 when lost.
    length: int
    # The length that was lost, null when none was.
    lost: int | None
