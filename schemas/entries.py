"""What was concluded: entries, and the ledger record that holds them with their input.

Entries and records are typed dictionaries: the value in memory is the value on the wire, and a
record is written once and read once, whatever its size. Entries say all there is to know:
`evolve` needs no definitions to apply them. They never change: a new need is a new kind.

Decimals are strings in canonical form (`schemas.numbers.write`), instants are ISO 8601 in UTC,
dates are local dates of the user, points are integers.
"""

from typing import Final, Literal

# Not typing's: pydantic makes JSON Schemas of these, and wants them so before Python 3.12.
from typing_extensions import NotRequired, TypedDict  # noqa: UP035  for the reason above

RECORD_VERSION: Final = 1

Frequency = Literal["daily", "weekly", "monthly"]
FREQUENCIES: Final[tuple[Frequency, ...]] = ("daily", "weekly", "monthly")

Outcome = Literal["applied", "replayed", "refused", "forwarded", "dead"]
StreakChange = Literal["started", "extended", "lost", "carried", "frozen", "paused", "restored"]


class UserEntry(TypedDict):
    """The user came to be, or what the rules know of the user changed."""

    kind: Literal["user"]
    created: NotRequired[bool]
    # The user's local date at that instant: from here on freezes are earned.
    day: NotRequired[str]
    # Version of the definitions by which the user was created, where it is not the first: all that
    # its filters ask for is known of one without a past.
    known: NotRequired[int]
    tz: NotRequired[str | None]
    # Only what changed; null clears the attribute.
    attributes: NotRequired[dict[str, str | None]]


class TotalEntry(TypedDict):
    """A metric's total changed."""

    kind: Literal["total"]
    metric: str
    change: str
    total: str
    # The user's local date of the event, under which summaries count it.
    day: str
    # Filter (`schemas.definitions.filter_id`) -> subtotal of matching events, where it changed.
    subtotals: NotRequired[dict[str, str]]
    # Metric, or metric?filter, -> its highest value so far, where a correction lowered it.
    peaks: NotRequired[dict[str, str]]


class ProgressEntry(TypedDict):
    """A metric moved within streak periods that are not yet satisfied."""

    kind: Literal["progress"]
    metric: str
    # Frequency -> first date of the period and the metric's change within it so far.
    periods: dict[Frequency, tuple[str, str]]


class StreakEntry(TypedDict):
    """The streak of one frequency started, was extended or lost, or was kept in some other way.

    `frozen`: freezes took the place of missed periods; `paused`: a pause covers them; `carried`: a
    new time zone skipped dates; `restored`: an operator gave it back.
    """

    kind: Literal["streak"]
    frequency: Frequency
    change: StreakChange
    # After the change: 0 when lost.
    length: int
    started: str | None
    # First date of the period that satisfied the streak; for a loss, of the one that did not; for
    # frozen and paused, of the last one that was kept so.
    period: str
    # First date of the last period up to which the streak is kept.
    through: str | None
    # The length that was lost.
    lost: NotRequired[int]
    # For frozen: how many freezes were consumed, one for each period, and how many are left.
    consumed: NotRequired[int]
    freezes: NotRequired[int]
    # For paused, and for frozen with more than one: first date of the first period kept so.
    since: NotRequired[str]
    # Set on the frequencies that the game does not use: kept, but nobody is told.
    quiet: NotRequired[bool]


class FreezesEntry(TypedDict):
    """Streak freezes were granted (at creation, or by an operator) or earned with time."""

    kind: Literal["freezes"]
    change: Literal["granted", "earned"]
    amount: int
    # How many there are after it.
    freezes: int
    # The user's local date.
    day: str


class Pause(TypedDict):
    """Local dates, both included, in which a streak is kept without activity."""

    id: str
    start: str
    end: str


class PausesEntry(TypedDict):
    """A pause was added or removed: all that are known of after it."""

    kind: Literal["pauses"]
    change: Literal["added", "removed"]
    # The one that was.
    id: str
    pauses: list[Pause]


class StreakMetricPreference(TypedDict):
    """A user's own condition of the streak."""

    metric: str
    threshold: str


class StreakPreferences(TypedDict):
    """What a user set of the streak; what is absent follows the game."""

    enabled: NotRequired[bool]
    evaluationMode: NotRequired[Literal["AND", "OR"]]
    metrics: NotRequired[list[StreakMetricPreference]]


class PreferencesEntry(TypedDict):
    """The user's own streak settings, all of them, after a change."""

    kind: Literal["preferences"]
    streak: StreakPreferences


class AchievementEntry(TypedDict):
    """An achievement was completed."""

    kind: Literal["achievement"]
    achievement: str
    # Set on what is completed for the past: nobody is told.
    quiet: NotRequired[bool]


class PointsEntry(TypedDict):
    """Points were awarded (or, negative, deducted): by one trigger, or by an operator."""

    kind: Literal["points"]
    system: str
    # None for what an operator granted or deducted.
    trigger: str | None
    awarded: int
    # The balance after it.
    total: int
    # Keys of the boosts that multiplied it, in the order of the file.
    boosts: NotRequired[list[str]]
    # For a time trigger: when it fell due, of several equal ones the last; and how many.
    at: NotRequired[str]
    count: NotRequired[int]
    # For a grant, a deduction or a correction: why.
    reason: NotRequired[str]
    quiet: NotRequired[bool]


