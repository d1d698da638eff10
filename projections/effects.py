"""What a batch of ledger records did, sorted by kind: read once, for all read models to take from.

Pure. Records that were not applied have no effects; only the position moves on past them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, NamedTuple, TypeVar, assert_never

from schemas.entries import (
    AchievementEntry,
    DefinitionsEntry,
    LevelEntry,
    PointsEntry,
    Record,
    StreakEntry,
    TotalEntry,
    UserEntry,
)

AnyEntry = TypeVar("AnyEntry")


class Applied(NamedTuple):
    """An applied record and where it stands in the ledger."""

    partition: int
    offset: int
    record: Record
    # The user's local date of the event.
    day: str


class Effect(NamedTuple, Generic[AnyEntry]):
    """One entry of an applied record."""

    of: Applied
    # Its index among the entries of its record, and with that the effect's id.
    place: int
    entry: AnyEntry

    @property
    def id(self) -> str:
        """The effect's name, the same everywhere and for ever."""
        return f"{self.of.record['id']}:{self.place}"


@dataclass(slots=True)
class Effects:
    """The effects of a batch by kind, each list in the order of the ledger."""

    seen: list[Applied] = field(default_factory=list)
    users: list[Effect[UserEntry]] = field(default_factory=list)
    totals: list[Effect[TotalEntry]] = field(default_factory=list)
    streaks: list[Effect[StreakEntry]] = field(default_factory=list)
    achievements: list[Effect[AchievementEntry]] = field(default_factory=list)
    points: list[Effect[PointsEntry]] = field(default_factory=list)
    levels: list[Effect[LevelEntry]] = field(default_factory=list)
    definitions: list[Effect[DefinitionsEntry]] = field(default_factory=list)


def effects_of(records: Iterable[tuple[int, int, Record]]) -> Effects:
    """Sort records, given as (partition, ledger offset, record) in order, into their effects."""
    effects = Effects()
    for partition, offset, record in records:
        if record["outcome"] == "applied":
            applied = Applied(partition, offset, record, _day_of(record))
            if record["user"] is not None:
                effects.seen.append(applied)
            _sort(effects, applied)
    return effects


def _sort(effects: Effects, of: Applied) -> None:
    for index, entry in enumerate(of.record["entries"]):
        match entry["kind"]:
            case "total":
                effects.totals.append(Effect(of, index, entry))
            case "points":
                effects.points.append(Effect(of, index, entry))
            case "streak":
                effects.streaks.append(Effect(of, index, entry))
            case "achievement":
                effects.achievements.append(Effect(of, index, entry))
            case "level":
                effects.levels.append(Effect(of, index, entry))
            case "user":
                effects.users.append(Effect(of, index, entry))
            case "definitions":
                effects.definitions.append(Effect(of, index, entry))
            case "progress":
                # A period that is not satisfied yet is nobody's to read.
                pass
            case _ as unknown:
                assert_never(unknown)


def _day_of(record: Record) -> str:
    for entry in record["entries"]:
        if entry["kind"] == "total":
            return entry["day"]
    return datetime.fromisoformat(record["at"]).astimezone(UTC).date().isoformat()
