"""What the clock says: that time has come. And an importer: that it has to wait."""

from collections.abc import Iterator
from typing import Literal

from schemas.inputs.base import Input, KnownUserInput, Problem, RecordedBase
from schemas.inputs.metrics import instant_problems
from schemas.instants import Instant
from schemas.text import BoostKey, InstantIn, KeyIn, SystemKey


class Due(KnownUserInput, tag="due"):
    """A user's time has come to an instant at which something falls due."""

    at: InstantIn

    def problems(self) -> Iterator[Problem]:
        """See Input."""
        yield from instant_problems("at", self.at)


class RecordedDue(RecordedBase, tag="due"):
    """See Due."""

    at: Instant


class BoostDue(Input, tag="boost"):
    """A boost of everyone begins or ends."""

    system: KeyIn
    boost: KeyIn
    change: Literal["started", "finished"]
    at: InstantIn

    def problems(self) -> Iterator[Problem]:
        """See Input."""
        yield from instant_problems("at", self.at)


class RecordedBoostDue(RecordedBase, tag="boost"):
    """See BoostDue."""

    system: SystemKey
    boost: BoostKey
    change: Literal["started", "finished"]
    at: Instant


class Hold(Input, tag="hold"):
    """Old events are coming: the clock waits with this partition. A second one says: no longer."""

    on: bool


class RecordedHold(RecordedBase, tag="hold"):
    """See Hold."""

    on: bool
