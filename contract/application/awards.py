"""Awards of points: what is answered, of a row as of an entry of a record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NotRequired

from typing_extensions import TypedDict

from contract.application.boosts import PointsBoost, boost
from contract.application.triggers import PointsTrigger, trigger
from contract.application.values import instant_text
from schemas.versions import Version


class PointsAward(TypedDict):
    """Points that were given or, negative, taken, and the balance after it."""

    id: NotRequired[str]
    awarded: NotRequired[int]
    date: NotRequired[str]
    total: NotRequired[int]
    trigger: NotRequired[PointsTrigger]
    boosts: NotRequired[list[PointsBoost]]


@dataclass(frozen=True, slots=True)
class Given:
    """An award, wherever it is known from."""

    id: str
    awarded: int
    # The balance after it.
    total: int
    at: datetime | str
    # None stands for an operator.
    trigger: str | None
    # The keys of the boosts that multiplied it.
    boosts: Sequence[str] | None = None


def award(version: Version, system: str, given: Given, today: date | None = None) -> PointsAward:
    """Return a PointsAward; without a trigger the answer has none.

    The status of the boosts is that of `today`, the user's local date, or else of the date of the
    award in UTC.
    """
    answer: PointsAward = {
        "id": given.id,
        "awarded": given.awarded,
        "date": instant_text(given.at),
        "total": given.total,
    }
    if given.trigger is not None:
        answer["trigger"] = trigger(version, system, given.trigger)
    answer["boosts"] = []
    if given.boosts:
        at = datetime.fromisoformat(given.at) if isinstance(given.at, str) else given.at
        day = today or at.astimezone(UTC).date()
        answer["boosts"] = [boost(version, system, key, day) for key in given.boosts]
    return answer
