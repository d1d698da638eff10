"""The streak: its conditions, its periods, its freezes."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.definitions.fields import Flag, IsWhole, Key, Listed, Threshold, at_most, no_more_than
from schemas.definitions.limits import (
    CONDITIONS_MAX,
    FREEZE_AMOUNT_MAX,
    FREEZE_INTERVAL_MAX,
    FREEZES_MAX,
    TIME_INTERVAL_MAX,
    WHOLE_MAX,
)
from schemas.periods import Frequency
from schemas.strict import Strict

Freezes = Annotated[int, Field(ge=0, le=FREEZES_MAX), IsWhole]
FreezeInterval = Annotated[
    int, Field(ge=1, le=TIME_INTERVAL_MAX), no_more_than(FREEZE_INTERVAL_MAX), IsWhole
]
FreezeAmount = Annotated[int, Field(ge=1, le=WHOLE_MAX), no_more_than(FREEZE_AMOUNT_MAX), IsWhole]


class StreakMetric(Strict):
    """A condition of the streak: the least change of a metric within a period."""

    metric: Key
    threshold: Threshold


class Streak(Strict):
    """When a period counts, and how long the periods are."""

    enabled: Flag = True
    personalization: Flag = False
    frequency: Frequency = "daily"
    evaluationMode: Literal["AND", "OR"] = "OR"
    metrics: Annotated[Listed[StreakMetric], at_most(CONDITIONS_MAX, "conditions")] = []
    initialFreezes: Freezes = 0
    maxFreezes: Freezes = 0
    freezeAutoEarnInterval: FreezeInterval | None = None
    freezeAutoEarnAmount: FreezeAmount | None = None
