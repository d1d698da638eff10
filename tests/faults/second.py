"""What the second implementation of the rules says of the records of one world, in their terms.

A thin layer: which version of the definitions a partition is judged by, and how effects are told.
It plays inputs in the order in which they are handed to it, partition by partition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

from reference.checking import RefusedError, check
from reference.game import Award, Game
from reference.people import Freezes, Frozen, Outcome
from reference.periods import load_zone, local_date

from schemas.definitions import series_of
from schemas.versions import Version

Who = tuple[str, str]

# It measures all that a user ever did with every event: beyond so many it is asked no more.
DEEDS_MAX: Final = 400
MOMENT: Final = timedelta(microseconds=1)
KEPT: Final = ("frozen", "paused")


class Second:
    """A game for every partition, and what it has told so far of its users."""

    def __init__(self, versions: Mapping[int, Version]) -> None:
        """Take all versions by number; more may come."""
        self._versions = versions
        self._games: dict[int, Game] = {}
        # Users of whom it knows no more, and by whom.
        self.heavy: set[Who] = set()
        self._awards: dict[Who, list[tuple[Any, ...]]] = defaultdict(list)
        self._levels: dict[Who, dict[str, str | None]] = defaultdict(dict)

    def _game(self, partition: int, version: int) -> Game:
        """Return the game of a partition, brought to the version that is in force there."""
        game = self._games.get(partition)
        if game is None:
            first = self._versions[1]
            game = self._games[partition] = Game(plain(first), first.at)
        for number in range(game.rules.number + 1, version + 1):
            # A marker may overtake the one before it: nothing is judged by that one then.
            game.define(plain(self._versions[number]), self._versions[number].at)
        return game

    def again(self, partition: int, version: int, told: dict[str, Any], at: datetime) -> str:
        """Return the outcome of an input that was judged already, where it was forwarded to."""
        try:
            check(told, at, self._game(partition, version).rules.definitions)
        except RefusedError:
            return "refused"
        return "replayed"

    def play(
        self, partition: int, version: int, told: dict[str, Any], appended: datetime
    ) -> dict[str, Any] | None:
        """Return what must come of an input, None where nobody can say any more."""
        game = self._game(partition, version)
        who = _who(told)
        user = game.users.get(who)
        if user is not None and len(user.deeds) > DEEDS_MAX:
            self.heavy.add(who)
            return None
        outcome = game.play(told, appended)
        found = _effects(outcome)
        if outcome.status == "applied" and "metric" in told:
            found["days"] = [self._day(game, who, told.get("occurredAt"), appended)]
        self._awards[who] += found["awards"]
        self._levels[who].update({system: after for system, _, after in found["levels"]})
        return found

    def _day(self, game: Game, who: Who, occurred: str | None, appended: datetime) -> str:
        """Return the date on which an event counts: that of the user, wherever the user is now."""
        at = datetime.fromisoformat(occurred) if occurred is not None else appended
        zone = game.users[who].tz or game.rules.settings.get("defaultTimeZone", "UTC")
        return local_date(at, load_zone(zone)).isoformat()

    def unforeseen(self, partition: int, who: Who, at: datetime) -> str:
        """Say what time alone brings a user before the instant that is said to be the next one."""
        game = self._games.get(partition)
        if game is None or who not in game.users or game.users[who].now >= at - MOMENT:
            return ""
        outcome = game.wait(*who, at - MOMENT)
        frequency = game.rules.frequency
        missed = [
            it
            for it in outcome.streaks
            if isinstance(it, Freezes)
            or (it.change if isinstance(it, Frozen) else it).frequency == frequency
        ]
        told_of = [*outcome.awards, *outcome.turns, *missed]
        return str(told_of[0]) if told_of else ""

    def users(self) -> dict[Who, dict[str, Any]]:
        """Return what it knows of each user in the end."""
        return {
            who: {
                "totals": {
                    metric: known.total((metric, frozenset()))
                    for metric in {deed.metric for deed in known.deeds}
                },
                "streaks": {
                    frequency: (streak.length, streak.longest)
                    for frequency, streak in known.streaks.items()
                    if streak.longest
                },
                "freezes": known.freezes,
                "achievements": dict(known.achievements),
                "points": dict(known.points),
                "levels": self._levels[who],
                "awards": self._awards[who],
            }
            for game in self._games.values()
            for who, known in game.users.items()
            if who not in self.heavy
        }

    def subtotals(self, partition: int) -> dict[Who, dict[str, Decimal]]:
        """Return what filters of the version in force count of the users of a partition.

        Only where a user's past is known as far as the filter asks for it.
        """
        game = self._games.get(partition)
        if game is None:
            return {}
        return {
            who: {
                series_of(metric, dict(wanted)): user.total((metric, wanted))
                for (metric, wanted), since in game.rules.since.items()
                if wanted and since <= user.known
            }
            for who, user in game.users.items()
            if who not in self.heavy
        }


def plain(version: Version) -> dict[str, Any]:
    """Return the definitions of a version as the second implementation reads them."""
    return version.definitions.model_dump(exclude_none=True)


def effects_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record says came of its input, in the terms of `Second.play`."""
    entries = record["entries"]
    streaks = [it for it in entries if it["kind"] == "streak"]
    return {
        "outcome": record["outcome"],
        # Several that the past completes are completed at once: their order says nothing.
        "achievements": sorted(it["achievement"] for it in entries if it["kind"] == "achievement"),
        "awards": [
            (it["system"], it["trigger"], it["awarded"], it["total"], tuple(it.get("boosts", ())))
            for it in entries
            if it["kind"] == "points"
        ],
        "levels": [
            (it["system"], it["before"], it["after"]) for it in entries if it["kind"] == "level"
        ],
        "days": [it["day"] for it in entries if it["kind"] == "total"],
        "streaks": sorted(
            (it["frequency"], it["period"], it["change"], it["length"], it.get("lost"))
            for it in streaks
            if it["change"] not in (*KEPT, "carried")
        ),
        "kept": _kept(
            (it["frequency"], it["change"], date.fromisoformat(it["period"]), it.get("consumed", 0))
            for it in streaks
        ),
        "freezes": [
            (it["change"], it["amount"], it["freezes"], it["day"])
            for it in entries
            if it["kind"] == "freezes"
        ],
        "boosts": [
            (it["system"], it["boost"], it["change"]) for it in entries if it["kind"] == "boost"
        ],
    }


