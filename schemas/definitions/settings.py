"""What holds for the whole game."""

from typing import Annotated

from pydantic import AfterValidator

from schemas.definitions.fields import AnyText, Ratio
from schemas.periods import WeekStart
from schemas.strict import Strict
from schemas.zones import zone


def _known_zone(name: str) -> str:
    zone(name)
    return name


class Settings(Strict):
    """What holds for the whole game."""

    weekStart: WeekStart = "monday"
    defaultTimeZone: Annotated[AnyText, AfterValidator(_known_zone)] = "UTC"
    controlRatio: Ratio = 0
