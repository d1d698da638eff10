"""Points that an operator grants or deducts."""

from collections.abc import Iterator
from typing import Annotated, Final

from msgspec import Meta

from schemas.inputs.base import KnownUserInput, Problem, RecordedBase
from schemas.numbers import WHOLE_MAX
from schemas.text import KeyIn, Reason, ReasonIn, SystemKey

POINTS_MAX: Final = WHOLE_MAX
PointsIn = Annotated[int, Meta(ge=-POINTS_MAX, le=POINTS_MAX)]


class Adjustment(KnownUserInput, tag="adjustment"):
    """Points that an operator grants or, negative, deducts."""

    system: KeyIn
    points: PointsIn
    reason: ReasonIn

    def problems(self) -> Iterator[Problem]:
        """See Input."""
        if self.points == 0:
            yield Problem("points", "must not be 0")


class RecordedAdjustment(RecordedBase, tag="adjustment"):
    """See Adjustment."""

    system: SystemKey
    points: int
    reason: Reason
