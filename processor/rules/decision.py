"""An input on its way through the rules: the user's state as entries are concluded one by one."""

from datetime import date

from msgspec import Struct

from processor.rules.evolve import evolve
from processor.rules.ruleset import Ruleset, SystemPlan
from processor.rules.user_state import UserState
from schemas.calendar import Calendar, Today
from schemas.entries import DueEntry, Entry
from schemas.inputs import EventUser
from schemas.instants import Micros, instant
from schemas.numbers import Number
from schemas.text import AchievementKey, Reason, SeriesName, SystemKey, UserId


class Move(Struct, gc=False):
    """How an input moved a series: its highest value before, and its total after."""

    peak: Number
    total: Number


class Decision:
    """What was concluded of one input of one user, and the state that follows from it.

    The state is changed in place as entries are concluded.
    """

    __slots__ = (
        "_user",
        "at",
        "balances",
        "calendar",
        "completed",
        "created",
        "day",
        "entries",
        "length",
        "moves",
        "now",
        "own",
        "plans",
        "quiet",
        "reason",
        "reschedules",
        "rules",
        "since",
    )

    def __init__(
        self, own: UserState | None, at: Micros, user: UserId | EventUser, rules: Ruleset
    ) -> None:
        """Begin with an input at an instant, which the user's time now reaches."""
        self.created = own is None
        if own is None:
            own = UserState(at)
        # The user's time before the input: from here on time has something to do.
        self.since: Micros = own.time
        if at > own.time:
            own.time = at
        self.own = own
        self.at = at
        self._user = user
        self.rules = rules
        self.calendar: Calendar = rules.calendar_of(own.tz)
        self.now: Today = self.calendar.today(own.time)
        # The local date under which the input counts.
        self.day: date = self.now.day
        self.entries: list[Entry] = []
        # Nobody is notified: what it concludes is of the past.
        self.quiet = False
        # Why an operator asked for it.
        self.reason: Reason | None = None
        # Of the series that the input moved, those of matching filters included.
        self.moves: dict[SeriesName, Move] = {}
        # Balances before the input, of the systems in which it moved them; None before any award.
        self.balances: dict[SystemKey, int | None] = {}
        # The length that the streak of the game's frequency has come to, if it has, and the
        # achievements that were completed.
        self.length: int | None = None
        self.completed: list[AchievementKey] = []
        # The triggers that the input may set off.
        self.plans: tuple[SystemPlan, ...] = ()
        # Whether it has to be worked out anew, in the end, when time alone does something next.
        self.reschedules = False

    @property
    def user(self) -> UserId:
        """The id of the user whom the input is of."""
        return self._user if isinstance(self._user, str) else self._user.id

    def conclude(self, entry: Entry) -> None:
        """Add an entry to what is concluded, and to the state."""
        evolve(self.own, entry, self.at)
        self.entries.append(entry)

    def conclude_due(self, due: Micros | None) -> None:
        """Conclude when time alone will do something next, where that is news."""
        if due != self.own.due:
            self.conclude(DueEntry(None if due is None else instant(due)))
