"""An input on its way through the rules: the standing as entries are concluded one by one.

What every input has in common: time goes on, the user may be new, levels follow, time is set.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from processor.rules import freezes
from processor.rules.game import Game
from processor.rules.levels import level_changes
from processor.rules.points import awards_of_creation
from processor.rules.rolling import earn, next_due, roll
from processor.rules.standing import Standing, new_standing, reach, take
from processor.rules.streaks import carry, state_of_streak, zone_of
from processor.rules.totals import total_of
from schemas.codec import write_instant
from schemas.entries import AchievementEntry, Entry, State, UserEntry
from schemas.events import FUTURE_SECONDS_MAX, EventUser, RefusalCode
from schemas.numbers import write
from schemas.periods import Today, local_date, today

FUTURE_MAX: Final = timedelta(seconds=FUTURE_SECONDS_MAX)
# What may move the instant at which time alone does something next.
MOVES_DUE: Final = frozenset({"user", "streak", "freezes", "pauses", "preferences", "backfill"})

NO_KEYS: Final[frozenset[str]] = frozenset()


class RefusedError(Exception):
    """The input is well-formed, but the rules do not admit it. Nothing is changed by it."""

    def __init__(self, code: RefusalCode, reason: str) -> None:
        """Take the kind of refusal and a sentence that says what to change."""
        super().__init__(reason)
        self.code = code


class NothingToDoError(Exception):
    """What the input asks for has been done before. Nothing is changed by it."""


class Verdict(NamedTuple):
    """What was concluded, and the standing that follows from it."""

    entries: list[Entry]
    standing: Standing
    state: State


class Course:
    """One input of one user: the standing as entries are concluded one by one."""

    def __init__(self, before: Standing | None, at: str, user: str, game: Game) -> None:
        """Take the standing before it, and its event time, which the user's time now reaches."""
        # Of its own: see `take`. What came before stays what it was.
        self.before = before
        self.standing = new_standing(at) if before is None else before.copy()
        self.entries: list[Entry] = []
        self.user = user
        self.game = game
        self._at = at
        # Whether when time goes on must be worked out anew.
        self._moved = False
        self._since = self.standing["time"]
        reach(self.standing, at)
        self.now = today_of(self.standing, game)
        # What the event of a correction has come to count with, None while that is as it came.
        self.corrected: Decimal | None = None

    def conclude(self, entries: Iterable[Entry]) -> None:
        """Add entries to what is concluded, and to the standing."""
        for entry in entries:
            take(self.standing, entry, self._at)
            self.entries.append(entry)
            if entry["kind"] in MOVES_DUE:
                self._moved = True

    def roll(self) -> None:
        """Conclude what time alone has done up to now, under the zone in force until now."""
        if self.before is not None:
            since = datetime.fromisoformat(self._since)
            self.conclude(roll(self.standing, self.game, self.now, since, self.user))

    def know(self, user: EventUser, at: datetime) -> None:
        """Take what an input says of its user, who may be new."""
        own, game = self.standing, self.game
        created = self.before is None
        entry = _user_entry(own, user, game, created=created)
        if entry is None:
            return
        before = self.now
        if created:
            zone = entry.get("tz") or game.tz
            entry["day"] = local_date(at, zone).isoformat()
        self.conclude([entry])
        moved = zone_of(own, game) != before.tz
        if moved:
            self.now = today_of(own, game)
        if created:
            self.conclude(freezes.initial(game, self.now.day))
            self.conclude(awards_of_creation(own, game, self.user, self.now.text))
        elif moved:
            self.conclude(carry(own, self.now))
            self.conclude(earn(own, game, before.day, self.now.day))

    def verdict(self, metric: str | None = None, *, quiet: bool = False) -> Verdict:
        """Close with the levels that follow, and with when time itself goes on."""
        levels = level_changes(self.before, self.standing, self.game)
        if quiet:
            for entry in levels:
                entry["quiet"] = True
        self.conclude(levels)
        own = self.standing
        known = own.get("due")
        # Compared as instants, not as texts: only some have a fraction.
        over = known is not None and self.now_at() >= datetime.fromisoformat(known)
        if over or self._moved:
            due = next_due(own, self.game, self.user)
            text = write_instant(due) if due else None
            if text != known:
                self.conclude([{"kind": "due", "at": text}])
        return Verdict(self.entries, own, state_of(own, metric, self.game, self.now))

    def now_at(self) -> datetime:
        """Return the user's time."""
        return datetime.fromisoformat(self.standing["time"])


def length_of(streaks: list[Entry], game: Game) -> int | None:
    """Return the length that the streak of the game's frequency has come to, if it has."""
    for entry in streaks:
        if entry["kind"] == "streak" and entry["frequency"] == game.frequency:
            return entry["length"]
    return None


def keys_of(completed: Sequence[AchievementEntry]) -> frozenset[str]:
    """Return the keys of achievements."""
    return frozenset(it["achievement"] for it in completed) if completed else NO_KEYS


def state_of(standing: Standing, metric: str | None, game: Game, now: Today | None = None) -> State:
    """Return what the answer to an input shows of a standing; `metric` is that of an event.

    `now` is the user's today, where the caller has it already.
    """
    streak = state_of_streak(standing, game, now or today_of(standing, game))
    if metric is None:
        return {"streak": streak}
    return {"total": write(total_of(standing, metric)), "streak": streak}


def today_of(standing: Standing, game: Game) -> Today:
    """Return the periods of a user's time."""
    tz = zone_of(standing, game)
    time = datetime.fromisoformat(standing["time"])
    return today(local_date(time, tz), tz, game.week_start)


def future(field: str) -> str:
    """Return why an instant is not admitted."""
    return (
        f"{field} is more than {FUTURE_SECONDS_MAX // 60} minutes in the future: "
        "check the producer's clock and the offset"
    )


def check_attributes(kind: str, given: Iterable[str], known: frozenset[str]) -> None:
    """Raise RefusedError for attributes that the game does not know."""
    if not known.issuperset(given):
        unknown = sorted(set(given) - known)
        choices = ", ".join(sorted(known)) or "none"
        raise RefusedError(
            "invalid",
            f"Invalid attribute keys: {', '.join(unknown)}. "
            f"They are no {kind} attributes of this game (known: {choices}).",
        )


def _user_entry(
    standing: Standing, user: EventUser, game: Game, *, created: bool
) -> UserEntry | None:
    entry: UserEntry = {"kind": "user"}
    if created:
        entry["created"] = True
        if game.version > 1:
            entry["known"] = game.version
    if user.tz_given and user.tz != standing["tz"]:
        entry["tz"] = user.tz
    if user.attributes:
        # An empty text clears an attribute as null does (OD-7).
        changes = {
            key: text or None
            for key, text in user.attributes.items()
            if (text or None) != standing["attributes"].get(key)
        }
        if changes:
            entry["attributes"] = changes
    return entry if len(entry) > 1 else None
