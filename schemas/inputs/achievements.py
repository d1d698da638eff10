"""Completions of achievements by request."""

from collections.abc import Iterator

from schemas.inputs.base import Input, Problem
from schemas.inputs.metrics import instant_problems
from schemas.inputs.users import EventUser, RecordedUser
from schemas.instants import Instant
from schemas.text import AchievementKey, IdempotencyKeyIn, InstantIn, KeyIn, UserIdIn


class AchievementCompletion(Input, tag="achievement"):
    """An achievement of trigger `api` is completed."""

    user: UserIdIn | EventUser
    achievement: KeyIn
    occurredAt: InstantIn | None = None
    idempotencyKey: IdempotencyKeyIn | None = None

    def problems(self) -> Iterator[Problem]:
        """See Input."""
        if not isinstance(self.user, str):
            yield from self.user.problems()
        yield from instant_problems("occurredAt", self.occurredAt)


class RecordedCompletion(RecordedUser, tag="achievement"):
    """See AchievementCompletion."""

    achievement: AchievementKey
    occurredAt: Instant | None = None
