"""What the second implementation of the rules says of the records of one world.

A thin layer: which version of the definitions a partition is judged by. It plays inputs in the
order in which they are handed to it, partition by partition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from reference.checking import RefusedError, check
from reference.game import Game
from reference.people import Freezes, Frozen
from reference.translation import award_rows, effects_of_outcome, plain

from schemas.definitions import series_of
from schemas.versions import Version

Who = tuple[str, str]
# An input as it stands on the events topic, and what came of one.
Given = dict[str, Any]
Effects = dict[str, Any]

# It measures all that a user ever did with every event: beyond so many it is asked no more.
DEEDS_MAX: Final = 400
MOMENT: Final = timedelta(microseconds=1)
# Of a row of an award: system, trigger, points, balance and boosts.
SHOWN: Final = 5


class Second:
    """A game for every partition, and what it has said so far of its users."""

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
            game = self._games[partition] = Game(plain(first.definitions), first.at)
        for number in range(game.rules.number + 1, version + 1):
            # A marker may overtake the one before it: nothing is judged by that one then.
            game.define(plain(self._versions[number].definitions), self._versions[number].at)
        return game

    def frequency(self, partition: int, version: int) -> str:
        """Return the frequency of the streak by the version that is in force in a partition."""
        return self._game(partition, version).rules.frequency

    def again(self, partition: int, version: int, given: Given, at: datetime) -> Effects:
        """Return what must come of an input that was judged already, where it is forwarded to."""
        try:
            check(given, at, self._game(partition, version).rules.definitions)
        except RefusedError as refused:
            return {"outcome": "refused", "code": refused.code}
        return {"outcome": "replayed"}

    def play(
        self, partition: int, version: int, given: Given, appended: datetime
    ) -> Effects | None:
        """Return what must come of an input, None where nobody can say any more."""
        game = self._game(partition, version)
        who = _who(given)
        user = game.users.get(who)
        if user is not None and len(user.deeds) > DEEDS_MAX:
            self.heavy.add(who)
            return None
        outcome = game.play(given, appended)
        found = effects_of_outcome(outcome, game.rules.frequency, given.get("type", "metric"))
        self._awards[who] += [row[:SHOWN] for row in award_rows(outcome.awards)]
        self._levels[who].update({system: after for system, _, after in found["levels"]})
        return found

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
        brought = [*outcome.awards, *outcome.turns, *missed]
        return str(brought[0]) if brought else ""

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


def _who(given: Given) -> Who:
    user = given["user"] if isinstance(given["user"], str) else given["user"]["id"]
    return given.get("tenant", "default"), user
