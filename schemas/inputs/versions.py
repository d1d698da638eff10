"""What brings a version of the definitions into force, and what it asks of the users' past."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from schemas.inputs.base import Input, KnownUserInput, Problem, RecordedBase
from schemas.numbers import WHOLE_MAX, Number, sum_problem
from schemas.text import SeriesName

SERIES_MAX = 1000
VersionIn = Annotated[int, Meta(ge=1, le=WHOLE_MAX)]


class DefinitionsMarker(Input, tag="definitions"):
    """From here on the partition is judged by this version of the tenant's definitions."""

    version: VersionIn


class RecordedMarker(RecordedBase, tag="definitions"):
    """See DefinitionsMarker."""

    version: int


class Backfill(KnownUserInput, tag="backfill"):
    """What a version of the definitions asks of a user's past, from the ledger up to its marker.

    `series` holds the subtotal and its highest value, for filters that are new in the version.
    """

    version: VersionIn
    series: Annotated[dict[SeriesName, tuple[Number, Number]], Meta(max_length=SERIES_MAX)] = {}

    def problems(self) -> Iterator[Problem]:
        """See Input."""
        for name, pair in self.series.items():
            for it in pair:
                problem = sum_problem(it)
                if problem is not None:
                    yield Problem(f"series.{name}", problem, "series")


class RecordedBackfill(RecordedBase, tag="backfill"):
    """See Backfill."""

    version: int
    series: dict[SeriesName, tuple[Number, Number]] = {}


class Backfilled(Input, tag="backfilled"):
    """Every user of this partition has got the backfill of a version."""

    version: VersionIn


class RecordedBackfilled(RecordedBase, tag="backfilled"):
    """See Backfilled."""

    version: int
