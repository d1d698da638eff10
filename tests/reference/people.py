"""What the reference implementation remembers of a user, and what it says came of an input.

Data alone; what is done with it is in the other files. Nothing may be imported but the standard
library and this reference's own files.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from reference.exact import add
from reference.rules import Counted
from reference.streaks import Pause, Streak, StreakChange


class Award(NamedTuple):
    """A row of the ledger; the total is the balance of the system after it."""

    system: str
    # None for what an operator grants or deducts.
    trigger: str | None
    awarded: int
    total: int
    boosts: tuple[str, ...] = ()
    # For a time trigger: when it fell due.
    at: datetime | None = None


class LevelChange(NamedTuple):
    """Levels are named by their keys; None is no level."""

    system: str
    before: str | None
    after: str | None


class StreakAfter(NamedTuple):
    """The streak of the configured frequency, and whether the input started or lengthened it."""

    length: int
    extended: bool


class Freezes(NamedTuple):
    """Freezes that were "granted" or "earned" on a local date; `left` is how many there are."""

    change: str
    amount: int
    left: int
    day: date


class Frozen(NamedTuple):
    """A freeze was consumed for a period; `left` is how many there are."""

    change: StreakChange
    left: int


class BoostTurn(NamedTuple):
    """A boost of this very user "started" or "finished"."""

    system: str
    boost: str
    change: str


class Shown(NamedTuple):
    """The streak as an answer shows it."""

    length: int
    started: date | None = None
    period_start: date | None = None
    period_end: date | None = None
    expires: date | None = None


NO_STREAK = StreakAfter(0, extended=False)


@dataclass
class Outcome:
    """What came of an input: "applied", "replayed" or "refused"."""

    status: str
    code: str | None = None
    reason: str | None = None
    achievements: list[str] = field(default_factory=list)
    awards: list[Award] = field(default_factory=list)
    levels: list[LevelChange] = field(default_factory=list)
    # What happened to streaks and freezes, in order.
    streaks: list[StreakChange | Frozen | Freezes] = field(default_factory=list)
    turns: list[BoostTurn] = field(default_factory=list)
    streak: StreakAfter = NO_STREAK
    shown: Shown | None = None
    # The date under which a deed counts; None if there is none.
    day: date | None = None
    # The user's total of the event's metric; None if there is none.
    total: Decimal | None = None


class Deed(NamedTuple):
    """Something that counts: an event, or the difference that a correction makes."""

    metric: str
    value: Decimal
    attributes: dict[str, str]
    # The version of the definitions by which it was judged.
    version: int
    correction: bool = False


@dataclass
class User:
    """Everything the game remembers of one user."""

    id: str
    # The user's time: the latest instant seen.
    now: datetime
    created: datetime
    # The version as whose filters ask for it the whole past is known.
    known: int
    streaks: dict[str, Streak]
    # The local date of creation, and the latest one on which freezes were earned.
    born: date = date.min
    earned_on: date = date.min
    tz: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    # Other fields of the user, such as the name, as last supplied.
    profile: dict = field(default_factory=dict)
    preferences: dict = field(default_factory=dict)
    freezes: int = 0
    pauses: list[Pause] = field(default_factory=list)
    # What only grows is never changed in place: copies share it.
    deeds: tuple[Deed, ...] = ()
    # What corrected events have come to count with, by event id.
    corrected: dict[str, Decimal] = field(default_factory=dict)
    achievements: dict[str, datetime] = field(default_factory=dict)
    # Balances; a system is missing until its first award row.
    points: dict[str, int] = field(default_factory=dict)
    awards: tuple[Award, ...] = ()
    # Idempotency keys, each with the kind of input or the metric that it was used for.
    keys: frozenset[tuple[str, str]] = frozenset()
    # Of what was asked for: how many deeds were looked at, and what they measure.
    measured: dict[tuple[Counted, int], tuple[int, Decimal, Decimal]] = field(default_factory=dict)

    def copy(self) -> User:
        """A copy that can be changed without changing this one."""
        return replace(
            self,
            streaks=deepcopy(self.streaks),
            attributes=dict(self.attributes),
            profile=dict(self.profile),
            preferences=deepcopy(self.preferences),
            pauses=list(self.pauses),
            corrected=dict(self.corrected),
            achievements=dict(self.achievements),
            points=dict(self.points),
            measured=dict(self.measured),
        )

    @property
    def totals(self) -> dict[str, Decimal]:
        """The total of every metric that something was done for."""
        metrics = dict.fromkeys(deed.metric for deed in self.deeds)
        return {metric: self.total((metric, frozenset())) for metric in metrics}

    def total(self, what: Counted, since: int = 0) -> Decimal:
        """The total of what is counted, from a version on."""
        return self.measure(what, since)[0]

    def peak(self, what: Counted, since: int = 0) -> Decimal:
        """The highest that the total ever was, from a version on."""
        return self.measure(what, since)[1]

    def measure(self, what: Counted, since: int) -> tuple[Decimal, Decimal]:
        """Both; only what was done since it was asked for last has to be looked at."""
        seen, total, peak = self.measured.get((what, since), (0, Decimal(0), Decimal(0)))
        for deed in self.deeds[seen:]:
            if matches(deed, what) and deed.version >= since:
                total, peak = step(total, peak, deed)
        self.measured[what, since] = len(self.deeds), total, peak
        return total, peak


def matches(deed: Deed, what: Counted) -> bool:
    """Whether something is counted by a metric or a filter."""
    metric, wanted = what
    return deed.metric == metric and wanted <= set(deed.attributes.items())


def step(total: Decimal, peak: Decimal, deed: Deed) -> tuple[Decimal, Decimal]:
    """The total after a deed, and the highest that it was; both begin at 0.

    A correction that takes away lowers the highest as well, but never below the total.
    """
    total = add(total, deed.value)
    if deed.correction and deed.value < 0:
        peak = max(add(peak, deed.value), Decimal(0))
    return total, max(peak, total)
