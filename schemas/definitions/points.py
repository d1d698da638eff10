"""Points systems and their levels. Their triggers and boosts have files of their own."""

from schemas.definitions.boosts import Boost
from schemas.definitions.fields import AtLeastOne, Badge, Item, Listed, Name, NotNegative, Text
from schemas.definitions.triggers import Trigger


class Level(Item):
    """A rank that is held from a balance on."""

    name: Name
    description: Text = ""
    badge: Badge | None = None
    points: NotNegative


class PointsSystem(Item):
    """A kind of points: its triggers in the order in which they are judged, and its levels."""

    name: Name
    description: Text = ""
    badge: Badge | None = None
    maxPoints: AtLeastOne | None = None
    triggers: Listed[Trigger] = []
    boosts: Listed[Boost] = []
    levels: Listed[Level] = []