class LevelEntry(TypedDict):
    """The input as a whole moved the user to another level, by the record's definitions."""

    kind: Literal["level"]
    system: str
    before: str | None
    after: str | None
    total: int
    quiet: NotRequired[bool]


class CorrectionEntry(TypedDict):
    """An earlier event of the user counts with another value from here on."""

    kind: Literal["correction"]
    # Id of the event that is corrected, the value that it counted with, and the one it has now.
    event: str
    before: str
    after: str
    reason: NotRequired[str]


class BackfillEntry(TypedDict):
    """The user's past is known as this version of the definitions asks for it."""

    kind: Literal["backfill"]
    version: int
    # metric?filter -> subtotal and its highest value so far, the past included.
    series: dict[str, tuple[str, str]]


class BackfilledEntry(TypedDict):
    """Every user of the partition has got the backfill of a version."""

    kind: Literal["backfilled"]
    version: int


class DueEntry(TypedDict):
    """When time itself will next do something to the user; None: never."""

    kind: Literal["due"]
    at: str | None


class HoldEntry(TypedDict):
    """The clock holds this partition's due inputs back, or no longer does."""

    kind: Literal["hold"]
    on: bool


class BoostEntry(TypedDict):
    """A boost began or ended: of a user, or, where the record has no user, of everyone."""

    kind: Literal["boost"]
    system: str
    boost: str
    change: Literal["started", "finished"]


class DefinitionsEntry(TypedDict):
    """From here on this partition is judged by another version of a tenant's definitions."""

    kind: Literal["definitions"]
    version: int


Entry = (
    UserEntry
    | TotalEntry
    | ProgressEntry
    | StreakEntry
    | AchievementEntry
    | PointsEntry
    | LevelEntry
    | FreezesEntry
    | PausesEntry
    | PreferencesEntry
    | CorrectionEntry
    | BackfillEntry
    | BackfilledEntry
    | DueEntry
    | HoldEntry
    | BoostEntry
    | DefinitionsEntry
)


class StreakState(TypedDict):
    """The streak of the game's frequency, as the answer to an event shows it."""

    frequency: Frequency
    length: int
    started: str | None
    periodStart: str | None
    periodEnd: str | None
    expires: str | None
    # Freezes at hand; absent where the game has none.
    freezes: NotRequired[int]


class State(TypedDict):
    """What an answer needs and no entry says: where the user stands after the input."""

    # Of the event's metric; absent for an input that has none.
    total: NotRequired[str]
    streak: StreakState


class Input(TypedDict):
    """The input as it was judged, without personal fields: enough to judge it again.

    What is absent was not given. `type` is absent for a metric event; the fields of the other kinds
    are those of their models in `schemas.events`.
    """

    type: NotRequired[str]
    metric: NotRequired[str]
    # A decimal; None reverses an event.
    value: NotRequired[str | None]
    attributes: NotRequired[dict[str, str]]
    tz: NotRequired[str | None]
    userAttributes: NotRequired[dict[str, str | None]]
    occurredAt: NotRequired[str]
    version: NotRequired[int]
    # The instant that fell due.
    at: NotRequired[str]
    achievement: NotRequired[str]
    system: NotRequired[str]
    boost: NotRequired[str]
    change: NotRequired[Literal["started", "finished"]]
    points: NotRequired[int]
    reason: NotRequired[str]
    # The event that a correction is of, and the value that it came with.
    event: NotRequired[str]
    was: NotRequired[str]
    day: NotRequired[str]
    # Of a pause.
    id: NotRequired[str]
    start: NotRequired[str]
    end: NotRequired[str]
    streak: NotRequired[StreakPreferences]
    # Of a backfill: metric?filter -> subtotal and its highest value up to the version's marker.
    series: NotRequired[dict[str, tuple[str, str]]]
    on: NotRequired[bool]


class Record(TypedDict):
    """One ledger record: one input, its outcome and every effect of it."""

    v: int
    # Event id: epoch-partition-offset of where the event was first found.
    id: str
    outcome: Outcome
    # Why it was refused, or is dead.
    reason: NotRequired[str]
    # For a refusal: what kind of error it is (schemas.events.RefusalCode).
    code: NotRequired[str]
    # Id of the event that used the idempotency key first, for a replay.
    first: NotRequired[str]
    # Event time and append time of the input.
    at: str
    appended: str
    # Source position: epoch, partition, offset.
    source: tuple[int, int, int]
    # Predecessor in this partition (schemas.order): epoch, offset, lane token.
    after: tuple[int, int, str] | None
    lane: str
    tenant: str
    user: str | None
    key: NotRequired[str]
    # Versions of the tenant's definitions and of the rules that it was judged by.
    definitions: int
    rules: int
    input: Input | None
    entries: list[Entry]
    state: NotRequired[State]
