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
StreakChange = Literal["started", "extended", "lost", "carried"]


class UserEntry(TypedDict):
    """The user came to be, or what the rules know of the user changed."""

    kind: Literal["user"]
    created: NotRequired[bool]
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


class ProgressEntry(TypedDict):
    """A metric moved within streak periods that are not yet satisfied."""

    kind: Literal["progress"]
    metric: str
    # Frequency -> first date of the period and the metric's change within it so far.
    periods: dict[Frequency, tuple[str, str]]


class StreakEntry(TypedDict):
    """The streak of one frequency started, was extended, was lost or was carried over."""

    kind: Literal["streak"]
    frequency: Frequency
    change: StreakChange
    # After the change: 0 when lost.
    length: int
    started: str | None
    # First date of the period that satisfied the streak; for a loss, of the one that did not.
    period: str
    # First date of the last period up to which the streak is kept.
    through: str | None
    # The length that was lost.
    lost: NotRequired[int]
    # Set on the frequencies that the game does not use: kept, but nobody is told.
    quiet: NotRequired[bool]


class AchievementEntry(TypedDict):
    """An achievement was completed."""

    kind: Literal["achievement"]
    achievement: str
    quiet: NotRequired[bool]


class PointsEntry(TypedDict):
    """Points were awarded (or, negative, deducted) by one trigger."""

    kind: Literal["points"]
    system: str
    trigger: str
    awarded: int
    # The balance after it.
    total: int


class LevelEntry(TypedDict):
    """The input as a whole moved the user to another level, by the record's definitions."""

    kind: Literal["level"]
    system: str
    before: str | None
    after: str | None
    total: int


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


class State(TypedDict):
    """What the answer to an event needs and no entry says: where the user stands after it."""

    total: str
    streak: StreakState


class Input(TypedDict):
    """The input as it was judged, without personal fields: enough to judge it again."""

    type: NotRequired[str]
    metric: NotRequired[str]
    value: NotRequired[str]
    attributes: NotRequired[dict[str, str]]
    tz: NotRequired[str | None]
    userAttributes: NotRequired[dict[str, str | None]]
    occurredAt: NotRequired[str]
    version: NotRequired[int]


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
