"""What time alone does to a user up to an instant: every input is preceded by it (semantics 7.2).

In order: periods that are over (kept by a pause or a freeze, else the streak is lost) and freezes
that are earned; then what time triggers award, and boosts of this user that begin or end.
"""

from datetime import date, datetime
from typing import Final

from processor.rules import freezes
from processor.rules.game import Game
from processor.rules.standing import Standing, Track
from processor.rules.streaks import zone_of
from processor.rules.time_triggers import next_tick, ticks
from schemas.entries import BoostEntry, Entry, FreezesEntry, Frequency, StreakEntry
from schemas.periods import (
    ONE_DAY,
    Today,
    is_paused,
    last_date,
    local_date,
    midnight,
    next_period,
)

# Entries of periods and freezes that one input tells of; what is beyond is told in the last ones.
STEPS_MAX: Final = 1000


def roll(standing: Standing, game: Game, now: Today, since: datetime, user: str) -> list[Entry]:
    """Return what happened from an instant to a user's time, whose local date is `now`."""
    found: list[Entry] = []
    for frequency, track in standing["streaks"].items():
        if frequency == game.frequency and game.freezes.most:
            continue
        if track["length"] and (track["through"] or "") < now.periods[frequency].previous:
            found += _Concluding(standing, game, now, frequency, track).run([])
    if game.freezes.most:
        days = list(freezes.earning_days(standing, game, local_date(since, now.tz), now.day))
        own = standing["streaks"].get(game.frequency)
        found += _Concluding(standing, game, now, game.frequency, own).run(days)
    if game.timed:
        until = datetime.fromisoformat(standing["time"])
        found += ticks(standing, game, user, now.tz, (since, until))
        found += _boosts(game, user, now.tz, since, until)
    return found


def earn(standing: Standing, game: Game, after: date, until: date) -> list[Entry]:
    """Return the freezes of dates that a new time zone brought, without time going by."""
    found: list[Entry] = []
    if game.freezes.most:
        count = freezes.held(standing, game)
        for day in freezes.earning_days(standing, game, after, until):
            entry = freezes.earned(count, game, day)
            if entry is not None:
                count = entry["freezes"]
                found.append(entry)
    return found


def next_due(standing: Standing, game: Game, user: str) -> datetime | None:
    """Return when time alone will next do something to a user, None for never."""
    tz = zone_of(standing, game)
    now = datetime.fromisoformat(standing["time"])
    found: list[datetime] = []
    track = standing["streaks"].get(game.frequency)
    if track is not None and track["length"] and track["through"] is not None:
        open_ = next_period(date.fromisoformat(track["through"]), game.frequency, tz)
        found.append(midnight(next_period(open_, game.frequency, tz), tz))
    if game.freezes.most:
        day = freezes.next_earning_day(standing, game, local_date(now, tz))
        if day is not None:
            found.append(midnight(day, tz))
    if game.timed:
        tick = next_tick(standing, game, now)
        if tick is not None:
            found.append(tick)
        found += [at for _, at, _ in _turns(game, user, tz)]
    # A date may begin twice where clocks are set back over midnight: it is over by then.
    return min((at for at in found if at > now), default=None)


class _Concluding:
    """The periods of one streak that are over, and the freezes earned in between, date by date."""

    def __init__(
        self, standing: Standing, game: Game, now: Today, frequency: Frequency, track: Track | None
    ) -> None:
        self._game = game
        self._now = now
        self._frequency = frequency
        self._track = track
        self._pauses = standing.get("pauses", [])
        self._through = track["through"] if track is not None and track["length"] else None
        self._freezes = freezes.held(standing, game) if frequency == game.frequency else 0
        self._found: list[Entry] = []
        # The last entry of each kind, as long as what follows may be told in it.
        self._kept: StreakEntry | None = None
        self._earned: FreezesEntry | None = None

    def run(self, earning: list[date]) -> list[Entry]:
        """Conclude all; `earning` are the dates, up to now, on which freezes are earned."""
        tz, frequency = self._now.tz, self._frequency
        current = self._now.periods[frequency].first
        days = iter(earning)
        day = next(days, None)
        while True:
            period = None
            if self._through is not None:
                period = next_period(date.fromisoformat(self._through), frequency, tz)
                if period >= current:
                    period = None
            # At the same midnight what was missed comes first: consumed before earned.
            if day is not None and (period is None or day <= last_date(period, frequency)):
                self._earn(day)
                day = next(days, None)
            elif period is not None:
                self._conclude(period)
            else:
                break
        if len(self._found) >= STEPS_MAX:
            for entry in (self._kept, self._earned):
                if entry is not None and "freezes" in entry:
                    entry["freezes"] = self._freezes
        return self._found

    def _conclude(self, period: date) -> None:
        if is_paused(self._pauses, period, self._frequency):
            self._keep("paused", period)
        elif self._freezes:
            self._freezes -= 1
            self._keep("frozen", period)
        else:
            assert self._track is not None
            lost: StreakEntry = {
                "kind": "streak",
                "frequency": self._frequency,
                "change": "lost",
                "length": 0,
                "started": None,
                "period": period.isoformat(),
                "through": None,
                "lost": self._track["length"],
            }
            if self._frequency != self._game.frequency:
                lost["quiet"] = True
            self._found.append(lost)
            self._through = None

    def _keep(self, change: str, period: date) -> None:
        assert self._track is not None
        self._through = text = period.isoformat()
        entry = self._kept
        if entry is None or (entry["change"] != change and len(self._found) < STEPS_MAX):
            entry = {
                "kind": "streak",
                "frequency": self._frequency,
                "change": "frozen" if change == "frozen" else "paused",
                "length": self._track["length"],
                "started": self._track["started"],
                "period": text,
                "through": text,
                "since": text,
            }
            if change == "paused" or self._frequency != self._game.frequency:
                entry["quiet"] = True
            self._found.append(entry)
            self._kept = entry
        entry["period"] = entry["through"] = text
        if change == "frozen":
            entry["consumed"] = entry.get("consumed", 0) + 1
            entry["freezes"] = self._freezes

    def _earn(self, day: date) -> None:
        entry = freezes.earned(self._freezes, self._game, day)
        if entry is None:
            return
        self._freezes = entry["freezes"]
        if self._earned is not None and len(self._found) >= STEPS_MAX:
            entry["amount"] += self._earned["amount"]
            self._found.remove(self._earned)
        else:
            self._kept = None
        self._found.append(entry)
        self._earned = entry


def _boosts(game: Game, user: str, tz: str, since: datetime, until: datetime) -> list[Entry]:
    turns = [turn for turn in _turns(game, user, tz) if since < turn[1] <= until]
    return [entry for _, _, entry in sorted(turns, key=lambda turn: (turn[1], turn[0]))]


def _turns(game: Game, user: str, tz: str) -> list[tuple[int, datetime, BoostEntry]]:
    """Return when the boosts of this very user begin and end, in the user's time (semantics 8)."""
    found: list[tuple[int, datetime, BoostEntry]] = []
    for system in game.systems:
        for boost in system.boosts:
            if boost.user != user:
                continue
            start = midnight(date.fromisoformat(boost.start), tz)
            found.append((len(found), start, _turn(system.key, boost.key, started=True)))
            if boost.end is not None:
                end = midnight(date.fromisoformat(boost.end) + ONE_DAY, tz)
                found.append((len(found), end, _turn(system.key, boost.key, started=False)))
    return found


def _turn(system: str, boost: str, *, started: bool) -> BoostEntry:
    return {
        "kind": "boost",
        "system": system,
        "boost": boost,
        "change": "started" if started else "finished",
    }
