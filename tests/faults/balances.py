"""I6: points add up, caps hold and levels match after every record, by the version that it names.

It knows definitions and records, and no rule of what awards how much.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schemas.definitions import Definitions, PointsSystem
from schemas.entries import AchievementEntry, LevelEntry, PointsEntry
from schemas.records import Record, event_id_of
from schemas.versions import Version

# Tenant, user and system.
Key = tuple[str, str, str]


class Balances:
    """The balance of every user in every system."""

    def __init__(self) -> None:
        """Begin without any."""
        self._held: dict[Key, int] = {}

    def check(self, record: Record, versions: Mapping[int, Version]) -> Iterator[str]:
        """Take one record; yield what is wrong with it."""
        if not record.entries or record.user is None:
            return
        given, who = event_id_of(record), (record.tenant, record.user)
        game = versions[record.definitions].definitions
        systems = {it.key: it for it in game.points if not it.archived}
        before: dict[str, int | None] = {}
        for entry in record.entries:
            if isinstance(entry, PointsEntry):
                key = (*who, entry.system)
                before.setdefault(entry.system, self._held.get(key))
                after = self._held.get(key, 0) + entry.awarded
                if after != entry.total:
                    yield f"I6 {given}: {key} has {after}, not {entry.total}"
                self._held[key] = entry.total
                yield from _check_award(given, systems.get(entry.system), entry)
            if isinstance(entry, AchievementEntry) and entry.achievement not in _active(game):
                yield f"I6 {given}: {entry.achievement} is not active"
        expected = set()
        for name, balance in before.items():
            total = self._held[(*who, name)]
            if (system := systems.get(name)) is None or total == balance:
                continue
            change = (name, _level(system, balance), _level(system, total))
            if change[1] != change[2]:
                expected.add(change)
        levels = [it for it in record.entries if isinstance(it, LevelEntry)]
        found = {(it.system, it.before, it.after) for it in levels}
        if found != expected:
            yield f"I6 {given}: levels {found}, by the balances {expected}"


def _check_award(given: str, system: PointsSystem | None, entry: PointsEntry) -> Iterator[str]:
    """What awards it is there and active, the cap holds, and nothing falls below 0."""
    if system is None:
        yield f"I6 {given}: there is no system {entry.system}"
        return
    here, total, cap = f"I6 {given}: {system.key}", entry.total, system.maxPoints
    if total < 0 or (entry.awarded > 0 and cap is not None and total > cap):
        yield f"{here} has {total} points"
    active = {it.key for it in system.triggers if it.status == "active" and not it.archived}
    if entry.trigger is not None and entry.trigger not in active:
        yield f"{here} has no active trigger {entry.trigger}"
    boosts = {it.key for it in system.boosts if not it.archived}
    if unknown := set(entry.boosts) - boosts:
        yield f"{here} has no boosts {unknown}"


def _active(game: Definitions) -> set[str]:
    return {it.key for it in game.achievements if it.status == "active" and not it.archived}


def _level(system: PointsSystem, balance: int | None) -> str | None:
    """The level at a balance; None is no award yet, or too few points for any."""
    levels = [it for it in system.levels if not it.archived]
    reached = [it for it in levels if balance is not None and it.points <= balance]
    return max(reached, key=lambda it: it.points).key if reached else None