def _who(told: Mapping[str, Any]) -> Who:
    user = told["user"] if isinstance(told["user"], str) else told["user"]["id"]
    return told.get("tenant", "default"), user


def _effects(outcome: Outcome) -> dict[str, Any]:
    changes = [it.change if isinstance(it, Frozen) else it for it in outcome.streaks]
    streaks = [it for it in changes if not isinstance(it, Freezes)]
    return {
        "outcome": outcome.status,
        "achievements": sorted(outcome.achievements),
        "awards": _rows(outcome.awards),
        "levels": [tuple(change) for change in outcome.levels],
        "days": [],
        "streaks": sorted(
            (it.frequency, it.period.isoformat(), it.change, it.length, it.lost)
            for it in streaks
            if it.change not in KEPT
        ),
        "kept": _kept(
            (it.frequency, it.change, it.period, int(it.change == "frozen")) for it in streaks
        ),
        "freezes": [
            (it.change, it.amount, it.left, it.day.isoformat())
            for it in changes
            if isinstance(it, Freezes)
        ],
        "boosts": [tuple(turn) for turn in outcome.turns],
    }


def _kept(told: Iterable[tuple[str, str, date, int]]) -> dict[tuple[str, str], tuple[date, int]]:
    """Return up to which period each streak was kept by what, and how many freezes it took."""
    found: dict[tuple[str, str], tuple[date, int]] = {}
    for frequency, change, period, consumed in told:
        if change in KEPT:
            last, count = found.get((frequency, change), (period, 0))
            found[frequency, change] = (max(last, period), count + consumed)
    return found


def _rows(awards: list[Award]) -> list[tuple[Any, ...]]:
    """Return awards as rows; equal ones of a time trigger, one after the other, are one row."""
    runs: list[list[Award]] = []
    for before, award in pairwise([None, *awards]):
        assert award is not None
        if before is not None and before.at is not None and _same(before, award):
            runs[-1].append(award)
        else:
            runs.append([award])
    return [
        (
            run[-1].system,
            run[-1].trigger,
            sum(it.awarded for it in run),
            run[-1].total,
            run[-1].boosts,
        )
        for run in runs
    ]


def _same(before: Award, award: Award) -> bool:
    return award.at is not None and (
        (before.system, before.trigger, before.awarded, before.boosts)
        == (award.system, award.trigger, award.awarded, award.boosts)
    )
