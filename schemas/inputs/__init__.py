"""What comes in: the inputs on xp.events, one Struct for each kind, and what records keep of them.

An input without `type` is a metric event, the one kind that producers publish. Whether metrics and
attributes exist is a question to the definitions, and answered where inputs are judged.
"""

from schemas.inputs.achievements import AchievementCompletion, RecordedCompletion
from schemas.inputs.clock import BoostDue, Due, Hold, RecordedBoostDue, RecordedDue, RecordedHold
from schemas.inputs.metrics import Correction, MetricEvent, RecordedCorrection, RecordedEvent
from schemas.inputs.points import Adjustment, RecordedAdjustment
from schemas.inputs.streaks import (
    FreezeGrant,
    PauseAddition,
    PauseRemoval,
    Preferences,
    RecordedFreezeGrant,
    RecordedPauseAddition,
    RecordedPauseRemoval,
    RecordedPreferences,
    RecordedRestoration,
    StreakRestoration,
)
from schemas.inputs.users import EventUser, Identification, RecordedIdentification
from schemas.inputs.versions import (
    Backfill,
    Backfilled,
    DefinitionsMarker,
    RecordedBackfill,
    RecordedBackfilled,
    RecordedMarker,
)

__all__ = [
    "AchievementCompletion",
    "Adjustment",
    "AnyInput",
    "Backfill",
    "Backfilled",
    "BoostDue",
    "Correction",
    "DefinitionsMarker",
    "Due",
    "EventUser",
    "FreezeGrant",
    "Hold",
    "Identification",
    "MetricEvent",
    "OfAnyone",
    "OfKnown",
    "PartitionInput",
    "PauseAddition",
    "PauseRemoval",
    "Preferences",
    "RecordedAdjustment",
    "RecordedBackfill",
    "RecordedBackfilled",
    "RecordedBoostDue",
    "RecordedCompletion",
    "RecordedCorrection",
    "RecordedDue",
    "RecordedEvent",
    "RecordedFreezeGrant",
    "RecordedHold",
    "RecordedIdentification",
    "RecordedInput",
    "RecordedMarker",
    "RecordedPauseAddition",
    "RecordedPauseRemoval",
    "RecordedPreferences",
    "RecordedRestoration",
    "StreakRestoration",
    "TypedInput",
    "UserInput",
    "may_anyone_say",
    "user_of",
]

# What may be of a user who is not known yet, and tells something of the user.
OfAnyone = MetricEvent | AchievementCompletion | Identification
# What is of a user who is known.
OfKnown = (
    Due
    | Adjustment
    | Correction
    | FreezeGrant
    | PauseAddition
    | PauseRemoval
    | StreakRestoration
    | Preferences
    | Backfill
)
UserInput = OfAnyone | OfKnown
PartitionInput = DefinitionsMarker | BoostDue | Backfilled | Hold
AnyInput = UserInput | PartitionInput
# All but metric events, which need not say their type.
TypedInput = AchievementCompletion | Identification | OfKnown | PartitionInput

RecordedInput = (
    RecordedEvent
    | RecordedCompletion
    | RecordedIdentification
    | RecordedDue
    | RecordedAdjustment
    | RecordedCorrection
    | RecordedFreezeGrant
    | RecordedPauseAddition
    | RecordedPauseRemoval
    | RecordedRestoration
    | RecordedPreferences
    | RecordedBackfill
    | RecordedMarker
    | RecordedBoostDue
    | RecordedBackfilled
    | RecordedHold
)


def may_anyone_say(given: AnyInput) -> bool:
    """Tell whether producers may send an input; of others only what our own parts have signed."""
    return isinstance(given, (MetricEvent, AchievementCompletion, Identification))


def user_of(given: UserInput) -> str:
    """Return the id of the user whom an input is of."""
    user = given.user
    return user if isinstance(user, str) else user.id
