"""A whole game. What may be wrong with one as a whole is said in `problems`."""

from collections.abc import Iterator

from schemas.definitions.achievements import Achievement, achievement_series
from schemas.definitions.attributes import Attribute
from schemas.definitions.fields import Listed
from schemas.definitions.metrics import Metric
from schemas.definitions.paths import Path
from schemas.definitions.points import PointsSystem
from schemas.definitions.settings import Settings
from schemas.definitions.streak import Streak
from schemas.definitions.triggers import trigger_series
from schemas.strict import Strict


class Definitions(Strict):
    """A whole game."""

    settings: Settings = Settings()
    metrics: Listed[Metric] = []
    attributes: Listed[Attribute] = []
    streak: Streak = Streak()
    achievements: Listed[Achievement] = []
    points: Listed[PointsSystem] = []

    def filters(self) -> Iterator[tuple[Path, str]]:
        """Yield each subtotal that must be counted: where it is asked for, and metric?filter."""
        for index, achievement in enumerate(self.achievements):
            series = None if achievement.archived else achievement_series(achievement)
            if series is not None:
                yield ("achievements", index), series
        for index, system in enumerate(self.points):
            for at, trigger in enumerate(system.triggers):
                series = None if trigger.archived or system.archived else trigger_series(trigger)
                if series is not None:
                    yield ("points", index, "triggers", at), series

    def filtered_series(self) -> set[str]:
        """Return metric?filter of every subtotal that must be counted."""
        return {series for _, series in self.filters()}
