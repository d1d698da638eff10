"""From a ledger record to the notices for downstream services: pure, one notice per told effect."""

from collections.abc import Iterator
from typing import NamedTuple, assert_never

from schemas.entries import Entry, PointsEntry, Record, StreakEntry
from schemas.notices import (
    AchievementCompleted,
    FreezesChanged,
    LevelChanged,
    Notice,
    PointsAwarded,
    StreakChanged,
)
from schemas.topics import Topics, user_key


class Outgoing(NamedTuple):
    """A notice, where it goes and under which key."""

    topic: str
    key: bytes
    notice: Notice


def notices_of(record: Record, topics: Topics) -> Iterator[Outgoing]:
    """Return the notices of a record: none for what nobody is to be told of."""
    if record["outcome"] != "applied" or record["user"] is None:
        return
    key = user_key(record["tenant"], record["user"])
    for index, entry in enumerate(record["entries"]):
        notice: Notice = {
            "id": f"{record['id']}:{index}",
            "tenant": record["tenant"],
            "user": record["user"],
            "at": record["at"],
            "event": record["id"],
            "definitions": record["definitions"],
        }
        told = _tell(entry, notice, topics)
        if told is not None:
            yield Outgoing(told[0], key, told[1])


def _tell(entry: Entry, base: Notice, topics: Topics) -> tuple[str, Notice] | None:  # noqa: PLR0911  one return per kind of entry
    if entry.get("quiet"):
        return None
    match entry["kind"]:
        case "points":
            return topics.points_awarded, _points(entry, base)
        case "level":
            level: LevelChanged = {
                **base,
                "system": entry["system"],
                "previousLevel": entry["before"],
                "newLevel": entry["after"],
                "total": entry["total"],
            }
            return topics.level_changed, level
        case "achievement":
            completed: AchievementCompleted = {**base, "achievement": entry["achievement"]}
            return topics.achievement_completed, completed
        case "streak":
            streak = _streak(entry, base)
            return (topics.streak_changed, streak) if streak else None
        case "freezes":
            freezes: FreezesChanged = {
                **base,
                "change": entry["change"],
                "amount": entry["amount"],
                "freezes": entry["freezes"],
            }
            return topics.streak_changed, freezes
        case (
            "user"
            | "total"
            | "progress"
            | "pauses"
            | "preferences"
            | "correction"
            | "backfill"
            | "backfilled"
            | "due"
            | "hold"
            | "boost"
            | "definitions"
        ):
            # Nothing that a user got or lost; what follows from it has entries of its own.
            return None
        case _ as unknown:
            assert_never(unknown)


def _points(entry: PointsEntry, base: Notice) -> PointsAwarded:
    notice: PointsAwarded = {
        "id": base["id"],
        "tenant": base["tenant"],
        "user": base["user"],
        "at": entry.get("at", base["at"]),
        "event": base["event"],
        "definitions": base["definitions"],
        "system": entry["system"],
        "trigger": entry["trigger"],
        "awarded": entry["awarded"],
        "total": entry["total"],
    }
    if "boosts" in entry:
        notice["boosts"] = entry["boosts"]
    if "count" in entry:
        notice["count"] = entry["count"]
    if "reason" in entry:
        notice["reason"] = entry["reason"]
    return notice


def _streak(entry: StreakEntry, base: Notice) -> StreakChanged | None:
    match entry["change"]:
        case "carried" | "paused":
            return None
        case change:
            pass
    notice: StreakChanged = {
        "id": base["id"],
        "tenant": base["tenant"],
        "user": base["user"],
        "at": base["at"],
        "event": base["event"],
        "definitions": base["definitions"],
        "frequency": entry["frequency"],
        "change": change,
        "length": entry["length"],
        "lost": entry.get("lost"),
    }
    if "consumed" in entry:
        notice["consumed"] = entry["consumed"]
    if "freezes" in entry:
        notice["freezes"] = entry["freezes"]
    return notice
