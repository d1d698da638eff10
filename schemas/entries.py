"""What was concluded: one entry for each effect of an input on a user, or on a whole partition.

Entries say all there is to know: whoever applies them needs no definitions. A field that is left
out is as its default says. They never change: a new need is a new kind. Dates are the user's local
ones; points are integers; a number that is not a small integer is a decimal in a string.
"""

from datetime import date
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from schemas.instants import Instant
from schemas.numbers import Number
from schemas.periods import Frequency
from schemas.text import (
    AchievementKey,
    AttributeKey,
    AttributeText,
    BoostKey,
    EventId,
    FilterId,
    LevelKey,
    MetricKey,
    PauseId,
    Reason,
    SeriesName,
    SystemKey,
    TriggerKey,
    ZoneName,
)

StreakChange = Literal["started", "extended", "lost", "carried", "frozen", "paused", "restored"]
EvaluationMode = Literal["AND", "OR"]


class BaseEntry(Struct, tag_field="kind", omit_defaults=True, gc=False):
    """What all entries have in common: a kind, and fields left out where they say nothing."""


class UserEntry(BaseEntry, tag="user"):
    """The user came to be, or what the rules know of the user changed."""

    created: bool = False
    # The user's local date at that instant: from here on freezes are earned.
    day: date | None = None
    # Version of the definitions by which the user was created: all that its filters ask for is
    # known of one without a past.
    known: int = 1
    tz: ZoneName | UnsetType | None = UNSET
    # Only what changed; null clears the attribute.
    attributes: dict[AttributeKey, AttributeText | None] = {}


class TotalEntry(BaseEntry, tag="total"):
    """A metric's total changed."""

    metric: MetricKey
    change: Number
    total: Number
    # The date of the event, under which summaries count it.
    day: date
    # The subtotals of matching events, where they changed.
    subtotals: dict[FilterId, Number] = {}
    # The highest values so far, where a correction lowered them.
    peaks: dict[SeriesName, Number] = {}


class ProgressEntry(BaseEntry, tag="progress"):
    """A metric moved within streak periods that are not yet satisfied."""

    metric: MetricKey
    # First date of the period, and the metric's change within it so far.
    periods: dict[Frequency, tuple[date, Number]]


class StreakEntry(BaseEntry, tag="streak"):
    """The streak of one frequency started, was extended or lost, or was kept in some other way.

    `frozen`: freezes took the place of missed periods; `paused`: a pause covers them; `carried`: a
    new time zone skipped dates; `restored`: an operator gave it back.
    """

    frequency: Frequency
    change: StreakChange
    # After the change: 0 when lost.
    length: int
    started: date | None
    # First date of the period that satisfied the streak; for a loss, of the one that did not; for
    # frozen and paused, of the last one that was kept so.
    period: date
    # First date of the last period up to which the streak is kept.
    through: date | None
    # The length that was lost.
    lost: int | None = None
    # For frozen: how many freezes were consumed, one for each period, and how many are left.
    consumed: int | None = None
    freezes: int | None = None
    # For paused, and for frozen with more than one: first date of the first period kept so.
    since: date | None = None
    # Of a frequency that the game does not use: kept, but nobody is notified.
    quiet: bool = False


class FreezesEntry(BaseEntry, tag="freezes"):
    """Streak freezes were granted (at creation, or by an operator) or earned with time."""

    change: Literal["granted", "earned"]
    amount: int
    # How many there are after it.
    freezes: int
    day: date


class Pause(Struct, frozen=True, gc=False):
    """Local dates, both included, in which a streak is kept without activity."""

    id: PauseId
    start: date
    end: date


class PausesEntry(BaseEntry, tag="pauses"):
    """A pause was added or removed: all that are known of after it."""

    change: Literal["added", "removed"]
    # The one that was.
    id: PauseId
    pauses: list[Pause]


class StreakMetricPreference(Struct, frozen=True, gc=False):
    """A user's own condition of the streak."""

    metric: MetricKey
    threshold: Number


class StreakPreferences(Struct, frozen=True, omit_defaults=True, gc=False):
    """What a user set of the streak; what is left out follows the game."""

    enabled: bool | None = None
    evaluationMode: EvaluationMode | None = None
    metrics: tuple[StreakMetricPreference, ...] | None = None


class PreferencesEntry(BaseEntry, tag="preferences"):
    """The user's own streak settings, all of them, after a change."""

    streak: StreakPreferences


class AchievementEntry(BaseEntry, tag="achievement"):
    """An achievement was completed."""

    achievement: AchievementKey
    # Completed for the past: nobody is notified.
    quiet: bool = False


class PointsEntry(BaseEntry, tag="points"):
    """Points were awarded (or, negative, deducted): by one trigger, or by an operator."""

    system: SystemKey
    # None for what an operator granted or deducted.
    trigger: TriggerKey | None
    awarded: int
    # The balance after it.
    total: int
    # Those that multiplied it, in the order of the file.
    boosts: tuple[BoostKey, ...] = ()
    # For a time trigger: when it fell due, of several equal ones the last; and how many.
    at: Instant | None = None
    count: int | None = None
    # For a grant, a deduction or a correction: why.
    reason: Reason | None = None
    quiet: bool = False


class LevelEntry(BaseEntry, tag="level"):
    """The input as a whole moved the user to another level, by the record's definitions."""

    system: SystemKey
    before: LevelKey | None
    after: LevelKey | None
    total: int
    quiet: bool = False


class CorrectionEntry(BaseEntry, tag="correction"):
    """An earlier event of the user counts with another value from here on."""

    # The event that is corrected, the value that it counted with, and the one it has now.
    event: EventId
    before: Number
    after: Number
    reason: Reason | None = None


class BackfillEntry(BaseEntry, tag="backfill"):
    """The user's past is known as this version of the definitions asks for it."""

    version: int
    # Subtotal and its highest value so far, the past included.
    series: dict[SeriesName, tuple[Number, Number]]


class BackfilledEntry(BaseEntry, tag="backfilled"):
    """Every user of the partition has got the backfill of a version."""

    version: int


class DueEntry(BaseEntry, tag="due"):
    """When time itself will next do something to the user; None: never."""

    at: Instant | None


class HoldEntry(BaseEntry, tag="hold"):
    """The clock holds this partition's due inputs back, or no longer does."""

    on: bool


class BoostEntry(BaseEntry, tag="boost"):
    """A boost began or ended: of a user, or, where the record has no user, of everyone."""

    system: SystemKey
    boost: BoostKey
    change: Literal["started", "finished"]


class DefinitionsEntry(BaseEntry, tag="definitions"):
    """From here on this partition is judged by another version of a tenant's definitions."""

    version: int


# What is of a whole partition, and of no user. A boost may be either.
PartitionEntry = DefinitionsEntry | BackfilledEntry | HoldEntry | BoostEntry
UserStateEntry = (
    UserEntry
    | TotalEntry
    | ProgressEntry
    | StreakEntry
    | FreezesEntry
    | PausesEntry
    | PreferencesEntry
    | AchievementEntry
    | PointsEntry
    | LevelEntry
    | CorrectionEntry
    | BackfillEntry
    | DueEntry
)
Entry = UserStateEntry | PartitionEntry
